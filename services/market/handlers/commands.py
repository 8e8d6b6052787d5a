"""What operators ask of the market."""

import logging

from sqlalchemy.engine import Connection

from services.market import store
from services.market.handlers.venues import Venues, venue_for
from shared.events.base import Envelope, Event
from shared.events.commands import MarketHaltRequested, MarketResumeRequested
from shared.events.market import MarketHalted, MarketResumed

logger = logging.getLogger(__name__)


def on_halt_requested(venues: Venues, envelope: Envelope[MarketHaltRequested], db: Connection) -> list[Event]:
    """Take no more orders from the instant of the request on; a halted market stays halted."""
    event = envelope.event
    venue = venue_for(venues, event)
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
    venue = venue_for(venues, event)
    if store.open_halt(db, venue.complex_id) is None:
        return []
    store.end_halt(db, venue.complex_id, event.requested_at)
    logger.warning("market resumed", extra={"complex_id": venue.complex_id, "operator": event.operator})
    return [MarketResumed(complex_id=venue.complex_id, resumed_at=event.requested_at, operator=event.operator)]
