"""The day-ahead auction: held when every writer has sealed its gate."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.engine import Connection

from optimizers.clearing.book import BookFill
from optimizers.clearing.pairing import PairedTrade
from optimizers.orders.book_order import BookOrder, Venue
from services.market.domain.auction import terms_of
from services.market.domain.day_ahead import BlockResult, DayAhead, DayAheadInterval, hold_day_ahead
from services.market.domain.seals import Seal
from services.market.handlers.venues import with_rules
from services.market.store.day_ahead import save_day_ahead
from services.market.store.orders import load_day_ahead_book, rules_at, save_cancel
from services.market.store.progress import day_ahead_through, halt_at, save_day_ahead_through, stamped_in_halts
from services.market.store.suspensions import stamped_in_suspensions
from shared.db.order_writer import WRITERS
from shared.events.base import Event
from shared.events.market import BlockDecided, DayAheadCleared, OrderLapsed
from shared.events.records import Fill, FillReason, Side, Trade
from shared.intervals import DAY, day_start, trading_day_of

logger = logging.getLogger(__name__)


def hold_day_ahead_due(venue: Venue, seals: Sequence[Seal], time_limit_s: float, db: Connection) -> list[Event]:
    """Hold the day-ahead auction of each day whose gate all writers have sealed, in sequence; pass over days without.

    A seal of an interval says that all orders stamped before that interval's own gate are in.
    """
    newest = {writer: [seal for seal in seals if seal.writer == writer] for writer in WRITERS}
    if not all(newest.values()):
        return []
    lead = venue.rules.gate_closure_lead
    stamped_before = min(max(seal.delivery_start for seal in own) for own in newest.values()) - lead
    through = day_ahead_through(db, venue.complex_id)
    day = through + DAY if through else _first_day(min(seal.delivery_start for seal in seals))
    events: list[Event] = []
    while True:
        ruled = with_rules(venue, rules_at(db, venue.complex_id, day - DAY))
        # Without an auction the day is passed over when its first interval's own gate closes.
        gate = day - lead if ruled.rules.day_ahead_gate is None else day - DAY + ruled.rules.day_ahead_gate
        if gate > stamped_before:
            return events
        if ruled.rules.day_ahead_gate is not None:
            covering = (min(_covering(own, gate + lead), key=_delivery) for own in newest.values())
            sealed_at = max(seal.sealed_at for seal in covering)
            events += _hold(ruled, _Closed(trading_day_of(day), gate, sealed_at), time_limit_s, db)
        else:
            events += _lapsed(venue.complex_id, day, db)
        save_day_ahead_through(db, venue.complex_id, day)
        day += DAY


def _lapsed(complex_id: str, day: datetime, db: Connection) -> list[Event]:
    """Take out the orders of a day whose auction a later calendar has done away with."""
    orders = load_day_ahead_book(db, complex_id, day)
    for order in orders:
        save_cancel(db, complex_id, order.order_id, day)
    return [
        OrderLapsed(
            complex_id=complex_id,
            order_id=order.order_id,
            participant_id=order.participant_id,
            delivery_start=order.delivery_start,
            reason="no_day_ahead_auction",
        )
        for order in orders
    ]


def _covering(seals: Sequence[Seal], delivery_start: datetime) -> list[Seal]:
    return [seal for seal in seals if seal.delivery_start >= delivery_start]


def _delivery(seal: Seal) -> datetime:
    return seal.delivery_start


def _first_day(first_sealed: datetime) -> datetime:
    """Return the beginning of the first day whose auction can still be complete: the one after the first seal's."""
    return day_start(trading_day_of(first_sealed)) + DAY


@dataclass(frozen=True, slots=True)
class _Closed:
    """A day whose gate has closed, and the instant at which the last writer sealed it."""

    day: date
    gate: datetime
    sealed_at: datetime


def _hold(venue: Venue, closed: _Closed, time_limit_s: float, db: Connection) -> list[Event]:
    complex_id, day, sealed_at = venue.complex_id, closed.day, closed.sealed_at
    halted_at = halt_at(db, complex_id, closed.gate)
    orders = load_day_ahead_book(db, complex_id, day_start(day))
    terms = terms_of(
        venue,
        is_halted=halted_at is not None,
        stamped_in_halts=stamped_in_halts(db, complex_id, orders),
        stamped_in_suspensions=stamped_in_suspensions(db, complex_id, orders),
    )

    answer = hold_day_ahead(terms, day, orders, time_limit_s=time_limit_s)

    cleared = [_cleared(complex_id, answer, interval, sealed_at) for interval in answer.intervals]
    save_day_ahead(db, complex_id, answer, cleared=cleared, cleared_at=sealed_at)
    facts = {"orders": len(orders), "blocks": len(answer.blocks), "method": answer.method}
    logger.info("day-ahead auction cleared", extra={"complex_id": complex_id, "day": day.isoformat(), **facts})
    return [*cleared, *(_decided(complex_id, block) for block in answer.blocks)]


def _cleared(complex_id: str, answer: DayAhead, interval: DayAheadInterval, cleared_at: datetime) -> DayAheadCleared:
    auction_id = f"{complex_id}:DA:{interval.delivery_start:%Y%m%dT%H%MZ}"
    outcome = interval.outcome
    return DayAheadCleared(
        complex_id=complex_id,
        auction_id=auction_id,
        delivery_start=interval.delivery_start,
        cleared_at=cleared_at,
        status="halted" if answer.is_halted else "cleared",
        price_jeon_per_kwh=outcome.price_jeon_per_kwh,
        volume_wh=outcome.volume_wh,
        fees_krw=outcome.fees_krw,
        feeder_price_jeon_per_kwh={result.feeder_id: result.price_jeon_per_kwh for result in outcome.feeders},
        binding_limits={result.feeder_id: result.binding for result in outcome.feeders if result.binding},
        book_hash=interval.book_hash,
        fills=fill_facts(interval.orders, interval.fills, interval.reasons),
        trades=tuple(
            trade_fact(f"{auction_id}:{number}", trade) for number, trade in enumerate(interval.trades, start=1)
        ),
        method=answer.method,
    )


def _decided(complex_id: str, block: BlockResult) -> BlockDecided:
    return BlockDecided(
        complex_id=complex_id,
        order_id=block.order.order_id,
        participant_id=block.order.participant_id,
        delivery_start=block.order.delivery_start,
        reason=block.reason,
        paid_krw=block.paid_krw,
        received_krw=block.received_krw,
        gain_krw=block.gain_krw,
    )


def fill_facts(
    orders: Sequence[BookOrder], fills: Sequence[BookFill], reasons: Sequence[FillReason]
) -> tuple[Fill, ...]:
    """Return what each order got, as an event carries it; an order without a fill of its own is a block's leg."""
    return tuple(
        Fill(
            order_id=order.order_id,
            participant_id=order.participant_id,
            side=Side(order.side),
            quantity_wh=fill.filled_wh if order.block_wh else order.quantity_wh,
            price_jeon_per_kwh=order.price_jeon_per_kwh,
            filled_wh=fill.filled_wh,
            paid_krw=fill.paid_krw,
            received_krw=fill.received_krw,
            reason=reason,
        )
        for order, fill, reason in zip(orders, fills, reasons, strict=True)
    )


def trade_fact(trade_id: str, trade: PairedTrade) -> Trade:
    """Return a trade as an event carries it."""
    return Trade(
        trade_id=trade_id,
        buy_order_id=trade.buy_order_id,
        sell_order_id=trade.sell_order_id,
        buyer_id=trade.buyer_id,
        seller_id=trade.seller_id,
        quantity_wh=trade.quantity_wh,
        paid_krw=trade.paid_krw,
        received_krw=trade.received_krw,
    )
