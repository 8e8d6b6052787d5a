"""Orders in, orders back, orders seen."""

from typing import Annotated, assert_never

from fastapi import APIRouter, Query, Response

from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import Cursor, Limit, PageOut, paged
from services.trading_api.http.problems import FieldError, Problem
from services.trading_api.http.state import AppState, Caller, State
from services.trading_api.orders import commands, queries
from services.trading_api.orders.domain import Draft
from services.trading_api.orders.queries import order
from services.trading_api.orders.schemas import (
    AmendIn,
    BlockIn,
    ClientOrderId,
    DryRun,
    DryRunOut,
    OrderIn,
    order_value_krw,
)
from services.trading_api.orders.views import OrderView, order_view
from services.trading_api.roles import Principal, Scope
from services.trading_api.text import JsonObject, instant_text
from shared.db.engine import reading

entering = APIRouter(prefix="/api/v1/orders", route_class=guarded(Scope.ORDERS_WRITE), tags=["orders"])
blocks = APIRouter(prefix="/api/v1/blocks", route_class=guarded(Scope.ORDERS_WRITE), tags=["orders"])
seeing = APIRouter(prefix="/api/v1/orders", route_class=guarded(Scope.ORDERS_READ), tags=["orders"])
ROUTERS = (entering, blocks, seeing)

AGAIN_OR_DRY: dict[int | str, JsonObject] = {
    200: {"model": OrderView | DryRunOut, "description": "The same order again, or what a dry run says."}
}


@entering.post("", status_code=201, response_model=OrderView | DryRunOut, responses=AGAIN_OR_DRY)
def post_order(
    wanted: OrderIn, response: Response, state: State, caller: Caller, *, dry_run: DryRun = False
) -> OrderView | DryRunOut:
    """Take an order in; 201 once it is durable, 200 for the same order again."""
    return _take_in(wanted.draft(), response, state, caller, dry_run=dry_run)


@blocks.post("", status_code=201, response_model=OrderView | DryRunOut, responses=AGAIN_OR_DRY)
def post_block(
    wanted: BlockIn, response: Response, state: State, caller: Caller, *, dry_run: DryRun = False
) -> OrderView | DryRunOut:
    """Take in a fill-or-kill order of the day-ahead auction; from then on it is an order like others."""
    return _take_in(wanted.draft(), response, state, caller, dry_run=dry_run)


def _desk(state: AppState, caller: Principal) -> commands.Desk:
    return commands.Desk(state.complex_of(caller), state.clock, state.options.open_orders_max)


def _take_in(
    draft: Draft, response: Response, state: AppState, caller: Principal, *, dry_run: bool
) -> OrderView | DryRunOut:
    desk = _desk(state, caller)
    # What would happen is only read: it waits for nobody who writes.
    with reading(state.engine) if dry_run else state.begin() as db:
        outcome = commands.submit(db, desk, caller, draft, dry_run=dry_run)
    match outcome:
        case commands.Created(order=row) if not dry_run:
            response.headers["Location"] = f"/api/v1/orders/{row['order_id']}"
            return order_view(row)
        case commands.Created(gate_closure=gate_closure):
            response.status_code = 200
            return DryRunOut(gate_closure=instant_text(gate_closure), value_krw=order_value_krw(draft))
        case commands.Repeated(order=row):
            response.status_code = 200
            return order_view(row)
        case _:
            raise _refusal(outcome)


def _refusal(
    outcome: commands.Reused | commands.Closed | commands.TooManyOpen | commands.OutOfLimits | commands.Suspended,
) -> Problem:
    match outcome:
        case commands.Suspended(since=since, reason=reason):
            return Problem("participant_suspended", since=since, reason=reason)
        case commands.Reused(order=row):
            return Problem("client_order_id_reused", order_id=row["order_id"])
        case commands.GateClosed() | commands.NoDayAhead():
            return closed(outcome)
        case commands.TooManyOpen(limit=limit):
            return Problem("too_many_open_orders", limit=limit)
        case commands.OutOfLimits(broken=broken):
            errors = [FieldError(breach.field, breach.rule, breach.limit, breach.value) for breach in broken]
            return Problem("limit_exceeded", errors=errors)
        case _:
            assert_never(outcome)


def closed(outcome: commands.Closed) -> Problem:
    """Return the problem of a book that is closed, or never opens."""
    if isinstance(outcome, commands.NoDayAhead):
        return Problem("no_day_ahead_auction")
    return Problem(
        "gate_closed",
        delivery_start=outcome.delivery_start,
        gate_closure=outcome.gate_closure,
    )


@seeing.get("")
def get_orders(
    state: State,
    caller: Caller,
    client_order_id: Annotated[ClientOrderId | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> PageOut[OrderView]:
    """List orders, the newest first; a factory sees its own."""
    listing = queries.order_list(caller.complex_id, seen_by=caller.participant_id, client_order_id=client_order_id)
    return paged(state, listing, order_view, limit=limit, cursor=cursor)


@seeing.get("/{order_id}")
def get_order(order_id: str, state: State, caller: Caller) -> OrderView:
    """Return one order; another participant's is not there."""
    with reading(state.engine) as db:
        row = order(db, caller.complex_id, order_id)
    if row is None or caller.participant_id not in {None, row["participant_id"]}:
        raise Problem("not_found")
    return order_view(row)


@entering.patch("/{order_id}", status_code=202)
def patch_order(order_id: str, wanted: AmendIn, state: State, caller: Caller) -> OrderView:
    """Ask the market to change an order; its word shows in `amendment`. Only less at the same price keeps its place."""
    change = commands.Change(price_jeon_per_kwh=wanted.price_jeon_per_kwh, quantity_wh=wanted.quantity_wh)
    with state.begin() as db:
        outcome = commands.amend(db, _desk(state, caller), caller, order_id, change)
    match outcome:
        case None:
            raise Problem("not_found")
        case commands.AmendAsked(order=row):
            return order_view(row)
        case commands.Ended(order=row):
            raise Problem("order_ended", order_status=row["status"])
        case commands.NotAmendable():
            raise Problem("block_not_amendable")
        case commands.GateClosed() | commands.NoDayAhead() | commands.OutOfLimits() | commands.Suspended():
            raise _refusal(outcome)
        case _:
            assert_never(outcome)


@entering.delete("/{order_id}", status_code=202)
def delete_order(order_id: str, state: State, caller: Caller) -> OrderView:
    """Ask the market to take an order back; whether that was in time shows in the order's status."""
    with state.begin() as db:
        outcome = commands.cancel(db, _desk(state, caller), caller, order_id)
    match outcome:
        case None:
            raise Problem("not_found")
        case commands.CancelAsked(order=row):
            return order_view(row)
        case commands.Ended(order=row):
            raise Problem("order_ended", order_status=row["status"])
        case commands.GateClosed() | commands.NoDayAhead():
            raise closed(outcome)
        case _:
            assert_never(outcome)


@entering.delete("", status_code=202)
def delete_orders(state: State, caller: Caller) -> PageOut[OrderView]:
    """Ask the market to take back every order whose book is still open."""
    with state.begin() as db:
        asked = commands.cancel_all(db, _desk(state, caller), caller)
    return PageOut[OrderView](items=[order_view(row) for row in asked], next_cursor=None)
