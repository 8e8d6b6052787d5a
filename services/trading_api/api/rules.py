"""The market's calendar and the participants' limits: seen, and changed by the operator."""

from fastapi import APIRouter
from typing_extensions import TypedDict

from optimizers.orders.rules import own_rules
from services.trading_api.api.guard import guarded
from services.trading_api.api.parts import Caller, PartsHere
from services.trading_api.api.problems import FieldError, Problem, shown
from services.trading_api.api.reads import Cursor, Limit, paged
from services.trading_api.api.schemas import Asked, CalendarIn, LimitsIn, PageOut
from services.trading_api.domain.access import Principal, Scope
from services.trading_api.domain.shapes import CalendarView, LimitsView
from services.trading_api.domain.views import calendar_view, instant_text, limits_view
from services.trading_api.handlers import commands
from services.trading_api.store import market_rules
from shared.db.engine import reading

ruling = APIRouter(prefix="/api/v1", route_class=guarded(Scope.MARKET_OPERATE), tags=["operation"])
seeing = APIRouter(prefix="/api/v1", route_class=guarded(Scope.MARKET_READ), tags=["facts"])


class Calendars(TypedDict):
    """All versions of the calendar, the complex file's first."""

    versions: list[CalendarView]


@seeing.get("/market/calendar")
def get_calendar(parts: PartsHere, caller: Caller) -> Calendars:
    """Return the versions of the market calendar; the newest whose `effective_from` has come holds."""
    with reading(parts.engine) as db:
        later = market_rules.versions(db, caller.complex_id)
    own = calendar_view(own_rules(parts.complex_of(caller).market), operator=None)
    versions = [own, *(calendar_view(rules, operator=operator) for rules, operator in later)]
    return {"versions": [_as_seen_by(caller, one) for one in versions]}


def _as_seen_by(caller: Principal, calendar: CalendarView) -> CalendarView:
    """Leave a factory no other one's name."""
    traders = calendar["traders"]
    if traders is None or caller.participant_id is None:
        return calendar
    return {**calendar, "traders": [one for one in traders if one == caller.participant_id]}


@ruling.post("/market/calendar", status_code=202)
def post_calendar(wanted: CalendarIn, parts: PartsHere, caller: Caller) -> Asked:
    """Ask the market for a new version of its calendar, which holds from a coming instant on."""
    strangers = sorted(set(wanted.traders or ()) - set(parts.complex_of(caller).by_participant))
    if strangers:
        raise Problem("invalid_request", errors=[_stranger("traders", strangers[0])])
    with parts.engine.begin() as db:
        deeds = parts.market_deeds(db, caller)
        commands.change_calendar(deeds, wanted.calendar())
    return Asked(requested_at=instant_text(deeds.now))


@ruling.get("/limits")
def get_limits(parts: PartsHere, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[LimitsView]:
    """List the participants' own limits, as the market keeps them."""
    return paged(parts, market_rules.limit_list(caller.complex_id), limits_view, limit=limit, cursor=cursor)


@ruling.post("/limits", status_code=202)
def post_limits(wanted: LimitsIn, parts: PartsHere, caller: Caller) -> Asked:
    """Ask the market to limit what a participant may have open."""
    if wanted.participant_id not in parts.complex_of(caller).by_participant:
        raise Problem("invalid_request", errors=[_stranger("participant_id", wanted.participant_id)])
    with parts.engine.begin() as db:
        deeds = parts.market_deeds(db, caller)
        commands.change_limits(
            deeds,
            wanted.participant_id,
            open_orders_max=wanted.open_orders_max,
            credit_krw_max=wanted.credit_limit_krw,
        )
    return Asked(requested_at=instant_text(deeds.now))


def _stranger(field: str, name: str) -> FieldError:
    return FieldError(field, "must name a participant of the complex", None, shown(name))
