"""What the market does with each event: load, compute, save, emit."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from math import floor

from sqlalchemy.engine import Connection

from optimizers import clearing
from services.market import domain, store
from shared.complexes import Complex, Complexes, Participant
from shared.events.base import Envelope, Event
from shared.events.commands import MarketHaltRequested, MarketResumeRequested
from shared.events.market import (
    AuctionCleared,
    Fill,
    MarketHalted,
    MarketResumed,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    Trade,
)
from shared.events.orders import OrderCancelRequested, OrdersSealed, OrderSubmitted, Side
from shared.intervals import INTERVAL, is_delivery_start
from shared.orderentry import WRITERS
from shared.runloop import RuleBroken, Service
from shared.units import WH_PER_KWH, energy_kwh

logger = logging.getLogger(__name__)

Venues = Mapping[str, domain.Venue]

SEQUENCE_MAX = 2**63 - 1  # what a database column holds


def service(complexes: Complexes, *, seal_alarm: timedelta) -> Service:
    """Return the market of a deployment's complexes.

    Args:
        complexes: Their files.
        seal_alarm: How long after gate closure a writer's seal is missed, by the clock.
    """
    venues = {complex_id: venue_of(one) for complex_id, one in complexes.items()}
    return Service(
        name="market",
        handlers={
            OrderSubmitted: partial(on_order_submitted, venues),
            OrderCancelRequested: partial(on_cancel_requested, venues),
            OrdersSealed: partial(on_orders_sealed, venues),
            MarketHaltRequested: partial(on_halt_requested, venues),
            MarketResumeRequested: partial(on_resume_requested, venues),
        },
        tick=partial(watch_seals, venues, seal_alarm),
    )


def venue_of(one: Complex) -> domain.Venue:
    """Return a complex's market: its file in Wh and jeon."""
    calendar = one.market
    return domain.Venue(
        complex_id=one.complex_id,
        rules=domain.Rules(
            gate_closure_lead=calendar.gate_closure_lead,
            price_jeon_per_kwh_min=calendar.price_jeon_per_kwh_min,
            price_jeon_per_kwh_max=calendar.price_jeon_per_kwh_max,
            quantity_wh_max=calendar.order_quantity_wh_max,
            open_orders_max=max(1, domain.ORDERS_PER_AUCTION_MAX // (len(one.participants) * len(WRITERS))),
        ),
        sites={participant.participant_id: _site(participant) for participant in one.participants},
        feeders=tuple(
            clearing.Feeder(
                feeder_id=feeder.feeder_id,
                import_limit_wh=None if feeder.import_limit_kw is None else _interval_wh(feeder.import_limit_kw),
                export_limit_wh=None if feeder.export_limit_kw is None else _interval_wh(feeder.export_limit_kw),
                wheeling_fee_jeon_per_kwh=feeder.wheeling_fee_jeon_per_kwh,
            )
            for feeder in one.feeders
        ),
    )


def on_order_submitted(venues: Venues, envelope: Envelope[OrderSubmitted], db: Connection) -> list[Event]:
    """Admit an order to its book, or reject it with the reason; a known order id is not answered again."""
    event = envelope.event
    venue = _venue(venues, event)
    order = _order(event)
    arrival = store.load_arrival(db, venue.complex_id, order)
    if arrival.is_known:
        return []
    identity = {
        "complex_id": venue.complex_id,
        "order_id": order.order_id,
        "participant_id": order.participant_id,
        "delivery_start": order.delivery_start,
    }

    rejection = domain.admit(venue, order, arrival.standing)

    if rejection is not None:
        store.save_rejection(db, venue.complex_id, order, reason=rejection.reason, detail=rejection.detail)
        return [OrderRejected.model_validate({**identity, "reason": rejection.reason, "detail": rejection.detail})]
    store.save_order(db, venue.complex_id, order)
    accepted = OrderAccepted.model_validate(identity)
    if arrival.cancel_requested_at is None:
        return [accepted]
    return [accepted, *_cancel(venue, order, order.participant_id, arrival.cancel_requested_at, db)]


def on_cancel_requested(venues: Venues, envelope: Envelope[OrderCancelRequested], db: Connection) -> list[Event]:
    """Take an order out of its book, if its participant asked before gate closure; halted or not."""
    event = envelope.event
    venue = _venue(venues, event)
    order = store.load_order(db, venue.complex_id, event.order_id)
    if order is not None:
        return _cancel(venue, order, event.participant_id, event.requested_at, db)
    if not store.is_answered(db, venue.complex_id, event.order_id):
        store.save_early_cancel(
            db,
            venue.complex_id,
            order_id=event.order_id,
            participant_id=event.participant_id,
            requested_at=event.requested_at,
        )
    return []


def _cancel(
    venue: domain.Venue, order: domain.Order, participant_id: str, requested_at: datetime, db: Connection
) -> list[Event]:
    lead = venue.rules.gate_closure_lead
    cleared_through = store.cleared_through(db, venue.complex_id)
    is_over = cleared_through is not None and order.delivery_start <= cleared_through
    if is_over or not domain.cancellable(order, participant_id=participant_id, requested_at=requested_at, lead=lead):
        logger.info("cancellation not taken", extra={"order_id": order.order_id, "requested_at": requested_at})
        return []
    store.save_cancel(db, venue.complex_id, order.order_id, requested_at)
    return [
        OrderCancelled(
            complex_id=venue.complex_id,
            order_id=order.order_id,
            participant_id=order.participant_id,
            delivery_start=order.delivery_start,
        )
    ]


def on_orders_sealed(venues: Venues, envelope: Envelope[OrdersSealed], db: Connection) -> list[Event]:
    """Keep a writer's seal, and hold every auction whose book is complete with it."""
    event = envelope.event
    venue = _venue(venues, event)
    if event.writer not in WRITERS or not is_delivery_start(event.delivery_start):
        rule = f"a seal must come from one of {WRITERS} for a 15-minute interval"
        raise RuleBroken(f"{rule}, was from {event.writer} for {event.delivery_start.isoformat()}")
    store.save_seal(db, venue.complex_id, domain.Seal(event.writer, event.delivery_start, event.sealed_at))
    due = domain.auctions_due(
        store.load_seals(db, venue.complex_id),
        WRITERS,
        cleared_through=store.cleared_through(db, venue.complex_id),
        earliest_order=store.earliest_order(db, venue.complex_id),
    )
    return [_clear(venue, one, db) for one in due]


def _clear(venue: domain.Venue, due: domain.DueAuction, db: Connection) -> AuctionCleared:
    """Hold one auction; the market counts as halted there if it was at gate closure."""
    halted_at = store.halt_at(db, venue.complex_id, due.delivery_start - venue.rules.gate_closure_lead)
    orders = store.load_book(db, venue.complex_id, due.delivery_start)

    auction = domain.hold_auction(venue, orders, halted=halted_at is not None)

    event = _auction_cleared(venue, due, auction)
    store.save_auction(
        db,
        venue.complex_id,
        auction,
        auction_id=event.auction_id,
        delivery_start=due.delivery_start,
        cleared_at=due.complete_at,
    )
    facts = {"orders": len(orders), "volume_wh": event.volume_wh, "price_jeon_per_kwh": event.price_jeon_per_kwh}
    logger.info("auction cleared", extra={"auction_id": event.auction_id, "status": event.status, **facts})
    return event


def _auction_cleared(venue: domain.Venue, due: domain.DueAuction, auction: domain.Auction) -> AuctionCleared:
    auction_id = domain.auction_id(venue.complex_id, due.delivery_start)
    outcome = auction.outcome
    return AuctionCleared(
        complex_id=venue.complex_id,
        auction_id=auction_id,
        delivery_start=due.delivery_start,
        cleared_at=due.complete_at,
        status=auction.status,
        price_jeon_per_kwh=outcome.price_jeon_per_kwh,
        price_low_jeon_per_kwh=outcome.price_low_jeon_per_kwh,
        price_high_jeon_per_kwh=outcome.price_high_jeon_per_kwh,
        volume_wh=outcome.volume_wh,
        fees_krw=outcome.fees_krw,
        feeder_price_jeon_per_kwh={result.feeder_id: result.price_jeon_per_kwh for result in outcome.feeders},
        book_hash=auction.book_hash,
        fills=tuple(
            Fill(
                order_id=order.order_id,
                participant_id=order.participant_id,
                side=Side(order.side),
                quantity_wh=order.quantity_wh,
                price_jeon_per_kwh=order.price_jeon_per_kwh,
                filled_wh=fill.filled_wh,
                paid_krw=fill.paid_krw,
                received_krw=fill.received_krw,
            )
            for order, fill in zip(auction.book, auction.fills, strict=True)
        ),
        trades=tuple(
            Trade(
                trade_id=f"{auction_id}:{number}",
                buy_order_id=trade.buy_order_id,
                sell_order_id=trade.sell_order_id,
                buyer_id=trade.buyer_id,
                seller_id=trade.seller_id,
                quantity_wh=trade.quantity_wh,
                paid_krw=trade.paid_krw,
                received_krw=trade.received_krw,
            )
            for number, trade in enumerate(auction.trades, start=1)
        ),
    )


def on_halt_requested(venues: Venues, envelope: Envelope[MarketHaltRequested], db: Connection) -> list[Event]:
    """Take no more orders from the instant of the request on; a halted market stays halted."""
    event = envelope.event
    venue = _venue(venues, event)
    if store.open_halt(db, venue.complex_id) is not None:
        return []
    store.save_halt(db, venue.complex_id, event.requested_at)
    logger.warning("market halted", extra={"complex_id": venue.complex_id, "operator": event.operator})
    return [
        MarketHalted(
            complex_id=venue.complex_id, halted_at=event.requested_at, reason=event.reason, operator=event.operator
        )
    ]


def on_resume_requested(venues: Venues, envelope: Envelope[MarketResumeRequested], db: Connection) -> list[Event]:
    """Take orders again from the instant of the request on."""
    event = envelope.event
    venue = _venue(venues, event)
    if store.open_halt(db, venue.complex_id) is None:
        return []
    store.end_halt(db, venue.complex_id, event.requested_at)
    logger.warning("market resumed", extra={"complex_id": venue.complex_id, "operator": event.operator})
    return [MarketResumed(complex_id=venue.complex_id, resumed_at=event.requested_at, operator=event.operator)]


def watch_seals(venues: Venues, seal_alarm: timedelta, now: datetime, db: Connection) -> list[Event]:
    """Raise an alarm, once an interval, when a writer's seal is missing for too long; the auction keeps waiting."""
    for complex_id, venue in venues.items():
        late = domain.held_up(
            store.load_seals(db, complex_id),
            WRITERS,
            cleared_through=store.cleared_through(db, complex_id),
            late_after=seal_alarm - venue.rules.gate_closure_lead,
            now=now,
        )
        if late is not None and store.alarmed_through(db, complex_id) != late.delivery_start:
            store.save_alarm(db, complex_id, late.delivery_start)
            facts = {"delivery_start": late.delivery_start.isoformat(), "writers": list(late.writers)}
            logger.warning("auction waits for seals", extra={"complex_id": complex_id, **facts})
    return []


def _venue(venues: Venues, event: Event) -> domain.Venue:
    venue = venues.get(event.complex_id)
    if venue is None:
        raise RuleBroken(f"complex_id must be one of {sorted(venues)}, was {event.complex_id}")
    return venue


def _order(event: OrderSubmitted) -> domain.Order:
    if event.sequence > SEQUENCE_MAX:
        raise RuleBroken(f"order {event.order_id}: sequence must be at most {SEQUENCE_MAX}, was {event.sequence}")
    return domain.Order(
        order_id=event.order_id,
        participant_id=event.participant_id,
        delivery_start=event.delivery_start,
        side=event.side.value,
        price_jeon_per_kwh=event.price_jeon_per_kwh,
        quantity_wh=event.quantity_wh,
        submitted_at=event.submitted_at,
        writer=event.writer,
        sequence=event.sequence,
    )


def _site(participant: Participant) -> domain.Site:
    deliver_kw = sum(site.capacity_kw_ac for site in participant.pv)
    deliver_kw += sum(ess.discharge_kw_max for ess in participant.ess)
    return domain.Site(
        feeder_id=participant.feeder_id,
        take_wh_max=_interval_wh(participant.contract.contract_kw),
        deliver_wh_max=_interval_wh(deliver_kw),
    )


def _interval_wh(limit_kw: float) -> int:
    """Return a power limit as energy of one interval, rounded down so that it is never exceeded."""
    return floor(energy_kwh(limit_kw, INTERVAL) * WH_PER_KWH)
