"""Orders in, orders back, orders seen."""

from typing import Annotated, Any, assert_never

from fastapi import APIRouter, Query, Response

from services.trading_api.api.guard import guarded
from services.trading_api.api.parts import Caller, Parts, PartsHere
from services.trading_api.api.problems import FieldError, Problem
from services.trading_api.api.reads import Cursor, Limit, paged
from services.trading_api.api.schemas import (
    AmendIn,
    BlockIn,
    ClientOrderId,
    DryRun,
    DryRunOut,
    OrderIn,
    PageOut,
    order_value_krw,
)
from services.trading_api.domain.access import Principal, Scope
from services.trading_api.domain.orders import Draft
from services.trading_api.domain.shapes import OrderView
from services.trading_api.domain.views import instant_text, order_view
from services.trading_api.handlers import entry
from services.trading_api.store import lists
from services.trading_api.store.orders import order
from shared.db.engine import reading

entering = APIRouter(prefix="/api/v1/orders", route_class=guarded(Scope.ORDERS_WRITE), tags=["orders"])
blocks = APIRouter(prefix="/api/v1/blocks", route_class=guarded(Scope.ORDERS_WRITE), tags=["orders"])
seeing = APIRouter(prefix="/api/v1/orders", route_class=guarded(Scope.ORDERS_READ), tags=["orders"])

AGAIN_OR_DRY: dict[int | str, dict[str, Any]] = {
    200: {"model": OrderView | DryRunOut, "description": "The same order again, or what a dry run says."}
}


@entering.post("", status_code=201, response_model=OrderView | DryRunOut, responses=AGAIN_OR_DRY)
def post_order(
    wanted: OrderIn, response: Response, parts: PartsHere, caller: Caller, *, dry_run: DryRun = False
) -> Any:
    """Take an order in; 201 once it is durable, 200 for the same order again."""
    return _take_in(wanted.draft(), response, parts, caller, dry_run=dry_run)


@blocks.post("", status_code=201, response_model=OrderView | DryRunOut, responses=AGAIN_OR_DRY)
def post_block(
    wanted: BlockIn, response: Response, parts: PartsHere, caller: Caller, *, dry_run: DryRun = False
) -> Any:
    """Take in a fill-or-kill order of the day-ahead auction; from then on it is an order like others."""
    return _take_in(wanted.draft(), response, parts, caller, dry_run=dry_run)


def _take_in(
    draft: Draft, response: Response, parts: Parts, caller: Principal, *, dry_run: bool
) -> OrderView | DryRunOut:
    desk = parts.desk_of(caller)
    with parts.engine.begin() as db:
        outcome = entry.submit(db, desk, caller, draft, dry_run=dry_run)
        if dry_run:
            db.rollback()
    match outcome:
        case entry.Created(order=row) if not dry_run:
            parts.feed.nudge()
            response.headers["Location"] = f"/api/v1/orders/{row['order_id']}"
            return order_view(row)
        case entry.Created(gate_closure=gate_closure):
            response.status_code = 200
            return DryRunOut(gate_closure=instant_text(gate_closure), value_krw=order_value_krw(draft))
        case entry.Repeated(order=row):
            response.status_code = 200
            return order_view(row)
        case _:
            raise _refusal(outcome)


def _refusal(
    outcome: entry.Reused | entry.Closed | entry.TooManyOpen | entry.OutOfLimits | entry.Suspended,
) -> Problem:
    match outcome:
        case entry.Suspended(since=since, reason=reason):
            return Problem("participant_suspended", since=instant_text(since), reason=reason)
        case entry.Reused(order=row):
            return Problem("client_order_id_reused", order_id=row["order_id"])
        case entry.GateClosed() | entry.NoDayAhead():
            return closed(outcome)
        case entry.TooManyOpen(limit=limit):
            return Problem("too_many_open_orders", limit=limit)
        case entry.OutOfLimits(broken=broken):
            errors = [FieldError(one.field, one.rule, one.limit, one.value) for one in broken]
            return Problem("limit_exceeded", errors=errors)
        case _:
            assert_never(outcome)


def closed(outcome: entry.Closed) -> Problem:
    """Return the problem of a book that is closed, or never opens."""
    if isinstance(outcome, entry.NoDayAhead):
        return Problem("no_day_ahead_auction")
    return Problem(
        "gate_closed",
        delivery_start=instant_text(outcome.delivery_start),
        gate_closure=instant_text(outcome.gate_closure),
    )


@seeing.get("")
def get_orders(
    parts: PartsHere,
    caller: Caller,
    client_order_id: Annotated[ClientOrderId | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> PageOut[OrderView]:
    """List orders, the newest first; a factory sees its own."""
    listing = lists.order_list(caller.complex_id, seen_by=caller.participant_id, client_order_id=client_order_id)
    return paged(parts, listing, order_view, limit=limit, cursor=cursor)


@seeing.get("/{order_id}")
def get_order(order_id: str, parts: PartsHere, caller: Caller) -> OrderView:
    """Return one order; another participant's is not there."""
    with reading(parts.engine) as db:
        row = order(db, caller.complex_id, order_id)
    if row is None or caller.participant_id not in {None, row["participant_id"]}:
        raise Problem("not_found")
    return order_view(row)


@entering.patch("/{order_id}", status_code=202)
def patch_order(order_id: str, wanted: AmendIn, parts: PartsHere, caller: Caller) -> OrderView:
    """Ask the market to change an order; its word shows in `amendment`. Only less at the same price keeps its place."""
    change = entry.Change(price_jeon_per_kwh=wanted.price_jeon_per_kwh, quantity_wh=wanted.quantity_wh)
    with parts.engine.begin() as db:
        outcome = entry.amend(db, parts.desk_of(caller), caller, order_id, change)
    match outcome:
        case None:
            raise Problem("not_found")
        case entry.AmendAsked(order=row):
            parts.feed.nudge()
            return order_view(row)
        case entry.Ended(order=row):
            raise Problem("order_ended", order_status=row["status"])
        case entry.NotAmendable():
            raise Problem("block_not_amendable")
        case entry.GateClosed() | entry.NoDayAhead() | entry.OutOfLimits() | entry.Suspended():
            raise _refusal(outcome)
        case _:
            assert_never(outcome)


@entering.delete("/{order_id}", status_code=202)
def delete_order(order_id: str, parts: PartsHere, caller: Caller) -> OrderView:
    """Ask the market to take an order back; whether that was in time shows in the order's status."""
    with parts.engine.begin() as db:
        outcome = entry.cancel(db, parts.desk_of(caller), caller, order_id)
    match outcome:
        case None:
            raise Problem("not_found")
        case entry.CancelAsked(order=row):
            parts.feed.nudge()
            return order_view(row)
        case entry.Ended(order=row):
            raise Problem("order_ended", order_status=row["status"])
        case entry.GateClosed() | entry.NoDayAhead():
            raise closed(outcome)
        case _:
            assert_never(outcome)


@entering.delete("", status_code=202)
def delete_orders(parts: PartsHere, caller: Caller) -> PageOut[OrderView]:
    """Ask the market to take back every order whose book is still open."""
    with parts.engine.begin() as db:
        asked = entry.cancel_all(db, parts.desk_of(caller), caller)
    parts.feed.nudge()
    return PageOut[OrderView](items=[order_view(row) for row in asked], next_cursor=None)
