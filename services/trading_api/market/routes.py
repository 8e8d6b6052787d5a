"""The market: its auctions, trades and calendar seen; halted, resumed and ruled by the operator."""

from fastapi import APIRouter
from typing_extensions import TypedDict

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
    LimitsView,
    TradeView,
    auction_view,
    day_ahead_view,
    limits_view,
    trade_view,
)
from services.trading_api.roles import Scope
from services.trading_api.rules import queries as rules_queries
from services.trading_api.text import instant_text
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
def post_calendar(wanted: CalendarIn, state: State, caller: Caller) -> Asked:
    """Ask the market for a new version of its calendar, which holds from a coming instant on."""
    strangers = sorted(set(wanted.traders or ()) - set(state.complex_of(caller).by_participant))
    if strangers:
        raise Problem("invalid_request", errors=[_stranger("traders", strangers[0])])
    with state.begin() as db:
        command = market_command(db, caller, state.clock)
        commands.change_calendar(command, wanted.calendar())
    return Asked(requested_at=instant_text(command.now))


@operating.get("/limits")
def get_limits(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[LimitsView]:
    """List the participants' own limits, as the market keeps them."""
    return paged(state, rules_queries.limit_list(caller.complex_id), limits_view, limit=limit, cursor=cursor)


@operating.post("/limits", status_code=202)
def post_limits(wanted: LimitsIn, state: State, caller: Caller) -> Asked:
    """Ask the market to limit what a participant may have open."""
    if wanted.participant_id not in state.complex_of(caller).by_participant:
        raise Problem("invalid_request", errors=[_stranger("participant_id", wanted.participant_id)])
    with state.begin() as db:
        command = market_command(db, caller, state.clock)
        commands.change_limits(
            command,
            wanted.participant_id,
            open_orders_max=wanted.open_orders_max,
            credit_krw_max=wanted.credit_limit_krw,
        )
    return Asked(requested_at=instant_text(command.now))


def _stranger(field: str, name: str) -> FieldError:
    return FieldError(field, "must name a participant of the complex", None, shown(name))


@operating.post("/participants/{participant_id}/suspend", status_code=202)
def suspend_participant(participant_id: str, wanted: SuspendIn, state: State, caller: Caller) -> Asked:
    """Ask the market to cancel a participant's open orders and to take no more; what it has traded stands."""
    member = state.member_of(caller, participant_id)
    with state.begin() as db:
        command = market_command(db, caller, state.clock)
        commands.suspend_participant(command, member.participant_id, wanted.reason)
    return Asked(requested_at=instant_text(command.now))


@operating.post("/participants/{participant_id}/resume", status_code=202)
def resume_participant(participant_id: str, state: State, caller: Caller) -> Asked:
    """Ask the market to take a suspended participant's orders again."""
    member = state.member_of(caller, participant_id)
    with state.begin() as db:
        command = market_command(db, caller, state.clock)
        commands.resume_participant(command, member.participant_id)
    return Asked(requested_at=instant_text(command.now))


@operating.post("/market/halt", status_code=202)
def halt_market(wanted: HaltIn, state: State, caller: Caller) -> Asked:
    """Ask the market to take no orders and to trade nothing until it is resumed."""
    with state.begin() as db:
        command = market_command(db, caller, state.clock)
        commands.halt(command, wanted.reason)
    return Asked(requested_at=instant_text(command.now))


@operating.post("/market/resume", status_code=202)
def resume_market(state: State, caller: Caller) -> Asked:
    """Ask the market to go on."""
    with state.begin() as db:
        command = market_command(db, caller, state.clock)
        commands.resume(command)
    return Asked(requested_at=instant_text(command.now))
