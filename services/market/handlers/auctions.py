"""Auctions: held as soon as their books are complete, missed when they are not."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from optimizers.orders.book_order import Venue
from services.market.domain.auction import Auction, auction_id, hold_auction, terms_of
from services.market.domain.seals import DueAuction, Seal, auctions_due, held_up
from services.market.handlers.day_ahead import fill_facts, hold_day_ahead_due, trade_fact
from services.market.handlers.venues import Venues, with_rules
from services.market.store.auctions import Held, save_auction
from services.market.store.day_ahead import load_day_ahead_trades, positions_of
from services.market.store.orders import earliest_order, load_book, rules_at
from services.market.store.progress import (
    alarmed_through,
    cleared_through,
    halt_at,
    load_seals,
    save_alarm,
    save_seal,
    stamped_in_halts,
)
from services.market.store.suspensions import stamped_in_suspensions
from shared.db.order_writer import WRITERS
from shared.events.base import Envelope, Event
from shared.events.market import AuctionCleared
from shared.events.orders import OrdersSealed
from shared.events.records import Fill, Trade
from shared.intervals import is_delivery_start, next_in_interval
from shared.runtime.runloop import RuleBroken

logger = logging.getLogger(__name__)


class AuctionHandlers:
    """Hold the auctions whose books are complete."""

    def __init__(self, venues: Venues, block_time_limit_s: float) -> None:
        self._venues = venues
        self._block_time_limit_s = block_time_limit_s

    def on_orders_sealed(self, envelope: Envelope[OrdersSealed], db: Connection) -> list[Event]:
        """Keep a writer's seal, and hold every auction whose book is complete with it."""
        event = envelope.event
        venue = self._venues[event.complex_id]
        if event.writer not in WRITERS or not is_delivery_start(event.delivery_start):
            rule = f"a seal must come from one of {WRITERS} for a 15-minute interval"
            raise RuleBroken(f"{rule}, was from {event.writer} for {event.delivery_start.isoformat()}")
        save_seal(db, venue.complex_id, Seal(event.writer, event.delivery_start, event.sealed_at))
        seals = load_seals(db, venue.complex_id)
        day_ahead = hold_day_ahead_due(venue, seals, self._block_time_limit_s, db)
        due = auctions_due(
            seals,
            WRITERS,
            cleared_through=cleared_through(db, venue.complex_id),
            earliest_order=earliest_order(db, venue.complex_id),
        )
        return [*day_ahead, *(_clear(venue, one, db) for one in due)]


def _clear(venue: Venue, due: DueAuction, db: Connection) -> AuctionCleared:
    """Hold one auction; the market counts as halted there if it was at gate closure."""
    gate = due.delivery_start - venue.rules.gate_closure_lead
    halted_at = halt_at(db, venue.complex_id, gate)
    ruled = with_rules(venue, rules_at(db, venue.complex_id, gate))
    orders = load_book(db, venue.complex_id, due.delivery_start)

    agreed = load_day_ahead_trades(db, venue.complex_id, due.delivery_start)
    terms = terms_of(
        ruled,
        is_halted=halted_at is not None,
        positions=positions_of(agreed),
        stamped_in_halts=stamped_in_halts(db, venue.complex_id, orders),
        stamped_in_suspensions=stamped_in_suspensions(db, venue.complex_id, orders),
    )

    auction = hold_auction(terms, orders)

    event = auction_cleared(venue.complex_id, due, auction, agreed)
    held = Held(event.auction_id, due.delivery_start, due.complete_at, event_sha256(event))
    save_auction(db, venue.complex_id, auction, held)
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


def auction_cleared(complex_id: str, due: DueAuction, auction: Auction, agreed: Sequence[Trade] = ()) -> AuctionCleared:
    """Return an auction's event, with the trades that were agreed the day before."""
    own_id = auction_id(complex_id, due.delivery_start)
    outcome = auction.outcome
    return AuctionCleared(
        complex_id=complex_id,
        auction_id=own_id,
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
        trades=tuple(trade_fact(f"{own_id}:{number}", trade) for number, trade in enumerate(auction.trades, start=1)),
        binding_limits={result.feeder_id: result.binding for result in outcome.feeders if result.binding},
        day_ahead_trades=tuple(agreed),
        welfare_jeon_wh=outcome.welfare_jeon_wh,
        certificate_sha256=auction.certificate_sha256,
    )


def watch_seals(venues: Venues, seal_alarm: timedelta, now: datetime, db: Connection) -> list[Event]:
    """Raise an alarm, once an interval, when a writer's seal is missing for too long; the auction keeps waiting."""
    for complex_id, venue in venues.items():
        late = held_up(
            load_seals(db, complex_id),
            WRITERS,
            cleared_through=cleared_through(db, complex_id),
            late_after=seal_alarm - venue.rules.gate_closure_lead,
            now=now,
        )
        if late is not None and alarmed_through(db, complex_id) != late.delivery_start:
            save_alarm(db, complex_id, late.delivery_start)
            facts = {"delivery_start": late.delivery_start.isoformat(), "writers": list(late.writers)}
            logger.warning("auction waits for seals", extra={"complex_id": complex_id, **facts})
    return []


def next_alarm(venues: Venues, seal_alarm: timedelta, now: datetime, db: Connection) -> datetime:
    """Return when the next interval's seals would be missed, if they did not come."""
    del db
    late_after = [seal_alarm - venue.rules.gate_closure_lead for venue in venues.values()]
    return min(next_in_interval(one, now) for one in late_after)
