"""Lists and single facts of the read model."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query

from services.trading_api.api.guard import guarded
from services.trading_api.api.overview import complex_view
from services.trading_api.api.parts import Caller, Parts, PartsHere
from services.trading_api.api.problems import FieldError, Problem, shown
from services.trading_api.api.schemas import DeliveryStart, PageOut, WholeNumber
from services.trading_api.domain.access import Scope
from services.trading_api.domain.devices import DeviceView, devices_shown
from services.trading_api.domain.shapes import (
    AccuracyView,
    AuctionView,
    DayAheadView,
    ForecastView,
    OrderView,
    ReadingView,
    ScheduleView,
    StatementView,
    TradeView,
)
from services.trading_api.domain.views import (
    accuracy_view,
    auction_view,
    day_ahead_view,
    forecast_view,
    order_view,
    reading_view,
    schedule_view,
    statement_view,
    trade_view,
)
from services.trading_api.store import lists
from services.trading_api.store.orders import orders_of_interval
from services.trading_api.store.paging import BadCursor, Listing, page
from services.trading_api.store.sql import rows_of
from shared.db.engine import reading

market = APIRouter(prefix="/api/v1", route_class=guarded(Scope.MARKET_READ), tags=["facts"])
series = APIRouter(prefix="/api/v1", route_class=guarded(Scope.SERIES_READ), tags=["facts"])
trading = APIRouter(prefix="/api/v1", route_class=guarded(Scope.ORDERS_READ), tags=["facts"])
accounts = APIRouter(prefix="/api/v1", route_class=guarded(Scope.ACCOUNTS_READ), tags=["facts"])

ItemT = TypeVar("ItemT")
Limit = Annotated[WholeNumber, Query(ge=1, le=1000, description="At most so many items.")]
Cursor = Annotated[str | None, Query(max_length=500, description="The next_cursor of the page before.")]


def paged(
    parts: Parts, listing: Listing, view: Callable[[Mapping[Any, Any]], ItemT], *, limit: int, cursor: str | None
) -> PageOut[ItemT]:
    """Return a page of a listing, each row as its view."""
    try:
        with reading(parts.engine) as db:
            found = page(db, listing, limit=limit, cursor=cursor)
    except BadCursor:
        raise bad_cursor(cursor) from None
    return PageOut(items=[view(row) for row in found.rows], next_cursor=found.next_cursor)


def bad_cursor(cursor: str | None) -> Problem:
    """Return the problem of a cursor that was not given out for this list."""
    error = FieldError("query.cursor", "must be the next_cursor of a page of this list", None, shown(cursor))
    return Problem("invalid_request", errors=[error])


@market.get("/auctions")
def get_auctions(parts: PartsHere, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[AuctionView]:
    """List auctions by delivery, the latest first."""
    return paged(parts, lists.auction_list(caller.complex_id), auction_view, limit=limit, cursor=cursor)


class AuctionDetail(AuctionView):
    """An auction with the orders in it, and its trades, that the caller may see; a planner sees none."""

    own_orders: list[OrderView]
    own_trades: list[TradeView]


@market.get("/auctions/{delivery_start}")
def get_auction(delivery_start: Annotated[DeliveryStart, Path()], parts: PartsHere, caller: Caller) -> AuctionDetail:
    """Return one auction: the public result, and what it meant to the caller."""
    seen_by = caller.participant_id
    orders: Sequence[Mapping[Any, Any]] = ()
    trades: Sequence[Mapping[Any, Any]] = ()
    with reading(parts.engine) as db:
        found = lists.auction(db, caller.complex_id, delivery_start)
        if caller.may(Scope.ORDERS_READ):
            orders = orders_of_interval(db, caller.complex_id, delivery_start)
            listing = lists.trade_list(caller.complex_id, seen_by=seen_by, delivery_start=delivery_start)
            trades = rows_of(db, listing.query)
    if found is None:
        raise Problem("not_found")
    own_orders = [order_view(row) for row in orders if seen_by in {None, row["participant_id"]}]
    own_trades = [trade_view(row, seen_by=seen_by) for row in trades]
    return AuctionDetail(**auction_view(found), own_orders=own_orders, own_trades=own_trades)


@market.get("/day-ahead")
def get_day_ahead(parts: PartsHere, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[DayAheadView]:
    """List what the day-ahead auctions gave, an interval each, the latest delivery first."""
    return paged(parts, lists.day_ahead_list(caller.complex_id), day_ahead_view, limit=limit, cursor=cursor)


@trading.get("/trades")
def get_trades(parts: PartsHere, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[TradeView]:
    """List trades, the latest delivery first; a factory sees its own side of its own."""
    listing = lists.trade_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(parts, listing, lambda row: trade_view(row, seen_by=caller.participant_id), limit=limit, cursor=cursor)


@accounts.get("/statements")
def get_statements(
    parts: PartsHere, caller: Caller, limit: Limit = 100, cursor: Cursor = None
) -> PageOut[StatementView]:
    """List daily statements."""
    listing = lists.statement_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(parts, listing, statement_view, limit=limit, cursor=cursor)


@series.get("/readings")
def get_readings(parts: PartsHere, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[ReadingView]:
    """List meter readings, the latest first."""
    listing = lists.reading_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(parts, listing, reading_view, limit=limit, cursor=cursor)


@series.get("/forecasts")
def get_forecasts(parts: PartsHere, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[ForecastView]:
    """List the newest forecast of each site."""
    listing = lists.forecast_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(parts, listing, forecast_view, limit=limit, cursor=cursor)


@series.get("/accuracy")
def get_accuracy(parts: PartsHere, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[AccuracyView]:
    """List how good the forecasts were, by lead: of each site, and of all sites together."""
    listing = lists.accuracy_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(parts, listing, accuracy_view, limit=limit, cursor=cursor)


@series.get("/schedules")
def get_schedules(parts: PartsHere, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[ScheduleView]:
    """List the newest plan of each battery."""
    listing = lists.schedule_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(parts, listing, schedule_view, limit=limit, cursor=cursor)


@series.get("/devices")
def get_devices(parts: PartsHere, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[DeviceView]:
    """List the devices as they were last heard; of what is `stale` or has `flags`, nothing counts as of now."""
    listing = lists.device_list(caller.complex_id, seen_by=caller.participant_id)
    show = devices_shown(parts.complex_of(caller), now=parts.clock.shown(), speed=parts.clock.speed)
    return paged(parts, listing, show, limit=limit, cursor=cursor)


@series.get("/complex")
def get_complex(parts: PartsHere, caller: Caller) -> dict[str, Any]:
    """Return who takes part, behind which feeder, with which devices."""
    return complex_view(parts.complex_of(caller), seen_by=caller.participant_id)
