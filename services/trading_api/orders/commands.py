"""Take orders in and back, each in one transaction with its event: what was acknowledged is durable and sealed in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.engine import Connection, RowMapping

from optimizers.orders.rules import OrderRules, ruled_at
from services.trading_api.db.outbox import SERVICE, emit
from services.trading_api.log.stream import StreamEntry, append_to_stream
from services.trading_api.orders.domain import OPEN, BrokenLimit, Draft, OrderStatus, SubmittedOrder, broken_limits
from services.trading_api.orders.queries import (
    mark_amendment,
    mark_cancel_requested,
    open_count,
    open_orders,
    order,
    order_row,
    save_orders,
)
from services.trading_api.orders.views import order_view, price_now, quantity_now
from services.trading_api.roles import Principal, audience_of
from services.trading_api.rules.queries import rules_at, suspension
from services.trading_api.text import Row
from shared.clock import Clock
from shared.complex.model import Complex
from shared.db import order_writer
from shared.events.base import named_id
from shared.events.orders import BlockSubmitted, OrderAmendRequested, OrderCancelRequested, OrderSubmitted
from shared.events.records import Side


@dataclass(frozen=True, slots=True)
class Created:
    """The order is durable; its book closes at `gate_closure`."""

    order: Row
    gate_closure: datetime


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same order was durable before."""

    order: RowMapping


@dataclass(frozen=True, slots=True)
class Reused:
    """The client's order id stands for another order."""

    order: RowMapping


@dataclass(frozen=True, slots=True)
class GateClosed:
    """The interval's book is closed."""

    delivery_start: datetime
    gate_closure: datetime


@dataclass(frozen=True, slots=True)
class NoDayAhead:
    """The calendar in force has no day-ahead auction."""


@dataclass(frozen=True, slots=True)
class NotAmendable:
    """A block can be taken back, not changed."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """The participant may not trade."""

    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class TooManyOpen:
    """The participant has as many open orders as it may."""

    open_orders: int
    limit: int


@dataclass(frozen=True, slots=True)
class OutOfLimits:
    """The order breaks limits of its complex."""

    broken: tuple[BrokenLimit, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The order's end came before the request to take it back."""

    order: RowMapping


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """The market has been asked to take the order back, now or before."""

    order: RowMapping


@dataclass(frozen=True, slots=True)
class AmendAsked:
    """The market has been asked to change the order."""

    order: RowMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a participant wants an order to be; None leaves a figure as it is."""

    price_jeon_per_kwh: int | None
    quantity_wh: int | None


Closed = GateClosed | NoDayAhead
Amendment = AmendAsked | Ended | Closed | OutOfLimits | NotAmendable | Suspended
Submission = Created | Repeated | Reused | Closed | TooManyOpen | OutOfLimits | Suspended
Cancellation = CancelAsked | Ended | Closed


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a complex's orders are taken in."""

    complex: Complex
    clock: Clock
    open_orders_max: int


def submit(db: Connection, desk: Desk, principal: Principal, draft: Draft, *, dry_run: bool) -> Submission:
    """Take an order in; with `dry_run` say what would happen and write nothing."""
    complex_id, participant_id = principal.complex_id, _participant(principal)
    # The lock comes first: the stamp that follows can't be older than a seal that another transaction wrote.
    take_turn = order_writer.turn_now if dry_run else order_writer.next_turn
    turn = take_turn(db, complex_id, desk.clock.now)
    now = turn.stamp
    order_id = str(named_id("order", SERVICE, complex_id, participant_id, draft.client_order_id))
    known = order(db, complex_id, order_id)
    if known is not None:
        return Repeated(known) if _draft_of(known) == draft else Reused(known)
    if suspended := _suspended(db, complex_id, participant_id):
        return suspended
    rules = _rules_for(db, desk, draft, now)
    if broken := broken_limits(draft, rules):
        return OutOfLimits(tuple(broken))
    if closed := _closed(db, complex_id, rules, draft, now):
        return closed
    count = open_count(db, complex_id, participant_id)
    if count >= desk.open_orders_max:
        return TooManyOpen(count, desk.open_orders_max)
    submitted = SubmittedOrder(
        complex_id=complex_id,
        order_id=order_id,
        writer=SERVICE,
        client_order_id=draft.client_order_id,
        participant_id=participant_id,
        delivery_start=draft.delivery_start,
        side=draft.side,
        price_jeon_per_kwh=draft.price_jeon_per_kwh,
        quantity_wh=draft.quantity_wh,
        auction=draft.auction,
        block_wh=draft.block_wh,
        submitted_at=now,
        sequence=turn.sequence,
    )
    taken = {**order_row(submitted), **_NOTHING_YET}
    if not dry_run:
        save_orders(db, [submitted])
        emit(db, _event_of(submitted), named_id("order-submitted", complex_id, order_id), now=now)
        _show(db, taken, now=now)
    gate_closure = rules.gate_closure(draft.auction, draft.delivery_start)
    assert gate_closure is not None  # noqa: S101 -- the book was found open above; narrows the type
    return Created(taken, gate_closure)


def _event_of(order: SubmittedOrder) -> OrderSubmitted | BlockSubmitted:
    if order.block_wh:
        return BlockSubmitted(
            complex_id=order.complex_id,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            participant_id=order.participant_id,
            delivery_start=order.delivery_start,
            side=order.side,
            price_jeon_per_kwh=order.price_jeon_per_kwh,
            block_wh=order.block_wh,
            submitted_at=order.submitted_at,
            writer=order.writer,
            sequence=order.sequence,
        )
    return OrderSubmitted(
        complex_id=order.complex_id,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        participant_id=order.participant_id,
        delivery_start=order.delivery_start,
        side=order.side,
        price_jeon_per_kwh=order.price_jeon_per_kwh,
        quantity_wh=order.quantity_wh,
        submitted_at=order.submitted_at,
        writer=order.writer,
        sequence=order.sequence,
        auction=order.auction,
    )


def amend(db: Connection, desk: Desk, principal: Principal, order_id: str, change: Change) -> Amendment | None:
    """Ask the market to change an order; None where the caller has no such order."""
    complex_id = principal.complex_id
    turn = order_writer.next_turn(db, complex_id, desk.clock.now)
    stored = order(db, complex_id, order_id)
    if stored is None or stored["participant_id"] != _participant(principal):
        return None
    if OrderStatus(stored["status"] or OrderStatus.RECEIVED) not in OPEN:
        return Ended(stored)
    if stored["block_wh"]:
        return NotAmendable()
    if suspended := _suspended(db, complex_id, stored["participant_id"]):
        return suspended
    now = turn.stamp
    draft = replace(
        _draft_of(stored),
        price_jeon_per_kwh=price_now(stored) if change.price_jeon_per_kwh is None else change.price_jeon_per_kwh,
        quantity_wh=quantity_now(stored) if change.quantity_wh is None else change.quantity_wh,
    )
    rules = _rules_for(db, desk, draft, now)
    if broken := broken_limits(draft, rules):
        return OutOfLimits(tuple(broken))
    if closed := _closed(db, complex_id, rules, draft, now):
        return closed
    request = OrderAmendRequested(
        complex_id=complex_id,
        order_id=order_id,
        participant_id=stored["participant_id"],
        delivery_start=draft.delivery_start,
        price_jeon_per_kwh=draft.price_jeon_per_kwh,
        quantity_wh=draft.quantity_wh,
        requested_at=now,
        writer=SERVICE,
        sequence=turn.sequence,
    )
    mark_amendment(db, complex_id, order_id, amendment="requested", amendment_detail=None)
    emit(db, request, named_id("order-amend", complex_id, order_id, turn.sequence), now=now)
    return AmendAsked(_shown(db, complex_id, order_id, now=now))


def _rules_for(db: Connection, desk: Desk, draft: Draft, now: datetime) -> OrderRules:
    """Return the calendar by which the market will judge an order, and hold its auction."""
    return rules_at(db, desk.complex, ruled_at(draft.auction, draft.delivery_start, now))


def _suspended(db: Connection, complex_id: str, participant_id: str) -> Suspended | None:
    """Say since when and why a participant may not trade; until the market has said so, it is the one that refuses."""
    row = suspension(db, complex_id, participant_id)
    return None if row is None else Suspended(row["since"], row["reason"])


def _closed(db: Connection, complex_id: str, rules: OrderRules, draft: Draft, now: datetime) -> Closed | None:
    """Say why a book takes no word any more; None while it does."""
    gate_closure = rules.gate_closure(draft.auction, draft.delivery_start)
    if gate_closure is None:
        return NoDayAhead()
    is_open = now < gate_closure
    if draft.auction == "intraday":
        lead = rules.gate_closure_lead
        is_open = order_writer.gate_is_open(db, complex_id, delivery_start=draft.delivery_start, lead=lead, now=now)
    return None if is_open else GateClosed(draft.delivery_start, gate_closure)


def cancel(db: Connection, desk: Desk, principal: Principal, order_id: str) -> Cancellation | None:
    """Ask the market to take an order back; None where the caller has no such order."""
    complex_id = principal.complex_id
    turn = order_writer.next_turn(db, complex_id, desk.clock.now)
    stored = order(db, complex_id, order_id)
    if stored is None or stored["participant_id"] != _participant(principal):
        return None
    return _cancel(db, desk, stored, turn)


def cancel_all(db: Connection, desk: Desk, principal: Principal) -> list[RowMapping]:
    """Ask the market to take back all of the caller's orders whose book is still open; return them."""
    complex_id = principal.complex_id
    asked = []
    for found in open_orders(db, complex_id, _participant(principal)):
        match _cancel(db, desk, found, order_writer.next_turn(db, complex_id, desk.clock.now)):
            case CancelAsked(order=row):
                asked.append(row)
            case Ended() | GateClosed() | NoDayAhead():
                pass
    return asked


def _cancel(db: Connection, desk: Desk, found: RowMapping, turn: order_writer.Turn) -> Cancellation:
    complex_id, order_id = found["complex_id"], found["order_id"]
    status = OrderStatus(found["status"] or OrderStatus.RECEIVED)
    if status is OrderStatus.CANCELLED or (found["cancel_requested_at"] is not None and status in OPEN):
        return CancelAsked(found)
    if status not in OPEN:
        return Ended(found)
    now = turn.stamp
    draft = _draft_of(found)
    closed = _closed(db, complex_id, _rules_for(db, desk, draft, now), draft, now)
    # Where a later calendar has done away with its auction, an order can be taken back until it lapses.
    if closed is not None and not (isinstance(closed, NoDayAhead) and now < found["delivery_start"]):
        return closed
    request = OrderCancelRequested(
        complex_id=complex_id,
        order_id=order_id,
        participant_id=found["participant_id"],
        delivery_start=found["delivery_start"],
        requested_at=now,
        writer=SERVICE,
        sequence=turn.sequence,
    )
    mark_cancel_requested(db, complex_id, order_id, now=now)
    emit(db, request, named_id("order-cancel", complex_id, order_id), now=now)
    return CancelAsked(_shown(db, complex_id, order_id, now=now))


_NOTHING_YET: Mapping[str, None] = dict.fromkeys(
    (
        "status",
        "reason",
        "detail",
        "why",
        "filled_wh",
        "paid_krw",
        "received_krw",
        "cancel_requested_at",
        "amendment",
        "amendment_detail",
        "amended_price_jeon_per_kwh",
        "amended_quantity_wh",
    )
)


def _draft_of(row: RowMapping) -> Draft:
    """Return an order as it was asked for at first."""
    return Draft(
        client_order_id=row["client_order_id"],
        delivery_start=row["delivery_start"],
        side=Side(row["side"]),
        price_jeon_per_kwh=row["price_jeon_per_kwh"],
        quantity_wh=row["quantity_wh"],
        auction=row["auction"],
        block_wh=tuple(row["block_wh"] or ()),
    )


def _participant(principal: Principal) -> str:
    if principal.participant_id is None:
        raise ValueError(f"key {principal.key_id} has the role {principal.role}, and only a factory has orders")
    return principal.participant_id


def _shown(db: Connection, complex_id: str, order_id: str, *, now: datetime) -> RowMapping:
    """Return an order as it now is, and tell it."""
    marked = order(db, complex_id, order_id)
    assert marked is not None  # noqa: S101 -- it was there a moment ago in this transaction; narrows the type
    _show(db, marked, now=now)
    return marked


def _show(db: Connection, row: Row, *, now: datetime) -> None:
    entry = StreamEntry(audience_of(row["participant_id"]), "order", order_view(row))
    append_to_stream(db, row["complex_id"], [entry], now=now)
