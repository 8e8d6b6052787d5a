"""Orders in, and orders back."""

import logging
from dataclasses import replace

from sqlalchemy.engine import Connection

from optimizers.orders.admission import Rejection, Withdrawal, admit, may_fill_up, may_leave
from optimizers.orders.amendment import Amendment, admit_amendment, amended, unknown_order
from optimizers.orders.book_order import BookOrder, Venue
from optimizers.orders.rules import ruled_at
from services.market.handlers.venues import Venues, with_rules
from services.market.store.orders import (
    amended_through,
    forget_early_cancels,
    is_answered,
    load_arrival,
    load_order,
    orders_of_writer,
    rules_at,
    save_amendment,
    save_cancel,
    save_early_cancel,
    save_order,
    save_rejection,
)
from services.market.store.progress import cleared_through, day_ahead_through
from shared.events.base import INT64_MAX, Envelope, Event
from shared.events.market import AmendmentRejected, OrderAccepted, OrderAmended, OrderCancelled, OrderRejected
from shared.events.orders import BlockSubmitted, OrderAmendRequested, OrderCancelRequested, OrderSubmitted
from shared.intervals import DAY
from shared.runtime.runloop import RuleBroken

logger = logging.getLogger(__name__)

SEQUENCE_MAX = 2**63 - 1  # what a database column holds


class OrderHandlers:
    """Take orders in, change them, take them out again."""

    def __init__(self, venues: Venues) -> None:
        self._venues = venues

    def on_order_submitted(self, envelope: Envelope[OrderSubmitted], db: Connection) -> list[Event]:
        """Admit an order to its book, or reject it with the reason; a known order id is not answered again."""
        return _take_in(self._venues[envelope.event.complex_id], _order(envelope.event), db)

    def on_block_submitted(self, envelope: Envelope[BlockSubmitted], db: Connection) -> list[Event]:
        """Admit a block to its day's book, or reject it with the reason."""
        return _take_in(self._venues[envelope.event.complex_id], _block(envelope.event), db)

    def on_cancel_requested(self, envelope: Envelope[OrderCancelRequested], db: Connection) -> list[Event]:
        """Take an order out of its book, if its participant asked before gate closure; halted or not."""
        event = envelope.event
        venue = self._venues[event.complex_id]
        order = load_order(db, venue.complex_id, event.order_id)
        if order is not None:
            return take_out(venue, order, Withdrawal(event.participant_id, event.requested_at), db)
        if not is_answered(db, venue.complex_id, event.order_id):
            save_early_cancel(
                db,
                venue.complex_id,
                order_id=event.order_id,
                participant_id=event.participant_id,
                requested_at=event.requested_at,
            )
        return []

    def on_amend_requested(self, envelope: Envelope[OrderAmendRequested], db: Connection) -> list[Event]:
        """Change an order that stands in its book, or say why not; one older than the newest change is passed over."""
        event = envelope.event
        venue = self._venues[event.complex_id]
        wish = Amendment(
            order_id=event.order_id,
            participant_id=event.participant_id,
            price_jeon_per_kwh=event.price_jeon_per_kwh,
            quantity_wh=event.quantity_wh,
            requested_at=event.requested_at,
            writer=event.writer,
            sequence=event.sequence,
        )
        order = load_order(db, venue.complex_id, event.order_id)
        if order is None:
            return [_amendment_rejected(event, unknown_order(wish))]
        if wish.sequence <= amended_through(db, venue.complex_id, event.order_id):
            return []
        as_new = replace(order, submitted_at=wish.requested_at)
        arrival = load_arrival(db, venue.complex_id, as_new, venue.rules.gate_closure_lead)

        rejection = admit_amendment(with_rules(venue, arrival.rules), order, wish, arrival.standing)

        if rejection is not None:
            return [_amendment_rejected(event, rejection)]
        changed = amended(order, wish)
        save_amendment(db, venue.complex_id, changed, sequence=wish.sequence)
        return [
            OrderAmended(
                complex_id=venue.complex_id,
                order_id=order.order_id,
                participant_id=order.participant_id,
                delivery_start=order.delivery_start,
                price_jeon_per_kwh=wish.price_jeon_per_kwh,
                quantity_wh=wish.quantity_wh,
                keeps_priority=changed.sequence == order.sequence,
            )
        ]


def _take_in(venue: Venue, order: BookOrder, db: Connection) -> list[Event]:
    arrival = load_arrival(db, venue.complex_id, order, venue.rules.gate_closure_lead)
    if arrival.is_known:
        return []
    if arrival.has_early_cancel:
        forget_early_cancels(db, venue.complex_id, order.order_id)
    standing = arrival.standing
    if may_fill_up(venue, order):
        standing = replace(standing, writer_orders=orders_of_writer(db, venue.complex_id, order))

    rejection = admit(with_rules(venue, arrival.rules), order, standing)

    if rejection is not None:
        save_rejection(db, venue.complex_id, order, reason=rejection.reason, detail=rejection.detail)
        return [_rejected(venue.complex_id, order, rejection)]
    save_order(db, venue.complex_id, order)
    accepted = OrderAccepted(
        complex_id=venue.complex_id,
        order_id=order.order_id,
        participant_id=order.participant_id,
        delivery_start=order.delivery_start,
    )
    if arrival.withdrawal is None:
        return [accepted]
    return [accepted, *take_out(venue, order, arrival.withdrawal, db)]


def _rejected(complex_id: str, order: BookOrder, rejection: Rejection) -> OrderRejected:
    return OrderRejected(
        complex_id=complex_id,
        order_id=order.order_id,
        participant_id=order.participant_id,
        delivery_start=order.delivery_start,
        reason=rejection.reason,
        detail=rejection.detail,
    )


def take_out(venue: Venue, order: BookOrder, withdrawal: Withdrawal, db: Connection) -> list[Event]:
    """Take an order out of its book, if that is still open."""
    instant = ruled_at(order.auction, order.delivery_start, withdrawal.at)
    rules = with_rules(venue, rules_at(db, venue.complex_id, instant)).rules
    if _is_over(venue, order, db) or not may_leave(order, withdrawal, rules):
        logger.info("cancellation not taken", extra={"order_id": order.order_id, "requested_at": withdrawal.at})
        return []
    save_cancel(db, venue.complex_id, order.order_id, withdrawal.at)
    return [
        OrderCancelled(
            complex_id=venue.complex_id,
            order_id=order.order_id,
            participant_id=order.participant_id,
            delivery_start=order.delivery_start,
            reason=withdrawal.reason,
        )
    ]


def _is_over(venue: Venue, order: BookOrder, db: Connection) -> bool:
    if order.auction == "day_ahead":
        day = day_ahead_through(db, venue.complex_id)
        return day is not None and order.delivery_start < day + DAY
    newest = cleared_through(db, venue.complex_id)
    return newest is not None and order.delivery_start <= newest


def _amendment_rejected(event: OrderAmendRequested, rejection: Rejection) -> AmendmentRejected:
    return AmendmentRejected(
        complex_id=event.complex_id,
        order_id=event.order_id,
        participant_id=event.participant_id,
        delivery_start=event.delivery_start,
        reason=rejection.reason,
        detail=rejection.detail,
    )


def _order(event: OrderSubmitted) -> BookOrder:
    if event.sequence > SEQUENCE_MAX:
        raise RuleBroken(f"order {event.order_id}: sequence must be at most {SEQUENCE_MAX}, was {event.sequence}")
    return BookOrder(
        order_id=event.order_id,
        participant_id=event.participant_id,
        delivery_start=event.delivery_start,
        side=event.side,
        price_jeon_per_kwh=event.price_jeon_per_kwh,
        quantity_wh=event.quantity_wh,
        submitted_at=event.submitted_at,
        writer=event.writer,
        sequence=event.sequence,
        auction=event.auction,
    )


def _block(event: BlockSubmitted) -> BookOrder:
    quantity_wh = sum(event.block_wh)
    if quantity_wh > INT64_MAX:
        raise RuleBroken(f"block {event.order_id}: its energy must be at most {INT64_MAX} Wh, was {quantity_wh}")
    return BookOrder(
        order_id=event.order_id,
        participant_id=event.participant_id,
        delivery_start=event.delivery_start,
        side=event.side,
        price_jeon_per_kwh=event.price_jeon_per_kwh,
        quantity_wh=quantity_wh,
        submitted_at=event.submitted_at,
        writer=event.writer,
        sequence=event.sequence,
        auction="day_ahead",
        block_wh=event.block_wh,
    )
