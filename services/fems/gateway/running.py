"""The gateway's loops: three a complex, each on a connection of its own, so that none waits for another."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy.engine import Engine

from services.fems.domain.numbering import number_of, start_of
from services.fems.gateway.collector import Collector
from services.fems.gateway.dispatcher import Dispatcher
from services.fems.gateway.live import LivePoller
from shared.clock import Clock
from shared.complexes import Complex, Complexes
from shared.runloop import PASSING_FAULTS

logger = logging.getLogger(__name__)

DISPATCH_EVERY_S = 0.05
RETRY_EVERY_S = 0.2
SILENT_AGAIN_S = 5.0
WAIT_S_MIN, WAIT_S_MAX = 0.02, 0.5


class Gateway:
    """Every complex's field network."""

    def __init__(self, complexes: Complexes, clock: Clock, engine: Engine) -> None:
        self._complexes = complexes
        self._clock = clock
        self._engine = engine

    async def run(self, stop: threading.Event) -> None:
        """Poll, collect and dispatch until `stop` is set; any but a passing fault ends all of it."""
        async with asyncio.TaskGroup() as tasks:
            for complex_ in self._complexes.values():
                tasks.create_task(self._poll(complex_, stop))
                tasks.create_task(self._collect(complex_, stop))
                tasks.create_task(self._dispatch(complex_, stop))

    async def _poll(self, complex_: Complex, stop: threading.Event) -> None:
        poller = LivePoller(complex_, self._clock, self._engine)
        every = timedelta(seconds=complex_.field_network.poll_interval_s)
        due = self._clock.now()
        while not stop.is_set():
            if self._clock.now() >= due:
                await _through_passing_faults(poller.poll)
                # Late polls are left out, not made up for; a silent device is not left alone for a whole interval.
                # While the clock stands, an instant is observed once.
                again = timedelta(seconds=max(SILENT_AGAIN_S * self._clock.speed, 1))
                due = max(due + (min(every, again) if poller.silent else every), self._clock.now())
            await asyncio.sleep(self._wait_s(due))
        poller.close()

    async def _collect(self, complex_: Complex, stop: threading.Event) -> None:
        collector = Collector(complex_, self._clock, self._engine)
        while not stop.is_set():
            await _through_passing_faults(collector.collect)
            # What is still missing waits for a meter that is silent, or whose clock is late.
            next_interval = start_of(number_of(self._clock.now()) + 1)
            await asyncio.sleep(RETRY_EVERY_S if collector.is_behind() else self._wait_s(next_interval))
        collector.close()

    async def _dispatch(self, complex_: Complex, stop: threading.Event) -> None:
        dispatcher = Dispatcher(complex_, self._clock, self._engine)
        while not stop.is_set():
            await _through_passing_faults(dispatcher.dispatch)
            await asyncio.sleep(DISPATCH_EVERY_S)
        dispatcher.close()

    def _wait_s(self, due: datetime) -> float:
        """Return how long to wait in wall time for an instant of the clock; at most a moment, as clocks may change."""
        if self._clock.speed == 0:
            return WAIT_S_MAX
        wait_s = (due - self._clock.now()).total_seconds() / self._clock.speed
        return min(max(wait_s, WAIT_S_MIN), WAIT_S_MAX)


async def _through_passing_faults(work: Callable[[], Awaitable[None]]) -> None:
    """Do a piece of work; where the database was away for the moment, the next round does it again."""
    try:
        await work()
    except PASSING_FAULTS as fault:
        logger.warning("waiting for the database", extra={"reason": str(fault)})
        await asyncio.sleep(RETRY_EVERY_S)
