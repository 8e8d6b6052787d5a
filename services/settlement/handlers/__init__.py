"""What settlement does with each event: load, compute, save, emit."""

from functools import partial

from services.settlement.handlers.facts import on_auction_cleared, on_interval_metered
from services.settlement.handlers.invoicing import on_tick
from shared.complexes import Complexes
from shared.events.fems import IntervalMetered
from shared.events.market import AuctionCleared
from shared.runloop import Service


def service(complexes: Complexes) -> Service:
    """Return the settlement of a deployment's complexes."""
    return Service(
        name="settlement",
        handlers={
            AuctionCleared: partial(on_auction_cleared, complexes),
            IntervalMetered: partial(on_interval_metered, complexes),
        },
        tick=partial(on_tick, complexes),
    )
