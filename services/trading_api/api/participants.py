"""Who takes part: seen by the operator, suspended and let trade again."""

from fastapi import APIRouter
from sqlalchemy.engine import Connection

from services.trading_api.api.guard import guarded
from services.trading_api.api.parts import Caller, Parts, PartsHere
from services.trading_api.api.problems import Problem
from services.trading_api.api.reads import Cursor, Limit, bad_cursor
from services.trading_api.api.schemas import Asked, PageOut, SuspendIn
from services.trading_api.domain.access import Principal, Scope
from services.trading_api.domain.participants import MarketNow, ParticipantView, participant_view
from services.trading_api.domain.views import instant_text
from services.trading_api.handlers import commands
from services.trading_api.store import keys, lists, market_rules
from services.trading_api.store.paging import BadCursor, ids_after
from shared.complex.model import Participant
from shared.db.engine import reading

router = APIRouter(prefix="/api/v1/participants", route_class=guarded(Scope.MARKET_OPERATE), tags=["operation"])


@router.get("")
def get_participants(
    parts: PartsHere, caller: Caller, limit: Limit = 100, cursor: Cursor = None
) -> PageOut[ParticipantView]:
    """List the participants of the complex file by id, each with its standing in the market."""
    members = parts.complex_of(caller).by_participant
    try:
        ids, next_cursor = ids_after("participants", members, limit=limit, cursor=cursor)
    except BadCursor:
        raise bad_cursor(cursor) from None
    with reading(parts.engine) as db:
        now = _market_now(db, parts, caller)
    return PageOut(items=[participant_view(members[one], now) for one in ids], next_cursor=next_cursor)


@router.get("/{participant_id}")
def get_participant(participant_id: str, parts: PartsHere, caller: Caller) -> ParticipantView:
    """Return one participant with its standing in the market."""
    member = _member(parts, caller, participant_id)
    with reading(parts.engine) as db:
        return participant_view(member, _market_now(db, parts, caller))


@router.post("/{participant_id}/suspend", status_code=202)
def suspend_participant(participant_id: str, wanted: SuspendIn, parts: PartsHere, caller: Caller) -> Asked:
    """Ask the market to cancel a participant's open orders and to take no more; what it has traded stands."""
    member = _member(parts, caller, participant_id)
    with parts.engine.begin() as db:
        deeds = parts.market_deeds(db, caller)
        commands.suspend_participant(deeds, member.participant_id, wanted.reason)
    return Asked(requested_at=instant_text(deeds.now))


@router.post("/{participant_id}/resume", status_code=202)
def resume_participant(participant_id: str, parts: PartsHere, caller: Caller) -> Asked:
    """Ask the market to take a suspended participant's orders again."""
    member = _member(parts, caller, participant_id)
    with parts.engine.begin() as db:
        deeds = parts.market_deeds(db, caller)
        commands.resume_participant(deeds, member.participant_id)
    return Asked(requested_at=instant_text(deeds.now))


def _member(parts: Parts, caller: Principal, participant_id: str) -> Participant:
    member = parts.complex_of(caller).by_participant.get(participant_id)
    if member is None:
        raise Problem("not_found")
    return member


def _market_now(db: Connection, parts: Parts, caller: Principal) -> MarketNow:
    complex_id = caller.complex_id
    state = lists.market_state(db, complex_id)
    traders = market_rules.rules_at(db, parts.complex_of(caller), parts.clock.shown()).calendar.traders
    return MarketNow(
        is_halted=state is not None and state["halted"],
        traders=None if traders is None else frozenset(traders),
        suspensions=market_rules.suspensions(db, complex_id),
        limits=market_rules.limits_by_participant(db, complex_id),
        live_keys=keys.live_keys(db, complex_id),
    )
