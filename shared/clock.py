"""The only reader of the clock: the wall's, or a simulated one that several processes share.

A simulated clock is three facts in a small JSON file: `start` (the simulated instant it begins at), `speed` (simulated
seconds a wall second), `epoch` (the wall instant at which it begins, null while it stands still). Every process that is
given the file's path sees the same time; a day of 15-minute intervals then runs in minutes with the same code. With
`until` the clock stands once it has come so far: whoever drives it lets it go on when the system has kept up.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from shared.errors import BadInput

# Beyond this a market is watched, not traded by hand: an interval takes fifteen seconds.
PERSON_SPEED_MAX = 60.0


class ClockStepped(Exception):  # noqa: N818 -- it says what the clock did
    """The clock went forward further than time did; it gives no time until it is back, or a person confirms it."""


class Clock(Protocol):
    """What a service may know of time."""

    @property
    def is_simulated(self) -> bool:
        """Say whether its time is not the world's."""
        ...

    @property
    def speed(self) -> float:
        """Return how many seconds of this clock pass in one second of the wall's; 0 while it stands."""
        ...

    @property
    def rate(self) -> float:
        """Return the speed while it does not stand."""
        ...

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC.

        Raises:
            ClockStepped: It is guarded, and was stepped.
        """
        ...

    def shown(self) -> datetime:
        """Return an instant for screens and waits, on which nothing depends that can't be taken back."""
        ...


class ClockSource(Clock, Protocol):
    """A clock that is not guarded yet."""

    @property
    def times_set(self) -> int:
        """Return how often it was set while it did not run, as a person may."""
        ...


@dataclass(frozen=True)
class WallClock:
    """The machine's own clock."""

    speed: float = 1.0
    rate: float = 1.0
    is_simulated: bool = False
    times_set: int = 0

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)

    shown = now


@dataclass(frozen=True)
class Pace:
    """What a clock file says: see the module's docstring."""

    start: datetime
    speed: float
    epoch: datetime | None
    until: datetime | None = None

    def at(self, wall: datetime) -> datetime:
        """Return the simulated instant at a wall instant; it stands at `start` until `epoch`, and from `until` on."""
        if self.epoch is None or wall <= self.epoch:
            return self.start
        free = self.start + (wall - self.epoch) * self.speed
        return free if self.until is None else max(self.start, min(free, self.until))

    def stands(self, wall: datetime) -> bool:
        """Say whether time does not pass."""
        return self.epoch is None or (self.until is not None and self.at(wall) >= self.until)

    def going_until(self, until: datetime | None, wall: datetime) -> "Pace":
        """Return the pace that goes on to another instant from where the clock is, without a leap."""
        if self.epoch is None or not self.stands(wall):
            return replace(self, until=until)
        return replace(self, start=self.at(wall), epoch=wall, until=until)

    def going_at(self, speed: float, wall: datetime) -> "Pace":
        """Return the pace that goes on at another speed from where the clock is, without a leap."""
        if self.epoch is None:
            return replace(self, speed=speed)
        return replace(self, start=self.at(wall), epoch=wall, speed=speed)


class SharedClock:
    """A simulated clock read from a file, re-read when the file changes."""

    is_simulated = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = -1
        self.times_set = 0
        self._pace: Pace | None = None
        self._read()

    @property
    def speed(self) -> float:
        """Return the simulated seconds in a wall second; 0 while the clock stands."""
        pace = self._read()
        return 0.0 if pace.stands(datetime.now(UTC)) else pace.speed

    @property
    def rate(self) -> float:
        """Return the simulated seconds in a wall second while the clock does not stand."""
        return self._read().speed

    def now(self) -> datetime:
        """Return the present simulated instant."""
        return self._read().at(datetime.now(UTC))

    shown = now

    def go_until(self, until: datetime | None) -> None:
        """Move where the clock will stand (None: nowhere), for every process that reads the file."""
        self._change(lambda pace: pace.going_until(until, datetime.now(UTC)))

    def go_at(self, speed: float) -> None:
        """Change how fast the clock runs, for every process that reads the file."""
        self._change(lambda pace: pace.going_at(speed, datetime.now(UTC)))

    def _change(self, change: Callable[[Pace], Pace]) -> None:
        """Write the file anew, one process after the other: who drives the clock may not be who sets its speed."""
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            write_pace(self._path, change(parse_pace(self._path.read_text(), where=str(self._path))))

    def _read(self) -> Pace:
        try:
            stamp = self._path.stat().st_mtime_ns
            if stamp != self._stamp or self._pace is None:
                if self._pace is not None and self._pace.epoch is None:
                    self.times_set += 1
                self._pace = parse_pace(self._path.read_text(), where=str(self._path))
                self._stamp = stamp
        except FileNotFoundError:
            raise BadInput(
                where="environment", field="SANDAN_CLOCK_FILE", rule="must name a clock file", value=str(self._path)
            ) from None
        return self._pace


def parse_pace(text: str, *, where: str) -> Pace:
    """Read a clock file's text."""
    try:
        facts = json.loads(text)
        start = datetime.fromisoformat(facts["start"])
        epoch = _instant(facts["epoch"])
        until = _instant(facts.get("until"))
        speed = float(facts["speed"])
    except (KeyError, TypeError, ValueError):
        rule = "must be JSON with start, speed and epoch (ISO 8601 with offset)"
        raise BadInput(where=where, field="clock", rule=rule, value=text.strip()) from None
    if any(one is not None and one.tzinfo is None for one in (start, epoch, until)):
        raise BadInput(where=where, field="start, epoch, until", rule="must carry a UTC offset", value=text.strip())
    if not 0 < speed <= 10_000:  # noqa: PLR2004 -- beyond that an interval is shorter than one poll
        raise BadInput(where=where, field="speed", rule="must be in (0, 10000]", value=speed)
    return Pace(start=start.astimezone(UTC), speed=speed, epoch=epoch, until=until)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def write_pace(path: Path, pace: Pace) -> None:
    """Write a clock file in one step, so that no reader sees half of it."""
    facts = {
        "start": pace.start.isoformat(),
        "speed": pace.speed,
        "epoch": None if pace.epoch is None else pace.epoch.isoformat(),
        "until": None if pace.until is None else pace.until.isoformat(),
    }
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(facts) + "\n")
    draft.replace(path)


def clock_from(path: Path | None) -> WallClock | SharedClock:
    """Return the shared simulated clock of a file, or the wall clock where no file is named; neither is guarded."""
    return WallClock() if path is None else SharedClock(path)


def wall_now() -> datetime:
    """Return the wall instant, for what concerns people and machines rather than the market (a clock's epoch)."""
    return datetime.now(UTC)


def monotonic_s() -> float:
    """Return seconds on a clock that never goes back, for waits and measurements."""
    return time.monotonic()


def boot_s() -> float:
    """Return seconds since the machine's start, those that it slept included where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def boot_id() -> str:
    """Return the name of the machine's start that `boot_s` counts from, "" where it has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def pause(seconds: float) -> None:
    """Wait in wall time."""
    time.sleep(seconds)


def touch(path: Path) -> None:
    """Say on disk that this process was alive just now (its heartbeat file).

    Where the disk does not take it, as a full one, the process looks silent; it does not end of it.
    """
    with contextlib.suppress(OSError):
        path.touch()
        os.utime(path)
