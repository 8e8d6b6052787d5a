"""How many calls are at work at a time: what waits for a hung database must not take all threads there are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from services.trading_api.api.problems import unavailable

# Of the 40 threads that the web framework has; the rest is for what is not a call: the live stream, pages, health.
PLACES = 30
# A call that finds no place for so long is told to come again; it has done nothing.
WAIT_S = 2.0


class Places:
    """The places of one application."""

    def __init__(self, places: int = PLACES, wait_s: float = WAIT_S) -> None:
        self._free = asyncio.Semaphore(places)
        self._wait_s = wait_s

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Hold a place.

        Raises:
            Problem: None became free in time.
        """
        try:
            await asyncio.wait_for(self._free.acquire(), self._wait_s)
        except TimeoutError:
            raise unavailable() from None
        try:
            yield
        finally:
            self._free.release()


def places_of(request: Request) -> Places:
    """Return the places of the app that a request came to."""
    places: Places = request.app.state.places
    return places
