"""Tell the live connections what is new: one reader of the database for all of them."""

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from starlette.concurrency import run_in_threadpool

from services.trading_api.domain.views import device_view
from services.trading_api.store.lists import device_list
from services.trading_api.store.logs import stream_after, stream_bounds
from services.trading_api.store.sql import rows_of
from shared.clock import monotonic_s
from shared.complexes import Complexes
from shared.db.engine import reading

logger = logging.getLogger(__name__)

# A person sees no difference below that, and the database is asked five times a second at most.
GAP_S = 0.2
DEVICES_EVERY_S = 1.0
TAIL_LENGTH = 5_000


@dataclass(frozen=True, slots=True)
class Heard:
    """Something of the stream, ready to be sent."""

    sequence: int
    audience: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A device's state, ready to be sent; `number` grows with each change of any device."""

    number: int
    participant_id: str
    view: Mapping[str, Any]


class Feed:
    """The stream's tails and the devices' states of all complexes, in memory."""

    def __init__(self, engine: Engine, complexes: Complexes) -> None:
        self._engine = engine
        self._tails: dict[str, deque[Heard]] = {name: deque(maxlen=TAIL_LENGTH) for name in complexes}
        self._last: dict[str, int] = dict.fromkeys(complexes, -1)
        self._devices: dict[str, dict[str, Seen]] = {name: {} for name in complexes}
        self._changes = 0
        self._devices_read_at = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._changed = asyncio.Condition()
        self.batch_at_s: float | None = None
        self.closed = False

    def wake(self) -> None:
        """Say from any thread that something was committed."""
        self.batch_at_s = monotonic_s()
        self.nudge()

    def close(self) -> None:
        """Say from any thread that the live connections are to end."""
        self.closed = True
        self.nudge()

    def nudge(self) -> None:
        """Say from any thread that there may be something new to read."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop closed between the question and the call
                self._loop.call_soon_threadsafe(self._woken.set)

    async def run(self) -> None:
        """Read what is new whenever something was committed, until closed."""
        self._loop = asyncio.get_running_loop()
        self._woken.set()
        while not self.closed:
            # Devices are read at their own pace, so a quiet bus must not keep the last state of one from being sent.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), DEVICES_EVERY_S)
            self._woken.clear()
            try:
                new = await run_in_threadpool(self._read)
            except sa.exc.OperationalError as fault:
                logger.warning("the live stream waits for the database", extra={"reason": type(fault).__name__})
                new = False
            if new:
                await self._tell()
            await asyncio.sleep(GAP_S)
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def news(self, wait_s: float) -> None:
        """Wait until something is new, at most so long."""
        async with self._changed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait_s)

    def since(self, complex_id: str, sequence: int) -> list[Heard] | None:
        """Return what followed a number, None where memory does not reach back so far."""
        tail = self._tails[complex_id]
        if sequence >= self._last[complex_id]:
            return []
        if not tail or tail[0].sequence > sequence + 1:
            return None
        # The newest stand at the right end, and a client has most of them already.
        missed = [heard for heard in reversed(tail) if heard.sequence > sequence]
        return missed[::-1]

    def read_since(self, complex_id: str, sequence: int) -> list[Heard] | None:
        """Return the same from the database, None where it was pruned or never given; blocks."""
        with reading(self._engine) as db:
            first, last = stream_bounds(db, complex_id)
            if not first - 1 <= sequence <= last:
                return None
            return [_heard(row) for row in stream_after(db, complex_id, sequence)]

    def devices_since(self, complex_id: str, number: int) -> list[Seen]:
        """Return the devices that changed after a number of changes."""
        return [seen for seen in self._devices[complex_id].values() if seen.number > number]

    def _read(self) -> bool:
        new = False
        with reading(self._engine) as db:
            for complex_id, tail in self._tails.items():
                if self._last[complex_id] < 0:
                    # What was there before this process started is read from the database when someone asks.
                    self._last[complex_id] = stream_bounds(db, complex_id)[1]
                rows = stream_after(db, complex_id, self._last[complex_id])
                if rows:
                    tail.extend(_heard(row) for row in rows)
                    self._last[complex_id] = rows[-1]["sequence"]
                    new = True
            if monotonic_s() - self._devices_read_at >= DEVICES_EVERY_S:
                self._devices_read_at = monotonic_s()
                for complex_id in self._tails:
                    new |= self._read_devices(complex_id, rows_of(db, device_list(complex_id, seen_by=None).query))
        return new

    def _read_devices(self, complex_id: str, rows: Any) -> bool:
        known = self._devices[complex_id]
        before = self._changes
        for row in rows:
            view = device_view(row)
            if row["device_id"] not in known or known[row["device_id"]].view != view:
                self._changes += 1
                known[row["device_id"]] = Seen(self._changes, row["participant_id"], view)
        return self._changes > before


def _heard(row: Mapping[Any, Any]) -> Heard:
    text = json.dumps(row["payload"], ensure_ascii=False, separators=(",", ":"))
    return Heard(row["sequence"], row["audience"], row["kind"], text)
