"""What settlement does with each event: load, compute, save, emit."""

from datetime import datetime
from functools import partial

from sqlalchemy.engine import Connection

from services.settlement.handlers import certifying, invoicing
from services.settlement.handlers.facts import on_auction_cleared, on_interval_metered
from shared.complexes import Complexes
from shared.events.base import Event
from shared.events.fems import IntervalMetered
from shared.events.market import AuctionCleared
from shared.runloop import Service


def service(complexes: Complexes) -> Service:
    """Return the settlement of a deployment's complexes."""

    def tick(now: datetime, db: Connection) -> list[Event]:
        # An invoice tells of the certificates.
        return [*certifying.on_tick(complexes, now, db), *invoicing.on_tick(complexes, now, db)]

    return Service(
        name="settlement",
        handlers={
            AuctionCleared: partial(on_auction_cleared, complexes),
            IntervalMetered: partial(on_interval_metered, complexes),
        },
        tick=tick,
    )
