"""The guard of a clock: it gives no time once the clock went forward further than time did.

What a service does by the clock it does for good: gates close, books are cleared, meters are estimated. So services
read it through `GuardedClock`. The run loop, the gateway and the API take `ClockStepped` for a fault that passes: it
ends when the clock is back, or when a person says that it is right (`sandan clock confirm`).
"""

import contextlib
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from shared.clock import ClockSource, ClockStepped, boot_id, boot_s

logger = logging.getLogger(__name__)

# Further than this, in wall time, no correction of a machine that keeps time goes in one step.
STEP_MAX = timedelta(seconds=5)
# So often a guard writes down where the clock is, and repeats its alarm.
NOTE_EVERY_S = 60.0
NOTE = ".clock.json"
CONFIRMATION = "clock.confirmed.json"


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a clock was when time was somewhere: `elapsed_s` counts on through any step, and through sleep."""

    instant: datetime
    elapsed_s: float

    def later(self, elapsed_s: float, rate: float) -> datetime:
        """Return where the clock is by now at the latest, if nobody steps it."""
        return self.instant + timedelta(seconds=(elapsed_s - self.elapsed_s) * rate)


class Notes:
    """What is known of a clock beyond one process: where it was, and what a person confirmed.

    Args:
        folder: Where it is written down; None: nowhere.
        name: Of the process.
        boot: Names the beginning that elapsed seconds count from; "" where nobody knows.
    """

    def __init__(self, folder: Path | None, name: str, boot: str) -> None:
        self._folder = folder
        self._file = f"{name}{NOTE}"
        self._boot = boot

    def keep(self, mark: Mark) -> None:
        """Write down where the clock is."""
        if self._folder is not None:
            # A full disk is no reason to stop: the next start knows less, that is all.
            with contextlib.suppress(OSError):
                write_mark(self._folder / self._file, mark, boot=self._boot)

    def kept(self) -> Mark | None:
        """Return where the clock was last, since the machine started; any process's note will do, it is one clock."""
        names = () if self._folder is None else (path.name for path in self._folder.glob(f"*{NOTE}"))
        marks = [mark for mark in map(self._read, names) if mark is not None]
        return max(marks, key=lambda mark: mark.elapsed_s, default=None)

    def kept_ever(self) -> datetime | None:
        """Return what the clock said last, whenever that was."""
        mark = self._read(self._file, since_boot=False)
        return None if mark is None else mark.instant

    def confirmed(self) -> Mark | None:
        """Return where a person found the clock right, since the machine started."""
        return self._read(CONFIRMATION)

    def _read(self, name: str, *, since_boot: bool = True) -> Mark | None:
        if self._folder is None:
            return None
        try:
            facts = json.loads((self._folder / name).read_text())
            mark = Mark(datetime.fromisoformat(facts["instant"]), float(facts["elapsed_s"]))
            is_ours = bool(self._boot) and facts["boot"] == self._boot
        except (OSError, KeyError, TypeError, ValueError):
            return None
        return mark if is_ours or not since_boot else None


class GuardedClock:
    """A clock that gives no time once it went forward further than time did, until it is back or a person confirms it.

    One that went back is told of, and read on: what must not go back with it keeps its own last stamp.
    """

    def __init__(self, clock: ClockSource, notes: Notes, elapsed_s: Callable[[], float] = boot_s) -> None:
        self._clock = clock
        self._notes = notes
        self._elapsed_s = elapsed_s
        self._lock = threading.Lock()
        self._rate = clock.rate
        self._times_set = clock.times_set
        self._mark: Mark | None = None
        # Where the clock was before it went back: there it may return to.
        self._before: Mark | None = None
        # What it said before the machine was off; a machine that woke up earlier than that has lost the time.
        self._not_before: datetime | None = None
        self._noted_at_s: float | None = None
        self._alarmed_at_s: float | None = None

    @property
    def is_simulated(self) -> bool:
        """Say whether its time is not the world's."""
        return self._clock.is_simulated

    @property
    def speed(self) -> float:
        """Return how many seconds of this clock pass in one second of the wall's; 0 while it stands."""
        return self._clock.speed

    @property
    def rate(self) -> float:
        """Return the speed while it does not stand."""
        return self._clock.rate

    def now(self) -> datetime:
        """Return the present instant.

        Raises:
            ClockStepped: The clock went forward further than time did.
        """
        with self._lock:
            says, believed = self._look()
        if says != believed:
            rule = "nothing is done by it until it is back, or confirmed (sandan clock confirm)"
            raise ClockStepped(f"the clock says {says.isoformat()}, which can't be: {rule}")
        return says

    def shown(self) -> datetime:
        """Return the present instant, as far as the clock is believed."""
        with self._lock:
            return self._look()[1]

    def _look(self) -> tuple[datetime, datetime]:
        """Return what the clock says, and what of it is believed."""
        times_set = self._clock.times_set
        # In this order: a process that is stopped between the two finds that more time has passed, never less.
        says = self._clock.now()
        seen = Mark(says, self._elapsed_s())
        before = self._mark or self._first(seen)
        # What passed since the last look passed at the old rate or the new one.
        rate, self._rate = max(self._rate, self._clock.rate), self._clock.rate
        if self._clock.times_set != self._times_set or self._is_credible(seen, before, rate):
            self._believe(seen, before, rate)
            self._times_set = times_set
            return says, says
        self._rate = rate
        believed = before.later(seen.elapsed_s, rate) if self._not_before is None else self._not_before
        if self._alarmed_at_s is None or seen.elapsed_s - self._alarmed_at_s >= NOTE_EVERY_S:
            self._alarmed_at_s = seen.elapsed_s
            facts = {"says": says.isoformat(), "believed": believed.isoformat()}
            logger.error("clock was stepped: nothing is done by it until it is back, or confirmed", extra=facts)
        return says, believed

    def _first(self, seen: Mark) -> Mark:
        """Return where the clock was before this process started, as far as that is known."""
        if self._clock.is_simulated:
            return seen
        kept, ever = self._notes.kept(), self._notes.kept_ever()
        if kept is None and ever is not None and seen.instant < ever - STEP_MAX:
            self._not_before = ever
        return kept or seen

    def _is_credible(self, seen: Mark, before: Mark, rate: float) -> bool:
        step_max = STEP_MAX * rate
        if self._not_before is not None:
            return seen.instant >= self._not_before or self._is_confirmed(seen, rate)
        if seen.instant <= before.later(seen.elapsed_s, rate) + step_max:
            return True
        back = self._before
        if back is not None and abs(back.later(seen.elapsed_s, rate) - seen.instant) <= step_max:
            return True
        return self._is_confirmed(seen, rate, since_s=before.elapsed_s)

    def _is_confirmed(self, seen: Mark, rate: float, *, since_s: float = 0.0) -> bool:
        """Say whether a person found right what the clock says, after it was believed last: each step needs its own."""
        confirmed = self._notes.confirmed()
        if confirmed is None or confirmed.elapsed_s < since_s:
            return False
        step_max = STEP_MAX * rate
        return confirmed.instant - step_max <= seen.instant <= confirmed.later(seen.elapsed_s, rate) + step_max

    def _believe(self, seen: Mark, before: Mark, rate: float) -> None:
        changed = self._mark is None or self._alarmed_at_s is not None
        if self._alarmed_at_s is not None:
            logger.warning("clock is believed again", extra={"says": seen.instant.isoformat()})
        if seen.instant < before.instant - STEP_MAX * rate:
            facts = {"says": seen.instant.isoformat(), "said": before.instant.isoformat()}
            logger.error("clock went back: stamps and gates wait for it", extra=facts)
            self._before, changed = before, True
        elif seen.instant > before.later(seen.elapsed_s, rate) + STEP_MAX * rate:
            self._before, changed = None, True
        self._mark, self._alarmed_at_s, self._not_before = seen, None, None
        if changed or self._noted_at_s is None or seen.elapsed_s - self._noted_at_s >= NOTE_EVERY_S:
            self._noted_at_s = seen.elapsed_s
            if not self._clock.is_simulated:
                self._notes.keep(seen)


def guarded(clock: ClockSource, folder: Path, name: str) -> GuardedClock:
    """Return a process's guarded clock, with its notes in a folder."""
    return GuardedClock(clock, Notes(folder, name, boot_id()))


def confirm(clock: ClockSource, folder: Path) -> datetime:
    """Let a deployment's processes believe a clock that was stepped; return the instant that it says."""
    mark = Mark(clock.now(), boot_s())
    write_mark(folder / CONFIRMATION, mark, boot=boot_id())
    return mark.instant


def write_mark(path: Path, mark: Mark, *, boot: str) -> None:
    """Write down where a clock is, in one step."""
    facts = {"instant": mark.instant.isoformat(), "elapsed_s": mark.elapsed_s, "boot": boot}
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(facts) + "\n")
    draft.replace(path)
