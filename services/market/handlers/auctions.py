"""Auctions: held as soon as their books are complete, missed when they are not."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from optimizers import clearing
from services.market import domain, store
from services.market.handlers.day_ahead import fill_facts, hold_day_ahead_due, trade_fact
from services.market.handlers.venues import Venues, venue_for, with_rules
from shared.db.order_writer import WRITERS
from shared.events.base import Envelope, Event
from shared.events.market import AuctionCleared
from shared.events.orders import OrdersSealed
from shared.events.records import Fill, Trade
from shared.intervals import is_delivery_start
from shared.runtime.runloop import RuleBroken

logger = logging.getLogger(__name__)


def on_orders_sealed(
    venues: Venues, block_time_limit_s: float, envelope: Envelope[OrdersSealed], db: Connection
) -> list[Event]:
    """Keep a writer's seal, and hold every auction whose book is complete with it."""
    event = envelope.event
    venue = venue_for(venues, event)
    if event.writer not in WRITERS or not is_delivery_start(event.delivery_start):
        rule = f"a seal must come from one of {WRITERS} for a 15-minute interval"
        raise RuleBroken(f"{rule}, was from {event.writer} for {event.delivery_start.isoformat()}")
    store.save_seal(db, venue.complex_id, domain.Seal(event.writer, event.delivery_start, event.sealed_at))
    seals = store.load_seals(db, venue.complex_id)
    day_ahead = hold_day_ahead_due(venue, seals, block_time_limit_s, db)
    due = domain.auctions_due(
        seals,
        WRITERS,
        cleared_through=store.cleared_through(db, venue.complex_id),
        earliest_order=store.earliest_order(db, venue.complex_id),
    )
    return [*day_ahead, *(_clear(venue, one, db) for one in due)]


def _clear(venue: domain.Venue, due: domain.DueAuction, db: Connection) -> AuctionCleared:
    """Hold one auction; the market counts as halted there if it was at gate closure."""
    gate = due.delivery_start - venue.rules.gate_closure_lead
    halted_at = store.halt_at(db, venue.complex_id, gate)
    ruled = with_rules(venue, store.rules_at(db, venue.complex_id, gate))
    orders = store.load_book(db, venue.complex_id, due.delivery_start)

    agreed = store.load_day_ahead_trades(db, venue.complex_id, due.delivery_start)
    terms = domain.terms_of(
        ruled,
        is_halted=halted_at is not None,
        positions=store.positions_of(agreed),
        stamped_in_halts=store.stamped_in_halts(db, venue.complex_id, orders),
        stamped_in_suspensions=store.stamped_in_suspensions(db, venue.complex_id, orders),
    )

    auction = domain.hold_auction(terms, orders)

    event = auction_cleared(venue.complex_id, due, auction, agreed)
    held = store.Held(event.auction_id, due.delivery_start, due.complete_at, event_sha256(event))
    store.save_auction(db, venue.complex_id, auction, held)
    facts = {"orders": len(orders), "volume_wh": event.volume_wh, "price_jeon_per_kwh": event.price_jeon_per_kwh}
    logger.info("auction cleared", extra={"auction_id": event.auction_id, "status": event.status, **facts})
    return event


def event_sha256(event: AuctionCleared) -> str:
    """Hash an auction's event as it is published, after a hash of its fields' names.

    A later version may add a field: then the events of before can't be made again, and the names say so.
    """
    records = (sorted(field.name for field in fields(kind)) for kind in (Fill, Trade))
    names = [sorted(AuctionCleared.model_fields), *records]
    shape = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16]
    return f"{shape}:{hashlib.sha256(event.model_dump_json().encode()).hexdigest()}"


def auction_cleared(
    complex_id: str, due: domain.DueAuction, auction: domain.Auction, agreed: Sequence[tuple[str, clearing.Trade]] = ()
) -> AuctionCleared:
    """Return an auction's event, with the trades that were agreed the day before."""
    auction_id = domain.auction_id(complex_id, due.delivery_start)
    outcome = auction.outcome
    return AuctionCleared(
        complex_id=complex_id,
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
        fills=fill_facts(auction.book, auction.fills, auction.reasons),
        trades=tuple(
            trade_fact(f"{auction_id}:{number}", trade) for number, trade in enumerate(auction.trades, start=1)
        ),
        binding_limits={result.feeder_id: result.binding for result in outcome.feeders if result.binding},
        day_ahead_trades=tuple(trade_fact(trade_id, trade) for trade_id, trade in agreed),
        welfare_jeon_wh=outcome.welfare_jeon_wh,
        certificate_sha256=auction.certificate_sha256,
    )


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
