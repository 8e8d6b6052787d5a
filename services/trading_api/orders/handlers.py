"""Keep what becomes of orders."""

from collections.abc import Mapping, Sequence

from sqlalchemy.engine import Connection

from services.trading_api.log.stream import StreamEntry, show, show_run
from services.trading_api.orders.domain import RANKS, OrderStatus, SubmittedOrder, status_after_auction
from services.trading_api.orders.queries import (
    block_ids,
    mark_amendment,
    order,
    orders_by_id,
    orders_of_interval,
    save_orders,
    save_outcomes,
)
from services.trading_api.orders.views import order_view
from services.trading_api.roles import audience_of
from services.trading_api.text import Row
from shared.complex.complexes import Complexes
from shared.complex.model import Participant
from shared.events import fill_reasons
from shared.events.base import Envelope, Event
from shared.events.market import (
    AmendmentRejected,
    AuctionCleared,
    BlockDecided,
    DayAheadCleared,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderLapsed,
    OrderRejected,
)
from shared.events.orders import OrderSubmitted
from shared.events.records import Fill
from shared.runtime.handlers import Caused

Verdict = OrderAccepted | OrderRejected | OrderCancelled | OrderLapsed
# What names one order.
OrderWord = Verdict | OrderSubmitted | OrderAmended | AmendmentRejected | BlockDecided


class OrderHandlers:
    """Keep the scheduler's orders, and what the market says of all."""

    def __init__(self, complexes: Complexes) -> None:
        self._complexes = complexes

    def on_order_submitted(self, envelopes: Sequence[Envelope[OrderSubmitted]], db: Connection) -> Sequence[Caused]:
        """Keep automatic orders of the scheduler's."""
        known = orders_by_id(db, map(_id_of, envelopes))
        new = {_id_of(envelope): _submitted(envelope.event) for envelope in envelopes if _id_of(envelope) not in known}
        save_orders(db, new.values())
        _show_orders(db, envelopes)
        return []

    def on_order_accepted(self, envelopes: Sequence[Envelope[OrderAccepted]], db: Connection) -> Sequence[Caused]:
        """Keep that orders are in the book."""
        save_outcomes(db, [_verdict(envelope.event, OrderStatus.ACCEPTED) for envelope in envelopes])
        _show_orders(db, envelopes)
        return []

    def on_order_rejected(self, envelopes: Sequence[Envelope[OrderRejected]], db: Connection) -> Sequence[Caused]:
        """Keep that orders are not in the book, and why."""
        events = [envelope.event for envelope in envelopes]
        outcomes = [_verdict(one, OrderStatus.REJECTED, reason=one.reason, detail=one.detail) for one in events]
        save_outcomes(db, outcomes)
        _show_orders(db, envelopes)
        return []

    def on_order_cancelled(self, envelope: Envelope[OrderCancelled], db: Connection) -> list[Event]:
        """Keep that an order was taken out of its book, and why if its participant did not ask for it."""
        reason = envelope.event.reason
        why = None if reason is None else fill_reasons.suspension_sentence()
        save_outcomes(db, [_verdict(envelope.event, OrderStatus.CANCELLED, reason=reason, why=why)])
        _show_orders(db, [envelope])
        return []

    def on_order_lapsed(self, envelope: Envelope[OrderLapsed], db: Connection) -> list[Event]:
        """Keep that an order's auction is not held."""
        reason, why = envelope.event.reason, fill_reasons.lapse_sentence()
        save_outcomes(db, [_verdict(envelope.event, OrderStatus.EXPIRED, reason=reason, why=why)])
        _show_orders(db, [envelope])
        return []

    def on_order_amended(self, envelope: Envelope[OrderAmended], db: Connection) -> list[Event]:
        """Keep an order's new price and quantity."""
        event = envelope.event
        mark_amendment(
            db,
            event.complex_id,
            event.order_id,
            amendment="accepted",
            amendment_detail=None,
            amended_price_jeon_per_kwh=event.price_jeon_per_kwh,
            amended_quantity_wh=event.quantity_wh,
        )
        _show_orders(db, [envelope])
        return []

    def on_amendment_rejected(self, envelope: Envelope[AmendmentRejected], db: Connection) -> list[Event]:
        """Keep that an order stands as it was, and why."""
        event = envelope.event
        detail = f"{event.reason}: {event.detail}"
        mark_amendment(db, event.complex_id, event.order_id, amendment="rejected", amendment_detail=detail)
        _show_orders(db, [envelope])
        return []

    def on_auction_cleared(self, envelope: Envelope[AuctionCleared], db: Connection) -> list[Event]:
        """Keep the end of every order of an auction."""
        event = envelope.event
        save_outcomes(db, [self._end_of(event, fill) for fill in event.fills])
        ended = orders_of_interval(db, event.complex_id, event.delivery_start)
        show(db, envelope, *(_entry(row) for row in ended))
        return []

    def on_day_ahead_cleared(self, envelope: Envelope[DayAheadCleared], db: Connection) -> list[Event]:
        """Keep the end of every simple order of one interval of tomorrow; a block's end is told by itself."""
        event = envelope.event
        blocks = block_ids(db, event.complex_id, [fill.order_id for fill in event.fills])
        simple = [fill for fill in event.fills if fill.order_id not in blocks]
        save_outcomes(db, [self._end_of(event, fill) for fill in simple])
        ended = orders_by_id(db, [(event.complex_id, fill.order_id) for fill in simple])
        show(db, envelope, *map(_entry, ended.values()))
        return []

    def on_block_decided(self, envelope: Envelope[BlockDecided], db: Connection) -> list[Event]:
        """Keep what became of a block, all or nothing, and why."""
        event = envelope.event
        known = order(db, event.complex_id, event.order_id)
        is_filled = event.reason == "accepted"
        status = OrderStatus.FILLED if is_filled else OrderStatus.EXPIRED
        end = {
            "complex_id": event.complex_id,
            "order_id": event.order_id,
            "participant_id": event.participant_id,
            "delivery_start": event.delivery_start,
            "status": status.value,
            "status_rank": RANKS[status],
            "reason": None if is_filled else event.reason,
            "detail": None,
            "filled_wh": known["quantity_wh"] if known is not None and is_filled else 0,
            "paid_krw": event.paid_krw,
            "received_krw": event.received_krw,
            "why": _in_both_languages(fill_reasons.block_sentence(event.reason, event.gain_krw)),
        }
        save_outcomes(db, [end])
        _show_orders(db, [envelope])
        return []

    def _end_of(self, event: AuctionCleared | DayAheadCleared, fill: Fill) -> Row:
        """Return what became of a simple order, and why."""
        members = self._complexes.at(event.complex_id, event.delivery_start).by_participant
        status = status_after_auction(quantity_wh=fill.quantity_wh, filled_wh=fill.filled_wh)
        return {
            "complex_id": event.complex_id,
            "order_id": fill.order_id,
            "participant_id": fill.participant_id,
            "delivery_start": event.delivery_start,
            "status": status.value,
            "status_rank": RANKS[status],
            "reason": None,
            "detail": None,
            "filled_wh": fill.filled_wh,
            "paid_krw": fill.paid_krw,
            "received_krw": fill.received_krw,
            "why": _in_both_languages(_why(event, fill, members)),
        }


def _submitted(event: OrderSubmitted) -> SubmittedOrder:
    return SubmittedOrder(
        complex_id=event.complex_id,
        order_id=event.order_id,
        client_order_id=event.client_order_id,
        participant_id=event.participant_id,
        delivery_start=event.delivery_start,
        side=event.side,
        price_jeon_per_kwh=event.price_jeon_per_kwh,
        quantity_wh=event.quantity_wh,
        auction=event.auction,
        submitted_at=event.submitted_at,
        writer=event.writer,
        sequence=event.sequence,
    )


def _verdict(
    event: Verdict,
    status: OrderStatus,
    *,
    reason: str | None = None,
    detail: str | None = None,
    why: fill_reasons.Sentence | None = None,
) -> Row:
    return {
        "complex_id": event.complex_id,
        "order_id": event.order_id,
        "participant_id": event.participant_id,
        "delivery_start": event.delivery_start,
        "status": status.value,
        "status_rank": RANKS[status],
        "reason": reason,
        "detail": detail,
        "why": _in_both_languages(why),
        "filled_wh": 0,
        "paid_krw": 0,
        "received_krw": 0,
    }


def _why(
    event: AuctionCleared | DayAheadCleared, fill: Fill, members: Mapping[str, Participant]
) -> fill_reasons.Sentence | None:
    """Put the market's code and the auction's figures into a sentence; None where the market said no code."""
    participant = members.get(fill.participant_id)
    if fill.reason is None or participant is None:
        return None
    feeder = fill_reasons.FeederPrice(
        feeder_id=participant.feeder_id,
        price_jeon_per_kwh=event.feeder_price_jeon_per_kwh.get(participant.feeder_id, event.price_jeon_per_kwh),
        full=event.binding_limits.get(participant.feeder_id),
    )
    return fill_reasons.sentence(fill.reason, fill, feeder)


def _in_both_languages(sentence: fill_reasons.Sentence | None) -> dict[str, str] | None:
    return None if sentence is None else {"ko": sentence.ko, "en": sentence.en}


def _id_of(envelope: Envelope[OrderWord]) -> tuple[str, str]:
    return envelope.event.complex_id, envelope.event.order_id


def _show_orders(db: Connection, envelopes: Sequence[Envelope[OrderWord]]) -> None:
    """Show orders as they now are to those who may see them."""
    rows = orders_by_id(db, map(_id_of, envelopes))
    show_run(db, [(envelope, _entry(rows[_id_of(envelope)])) for envelope in envelopes if _id_of(envelope) in rows])


def _entry(row: Row) -> StreamEntry:
    return StreamEntry(audience_of(row["participant_id"]), "order", order_view(row))
