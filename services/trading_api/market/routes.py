"""The market: its auctions, trades and calendar seen; halted, resumed and ruled by the operator."""

from fastapi import APIRouter, Response
from typing_extensions import TypedDict

from optimizers.orders.calendar_change import CalendarStanding, refusal_of
from optimizers.orders.rules import OrderRules, own_rules
from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import Cursor, Limit, PageOut, paged
from services.trading_api.http.problems import FieldError, Problem, shown
from services.trading_api.http.state import Caller, State
from services.trading_api.log.commands import market_command
from services.trading_api.market import commands, queries
from services.trading_api.market.calendars import CalendarIn, CalendarView, calendar_view
from services.trading_api.market.schemas import Asked, HaltIn, LimitsIn, SuspendIn
from services.trading_api.market.views import (
    AuctionView,
    DayAheadView,
    DeedView,
    LimitsView,
    TradeView,
    auction_view,
    day_ahead_view,
    deed_view,
    limits_view,
    trade_view,
)
from services.trading_api.roles import Scope
from services.trading_api.rules import queries as rules_queries
from shared.db.engine import reading

market = APIRouter(prefix="/api/v1", route_class=guarded(Scope.MARKET_READ), tags=["facts"])
trades = APIRouter(prefix="/api/v1", route_class=guarded(Scope.ORDERS_READ), tags=["facts"])
operating = APIRouter(prefix="/api/v1", route_class=guarded(Scope.MARKET_OPERATE), tags=["operation"])
ROUTERS = (market, trades, operating)


@market.get("/auctions")
def get_auctions(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[AuctionView]:
    """List auctions by delivery, the latest first."""
    return paged(state, queries.auction_list(caller.complex_id), auction_view, limit=limit, cursor=cursor)


@market.get("/day-ahead")
def get_day_ahead(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[DayAheadView]:
    """List what the day-ahead auctions gave, an interval each, the latest delivery first."""
    return paged(state, queries.day_ahead_list(caller.complex_id), day_ahead_view, limit=limit, cursor=cursor)


@trades.get("/trades")
def get_trades(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[TradeView]:
    """List trades, the latest delivery first; a factory sees its own side of its own."""
    listing = queries.trade_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(state, listing, lambda row: trade_view(row, seen_by=caller.participant_id), limit=limit, cursor=cursor)


class Calendars(TypedDict):
    """All versions of the calendar, the complex file's first."""

    versions: list[CalendarView]


@market.get("/market/calendar")
def get_calendar(state: State, caller: Caller) -> Calendars:
    """Return the versions of the market calendar; the newest whose `effective_from` has come holds."""
    with reading(state.engine) as db:
        later = rules_queries.versions(db, caller.complex_id)
    own = own_rules(state.complex_of(caller).market)
    versions: list[tuple[OrderRules, str | None]] = [(own, None), *later]
    seen_by = caller.participant_id
    return {"versions": [calendar_view(rules, operator=operator, seen_by=seen_by) for rules, operator in versions]}


@operating.post("/market/calendar", status_code=202)
def post_calendar(wanted: CalendarIn, response: Response, state: State, caller: Caller) -> Asked:
    """Ask the market for a new version of its calendar, which holds from a coming instant on."""
    complex_ = state.complex_of(caller)
    strangers = sorted(set(wanted.traders or ()) - set(complex_.by_participant))
    if strangers:
        raise Problem("invalid_request", errors=[_stranger("traders", strangers[0])])
    calendar = wanted.calendar()
    with state.begin() as db:
        command = market_command(db, caller, state.clock)
        newest_from = rules_queries.newest_from(db, caller.complex_id)
        standing = CalendarStanding(complex_.market.gate_closure_lead, complex_.by_participant, newest_from)
        broken = refusal_of(calendar, standing, requested_at=command.now)
        if broken is not None:
            field, rule = broken
            sent = shown(wanted.model_dump(by_alias=True, mode="json")[field])
            raise Problem("invalid_request", errors=[FieldError(field, rule, None, sent)])
        return _accepted(commands.change_calendar(command, calendar), response)


@operating.get("/limits")
def get_limits(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[LimitsView]:
    """List the participants' own limits, as the market keeps them."""
    return paged(state, rules_queries.limit_list(caller.complex_id), limits_view, limit=limit, cursor=cursor)


@operating.post("/limits", status_code=202)
def post_limits(wanted: LimitsIn, response: Response, state: State, caller: Caller) -> Asked:
    """Ask the market to limit what a participant may have open."""
    if wanted.participant_id not in state.complex_of(caller).by_participant:
        raise Problem("invalid_request", errors=[_stranger("participant_id", wanted.participant_id)])
    with state.begin() as db:
        command = market_command(db, caller, state.clock)
        asked = commands.change_limits(
            command,
            wanted.participant_id,
            open_orders_max=wanted.open_orders_max,
            credit_krw_max=wanted.credit_limit_krw,
        )
    return _accepted(asked, response)


def _accepted(asked: Asked, response: Response) -> Asked:
    response.headers["Location"] = f"/api/v1/deeds/{asked.deed_id}"
    return asked


@operating.get("/deeds")
def get_deeds(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[DeedView]:
    """List what operators asked the market for, the latest first, each with what came of it."""
    return paged(state, queries.deed_list(caller.complex_id), deed_view, limit=limit, cursor=cursor)


@operating.get("/deeds/{deed_id}")
def get_deed(deed_id: str, state: State, caller: Caller) -> DeedView:
    """Say what came of what an operator asked the market for."""
    with reading(state.engine) as db:
        row = queries.deed(db, caller.complex_id, deed_id)
    if row is None:
        raise Problem("not_found")
    return deed_view(row)


def _stranger(field: str, name: str) -> FieldError:
    return FieldError(field, "must name a participant of the complex", None, shown(name))


@operating.post("/participants/{participant_id}/suspend", status_code=202)
def suspend_participant(
    participant_id: str, wanted: SuspendIn, response: Response, state: State, caller: Caller
) -> Asked:
    """Ask the market to cancel a participant's open orders and to take no more; what it has traded stands."""
    member = state.member_of(caller, participant_id)
    with state.begin() as db:
        command = market_command(db, caller, state.clock)
        asked = commands.suspend_participant(command, member.participant_id, wanted.reason)
    return _accepted(asked, response)


@operating.post("/participants/{participant_id}/resume", status_code=202)
def resume_participant(participant_id: str, response: Response, state: State, caller: Caller) -> Asked:
    """Ask the market to take a suspended participant's orders again."""
    member = state.member_of(caller, participant_id)
    with state.begin() as db:
        command = market_command(db, caller, state.clock)
        asked = commands.resume_participant(command, member.participant_id)
    return _accepted(asked, response)


@operating.post("/market/halt", status_code=202)
def halt_market(wanted: HaltIn, response: Response, state: State, caller: Caller) -> Asked:
    """Ask the market to take no orders and to trade nothing until it is resumed."""
    with state.begin() as db:
        command = market_command(db, caller, state.clock)
        asked = commands.halt(command, wanted.reason)
    return _accepted(asked, response)


@operating.post("/market/resume", status_code=202)
def resume_market(response: Response, state: State, caller: Caller) -> Asked:
    """Ask the market to go on."""
    with state.begin() as db:
        command = market_command(db, caller, state.clock)
        asked = commands.resume(command)
    return _accepted(asked, response)
