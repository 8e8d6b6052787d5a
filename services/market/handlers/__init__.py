"""What the market does with each event: load, compute, save, emit."""

from datetime import timedelta
from functools import partial

from services.market.handlers.auctions import AuctionHandlers, next_alarm, watch_seals
from services.market.handlers.commands import CommandHandlers
from services.market.handlers.orders import OrderHandlers
from services.market.handlers.venues import venue_of
from shared.complex.complexes import Complexes
from shared.runtime.handlers import handlers_of
from shared.runtime.runloop import Service


def service(complexes: Complexes, *, seal_alarm: timedelta, block_time_limit_s: float = 8.0) -> Service:
    """Return the market of a deployment's complexes.

    Args:
        complexes: Their files.
        seal_alarm: How long after gate closure a writer's seal is missed, by the clock.
        block_time_limit_s: How long the choice of day-ahead blocks may take, by the wall's clock.
    """
    venues = {complex_id: venue_of(one) for complex_id, one in complexes.items()}
    return Service(
        name="market",
        complexes=complexes,
        handlers=handlers_of(
            OrderHandlers(venues), AuctionHandlers(venues, block_time_limit_s), CommandHandlers(venues)
        ),
        tick=partial(watch_seals, venues, seal_alarm),
        next_due=partial(next_alarm, venues, seal_alarm),
    )
