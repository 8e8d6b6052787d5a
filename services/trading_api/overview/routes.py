"""What is made of several features: the day at a glance and in numbers, one auction, the participants."""

from typing import Annotated

from fastapi import APIRouter, Path

from services.trading_api.db.paging import BadCursor, ids_after
from services.trading_api.http.fields import Day, DeliveryStart
from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import Cursor, Limit, PageOut, bad_cursor
from services.trading_api.http.problems import Problem
from services.trading_api.http.state import Caller, State
from services.trading_api.log.commands import AuditedCommand
from services.trading_api.overview.auctions import AuctionDetail, auction_detail
from services.trading_api.overview.clock import ClockView, clock_view
from services.trading_api.overview.complex import complex_view
from services.trading_api.overview.day import overview
from services.trading_api.overview.participants import ParticipantView, market_now, participant_view
from services.trading_api.overview.report import DayProgress, Report, progress_of, report_of
from services.trading_api.overview.schemas import PaceIn
from services.trading_api.roles import Scope
from services.trading_api.text import JsonObject
from shared.db.engine import reading

day = APIRouter(prefix="/api/v1", route_class=guarded(Scope.MARKET_READ), tags=["live"])
auctions = APIRouter(prefix="/api/v1", route_class=guarded(Scope.MARKET_READ), tags=["facts"])
complex_file = APIRouter(prefix="/api/v1", route_class=guarded(Scope.SERIES_READ), tags=["facts"])
operating = APIRouter(prefix="/api/v1", route_class=guarded(Scope.MARKET_OPERATE), tags=["operation"])
ROUTERS = (day, auctions, complex_file, operating)


@day.get("/clock")
def get_clock(state: State, caller: Caller) -> ClockView:
    """Return the market's time, its speed, and the gates that close next."""
    with reading(state.engine) as db:
        return clock_view(db, state, state.complex_of(caller))


@operating.put("/clock")
def put_clock(wanted: PaceIn, state: State, caller: Caller) -> ClockView:
    """Let a simulated clock go on at another speed, for everybody; the world's can't be set."""
    if state.simulated_clock is None:
        raise Problem("clock_not_settable")
    with state.begin() as db:
        AuditedCommand(db, caller, state.clock.now()).record("clock.speed", caller.complex_id, f"x{wanted.speed:g}")
        try:
            state.simulated_clock.go_at(wanted.speed)
        except OSError:
            # Its file is somebody else's.
            raise Problem("clock_not_settable") from None
        return clock_view(db, state, state.complex_of(caller))


@day.get("/overview")
def get_overview(state: State, caller: Caller, day: Day | None = None) -> JsonObject:
    """Return a trading day at a glance; the same as the stream's snapshot."""
    with reading(state.engine) as db:
        return overview(db, state, caller, day)


@auctions.get("/auctions/{delivery_start}")
def get_auction(delivery_start: Annotated[DeliveryStart, Path()], state: State, caller: Caller) -> AuctionDetail:
    """Return one auction: the public result, and what it meant to the caller."""
    with reading(state.engine) as db:
        detail = auction_detail(db, caller, delivery_start)
    if detail is None:
        raise Problem("not_found")
    return detail


@complex_file.get("/complex")
def get_complex(state: State, caller: Caller) -> JsonObject:
    """Return who takes part, behind which feeder, with which devices."""
    return complex_view(state.complex_of(caller), seen_by=caller.participant_id)


@operating.get("/participants")
def get_participants(
    state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None
) -> PageOut[ParticipantView]:
    """List the participants of the complex file by id, each with its standing in the market."""
    complex_ = state.complex_of(caller)
    try:
        ids, next_cursor = ids_after("participants", complex_.by_participant, limit=limit, cursor=cursor)
    except BadCursor:
        raise bad_cursor(cursor) from None
    with reading(state.engine) as db:
        now = market_now(db, complex_, state.clock.shown())
    items = [participant_view(complex_.by_participant[participant_id], now) for participant_id in ids]
    return PageOut(items=items, next_cursor=next_cursor)


@operating.get("/participants/{participant_id}")
def get_participant(participant_id: str, state: State, caller: Caller) -> ParticipantView:
    """Return one participant with its standing in the market."""
    member = state.member_of(caller, participant_id)
    with reading(state.engine) as db:
        return participant_view(member, market_now(db, state.complex_of(caller), state.clock.shown()))


@operating.get("/report")
def get_report(day: Day, state: State, caller: Caller) -> Report:
    """Return a trading day in numbers."""
    with reading(state.engine) as db:
        return report_of(db, state.complex_of(caller), day)


@operating.get("/report/intervals")
def get_report_intervals(day: Day, state: State, caller: Caller) -> DayProgress:
    """Return how far each interval of a trading day is."""
    with reading(state.engine) as db:
        return progress_of(db, caller.complex_id, day)
