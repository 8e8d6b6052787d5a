"""Tell the live connections what is new: one reader of the database for all of them.

What is shown to clients lives on the event loop alone: the thread that reads returns what it read, and nothing that a
client holds can keep the feed, or another client, waiting.
"""

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TypeVar, TypeVarTuple

import anyio.to_thread
from anyio import CapacityLimiter
from sqlalchemy.engine import Engine
from sse_starlette import ServerSentEvent

from services.trading_api.db.sql import rows_of
from services.trading_api.log.stream import STREAM_PAGE, stream_after, stream_bounds
from services.trading_api.metering.devices import DeviceView, devices_shown
from services.trading_api.metering.queries import device_list
from services.trading_api.text import Row
from shared.clock import Clock, monotonic_s
from shared.complex.complexes import Complexes
from shared.db.engine import DATABASE_FAULTS, reading

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")
Asked = TypeVarTuple("Asked")
# A person sees no difference below that, and the database is asked five times a second at most.
GAP_S = 0.2
DEVICES_EVERY_S = 1.0
TAIL_LENGTH = 5_000
LINE_END = "\n"
# All live connections together ask the database no more than so many things at a time.
CLIENT_THREADS = 4
# A round is due every second; silence this long means that clients hear nothing new.
SILENCE_S_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Heard:
    """Something of the stream, ready to be sent."""

    sequence: int
    audience: str
    kind: str
    sent: bytes


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device's state, ready to be sent; `number` grows with each change of any device."""

    number: int
    participant_id: str
    view: DeviceView


@dataclass(frozen=True, slots=True)
class _Round:
    """What one look at the database brought, by complex."""

    heard: Mapping[str, Sequence[Heard]]
    last: Mapping[str, int]
    devices: Mapping[str, Sequence[tuple[str, str, DeviceView]]]

    @property
    def goes_on(self) -> bool:
        """Say whether there is more to read at once."""
        return any(len(heard) == STREAM_PAGE for heard in self.heard.values())


class Feed:
    """The stream's tails and the devices' states of all complexes, in memory.

    Only `nudge` and `close` may be called from other threads than the event loop's.
    """

    def __init__(self, engine: Engine, complexes: Complexes, clock: Clock) -> None:
        self._engine = engine
        self._complexes = complexes
        # By its time devices go stale.
        self._clock = clock
        self._tails: dict[str, deque[Heard]] = {name: deque(maxlen=TAIL_LENGTH) for name in complexes}
        self._last: dict[str, int] = dict.fromkeys(complexes, -1)
        self._devices: dict[str, dict[str, DeviceState]] = {name: {} for name in complexes}
        self._changes = 0
        self._devices_read_at = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        # Set once, when something is new, and replaced by another: those who wait share nothing that one could hold.
        self._news = asyncio.Event()
        self._own_thread = CapacityLimiter(1)
        self._client_threads = CapacityLimiter(CLIENT_THREADS)
        self.told_at_s: float | None = None
        self.closed = False

    def close(self) -> None:
        """Say from any thread that the live connections are to end."""
        self.closed = True
        self.nudge()

    def nudge(self) -> None:
        """Say from any thread that there may be something new to read."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop closed between the question and the call
                self._loop.call_soon_threadsafe(self._woken.set)

    def tells(self) -> bool:
        """Say whether clients hear what is new."""
        return self.told_at_s is not None and monotonic_s() - self.told_at_s < SILENCE_S_MAX

    async def run(self) -> None:
        """Read what is new whenever something was committed, until closed; nothing that fails ends it."""
        self._loop = asyncio.get_running_loop()
        self._woken.set()
        failing = False
        while not self.closed:
            # Devices are read at their own pace, so a quiet bus must not keep the last state of one from being sent.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DEVICES_EVERY_S):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._take_round()
            except Exception as fault:  # whatever it is, the next round may succeed
                if not failing:
                    expected = isinstance(fault, DATABASE_FAULTS)
                    logger.warning(
                        "the live stream waits for the database",
                        extra={"reason": type(fault).__name__},
                        exc_info=None if expected else fault,
                    )
                failing = True
            else:
                if failing:
                    logger.info("the live stream goes on")
                failing = False
                self.told_at_s = monotonic_s()
            await asyncio.sleep(GAP_S)
        await self._tell()

    async def news(self, wait_s: float) -> None:
        """Wait until something is new, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._news.wait()

    def since(self, complex_id: str, sequence: int) -> Sequence[Heard] | None:
        """Return what followed a number, None where memory does not reach back so far."""
        tail = self._tails[complex_id]
        if sequence >= self._last[complex_id]:
            return []
        if not tail or tail[0].sequence > sequence + 1:
            return None
        # The newest stand at the right end, and a client has most of them already.
        missed = list(takewhile(lambda heard: heard.sequence > sequence, reversed(tail)))
        return missed[::-1]

    async def page_since(self, complex_id: str, sequence: int) -> Sequence[Heard] | None:
        """Return the first of what followed a number, from the database; None where it was pruned or never given."""
        return await self.ask(self._read_page, complex_id, sequence)

    async def knows(self, complex_id: str, sequence: int) -> bool:
        """Say whether a client can go on from a number: nothing that followed it was pruned."""
        return await self.ask(self._is_kept, complex_id, sequence)

    async def ask(self, question: Callable[[*Asked], Answer], *arguments: *Asked) -> Answer:
        """Ask the database something for a live connection, in a thread of those that they share."""
        return await anyio.to_thread.run_sync(
            question, *arguments, limiter=self._client_threads, abandon_on_cancel=True
        )

    def devices_since(self, complex_id: str, number: int) -> list[DeviceState]:
        """Return the devices that changed after a number of changes."""
        return [seen for seen in self._devices[complex_id].values() if seen.number > number]

    async def _tell(self) -> None:
        told, self._news = self._news, asyncio.Event()
        told.set()

    async def _take_round(self) -> None:
        goes_on = True
        while goes_on and not self.closed:
            with_devices = monotonic_s() - self._devices_read_at >= DEVICES_EVERY_S
            round_ = await anyio.to_thread.run_sync(
                self._read, dict(self._last), with_devices, limiter=self._own_thread, abandon_on_cancel=True
            )
            if with_devices:
                self._devices_read_at = monotonic_s()
            if self._keep(round_):
                await self._tell()
            goes_on = round_.goes_on

    def _keep(self, found: _Round) -> bool:
        """Take in what was read, and say whether any of it is new."""
        before = self._changes
        for complex_id, heard in found.heard.items():
            tail = self._tails[complex_id]
            if tail and heard and heard[0].sequence != tail[-1].sequence + 1:
                tail.clear()  # what stood between was pruned: whoever has not heard it needs a new snapshot
            tail.extend(heard)
        self._last.update(found.last)
        for complex_id, states in found.devices.items():
            known = self._devices[complex_id]
            for device_id, participant_id, view in states:
                if device_id not in known or known[device_id].view != view:
                    self._changes += 1
                    known[device_id] = DeviceState(self._changes, participant_id, view)
        return self._changes > before or any(found.heard.values())

    def _read(self, last: Mapping[str, int], with_devices: bool) -> _Round:
        heard: dict[str, list[Heard]] = {}
        reached: dict[str, int] = {}
        devices: dict[str, list[tuple[str, str, DeviceView]]] = {}
        with reading(self._engine) as db:
            for complex_id, sequence in last.items():
                # What was there before this process started is read from the database when someone asks.
                begin = stream_bounds(db, complex_id)[1] if sequence < 0 else sequence
                heard[complex_id] = [_heard(row) for row in stream_after(db, complex_id, begin)]
                reached[complex_id] = heard[complex_id][-1].sequence if heard[complex_id] else begin
                if with_devices:
                    rows = rows_of(db, device_list(complex_id, seen_by=None).query)
                    now = self._clock.shown()
                    show = devices_shown(self._complexes.at(complex_id, now), now=now, speed=self._clock.speed)
                    devices[complex_id] = [(row["device_id"], row["participant_id"], show(row)) for row in rows]
        return _Round(heard, reached, devices)

    def _read_page(self, complex_id: str, sequence: int) -> Sequence[Heard] | None:
        with reading(self._engine) as db:
            if not _kept(stream_bounds(db, complex_id), sequence):
                return None
            return [_heard(row) for row in stream_after(db, complex_id, sequence)]

    def _is_kept(self, complex_id: str, sequence: int) -> bool:
        with reading(self._engine) as db:
            return _kept(stream_bounds(db, complex_id), sequence)


def _kept(bounds: tuple[int, int], sequence: int) -> bool:
    first, last = bounds
    return first - 1 <= sequence <= last


def _heard(row: Row) -> Heard:
    kind, sequence = row["kind"], row["sequence"]
    return Heard(sequence, row["audience"], kind, server_sent(kind, row["payload"], number=sequence))


def server_sent(kind: str, content: object, *, number: int | None = None) -> bytes:
    """Return a server-sent event as it is sent."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return ServerSentEvent(text, event=kind, id=None if number is None else str(number), sep=LINE_END).encode()
