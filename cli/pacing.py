"""A simulated day at the machine's own pace: time waits until everything that is due by then is done.

What is waited for is guaranteed to come while time stands, so that a day can't freeze:

- before the first gate every battery is measured, without which no plan of it is solved (a gateway that was up before
  its devices asks them again after two polling intervals at the latest, which is time that has to pass);
- an interval's forecasts are issued from its beginning on, whatever the meters say;
- its schedules are solved once its gate has closed, at the latest half an interval later, on what is known then;
- its set-points are written and read back ahead of delivery;
- it is settled once it is over; how far behind that may be is bounded, so that a backlog does not grow all day.

Where another day follows, its first intervals are waited for as well, so that the days join.

A device that was made to fail does not do its part: its set-points and its intervals' settlement are waited for no
longer. Whatever else does not come although every process is heard of and nothing at all moves, is done without in the
end, and named.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.clock import SharedClock, monotonic_s
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, KST

# Time stands this long before the instant that it must not reach: a set-point is taken until its interval begins.
MARGIN = timedelta(minutes=1)
# How long after its end an interval may still be settled before time waits for it.
SETTLED_WITHIN = 4 * INTERVAL
# What a device that failed lately did not do, as no battery is planned that was not measured, is not waited for.
FAILED_WITHIN = timedelta(hours=1)
# With every process heard of and nothing moving at all, what has not come by then is not slow but missing.
QUIET_S_MAX = 600.0
# The same where it is known why that does not come: a device was made to fail or not asked yet, or a round left it out.
EXPLAINED_QUIET_S_MAX = 30.0

Failing = Callable[[Collection[str], datetime, datetime], Collection[str]]


@dataclass(frozen=True, kw_only=True)
class Owed:
    """What a day of a complex consists of.

    Attributes:
        first: The first interval.
        begin: Where the clock begins.
        gate_closure_lead: How long before an interval its gate closes.
        sites: How many forecasts an interval has.
        batteries: The batteries, each with a schedule an interval.
        commanded: Those that confirm a set-point before its interval begins.
        settled_meters: The meters without which no interval is settled.
        statements: How many the day ends with.
        failing: Which of some devices were made to fail at any time between two instants.
    """

    first: datetime
    begin: datetime
    gate_closure_lead: timedelta
    sites: int
    batteries: Collection[str]
    commanded: Collection[str]
    settled_meters: Collection[str]
    statements: int
    failing: Failing


@dataclass(frozen=True, slots=True)
class Seen:
    """What the trading API says of the day.

    Attributes:
        intervals: As `GET /report/intervals` lists them: the day's, and the first of the next where that follows.
        statements: As it counts them.
        batteries_measured: How many batteries have told their state.
    """

    intervals: Sequence[Mapping[str, Any]]
    statements: int
    batteries_measured: int

    @property
    def settled(self) -> int:
        """Return how many of the day's intervals are settled."""
        return sum(interval["settled"] for interval in self.intervals[:INTERVALS_PER_DAY])


@dataclass(frozen=True, slots=True)
class Hold:
    """Where time has to stand, and for what."""

    until: datetime
    cause: str
    what: str


@dataclass
class Leash:
    """Where the clock of a simulated day has to stand until the system has caught up.

    On a machine that is too slow for the speed asked for, or busy with something else, the day takes longer; it lacks
    nothing.

    Attributes:
        elapsed_s: Counts wall seconds from any beginning.
        waiting_for: What the clock stands for at present; None while it runs.
        waited_s: For how long it has stood, by cause.
        done_without: What was not waited for any longer.
        gave_up: Whether the day is over and nothing more of it will come.
    """

    clock: SharedClock
    owed: Owed
    elapsed_s: Callable[[], float] = monotonic_s
    waiting_for: str | None = None
    waited_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    done_without: list[str] = field(default_factory=list)
    gave_up: bool = False
    _until: datetime | None = None
    _refused: str | None = None
    _without: set[tuple[str, int]] = field(default_factory=set)
    _seen: Seen | None = None
    _quiet_since_s: float = 0.0
    _looked_at: tuple[float, datetime, str] | None = None

    @property
    def end(self) -> datetime:
        """Return where the clock stops: the last interval is over then, and its day still the one on screen."""
        return self.owed.first + (INTERVALS_PER_DAY + 1) * INTERVAL - MARGIN

    def is_done(self, seen: Seen) -> bool:
        """Say whether the day's books are complete."""
        return seen.settled == INTERVALS_PER_DAY and seen.statements >= self.owed.statements

    def follow(self, seen: Seen | None, silent: Sequence[str] = ()) -> None:
        """Let the clock go on as far as what has been done so far allows.

        Args:
            seen: What the trading API says; None where it does not answer.
            silent: The processes that have not been heard of for a while: as long as there are any, none gives up.
        """
        now_s = self.elapsed_s()
        stands, now = self.clock.speed == 0, self.clock.now()
        holds = {} if seen is None else self._holds(seen)
        nearest = min(holds.values(), key=lambda hold: hold.until, default=self._at_the_end(seen))
        if self._looked_at is not None:
            before_s, before, cause = self._looked_at
            stood_s = now_s - before_s - (now - before).total_seconds() / self.clock.rate
            self.waited_s[cause] += max(0.0, stood_s)
        self._looked_at = now_s, now, nearest.cause
        goes_on = seen is not None and self._go_until(nearest.until)
        if goes_on or not stands or seen is None or silent or seen != self._seen:
            self._quiet_since_s = now_s
        elif now_s - self._quiet_since_s > self._quiet_s_max(seen, holds):
            self._do_without(nearest, holds)
            self._quiet_since_s = now_s
        self._seen = seen or self._seen
        unheard = f"; not heard of: {', '.join(silent)}" if silent else ""
        what = nearest.what if self._refused is None else f"the disk: {self._refused}"
        self.waiting_for = f"{what}{unheard}" if stands and not (seen and self.is_done(seen)) else None

    def missing(self, seen: Seen | None) -> list[str]:
        """Return what the day lacks, in words."""
        if seen is None:
            return ["the trading API's answer"]
        lacks, unsettled = list(self.done_without), INTERVALS_PER_DAY - seen.settled
        if unsettled:
            failing = sorted(self._failing_meters(seen))
            why = f"; made to fail: {', '.join(failing)}" if failing else ""
            lacks.append(f"settlement of {unsettled} of {INTERVALS_PER_DAY} intervals{why}")
        if seen.statements < self.owed.statements:
            lacks.append(f"{self.owed.statements - seen.statements} of {self.owed.statements} statements")
        return lacks

    def _go_until(self, until: datetime) -> bool:
        """Move where the clock stands, never back, as it might be there already; say whether it was moved."""
        if self._until is not None and until <= self._until:
            return False
        try:
            self.clock.go_until(until)
        except OSError as fault:
            # Time stands where it stood, and the next look tries again.
            self._refused = str(fault)
            return False
        self._until, self._refused = until, None
        return True

    def _holds(self, seen: Seen) -> dict[tuple[str, int], Hold]:
        """Return by cause and interval where the clock must stand: of each cause the first interval only."""
        owed, now, found = self.owed, self.clock.now(), dict[tuple[str, int], Hold]()
        wanted = self._well(owed.batteries, owed.begin, now)
        if seen.batteries_measured < wanted and ("batteries", 0) not in self._without:
            what = f"the batteries' states ({seen.batteries_measured} of {wanted})"
            found["batteries", 0] = Hold(owed.first - owed.gate_closure_lead - MARGIN, "batteries", what)
        for cause, is_due in (
            ("forecasts", self._forecasts),
            ("schedules", self._schedules),
            ("set-points", self._setpoints),
            ("settlement", self._settlement),
        ):
            for number, one in enumerate(seen.intervals):
                start = owed.first + number * INTERVAL
                hold = None if (cause, number) in self._without else is_due(one, start, now)
                if hold is not None and owed.begin < hold.until < self.end:
                    found[cause, number] = hold
                    break
        return found

    def _forecasts(self, one: Mapping[str, Any], start: datetime, now: datetime) -> Hold | None:
        """Wait before the interval's end: one that is over would get none any more."""
        del now
        return self._hold(start + INTERVAL, "forecasts", start, one["forecasts"], self.owed.sites)

    def _schedules(self, one: Mapping[str, Any], start: datetime, now: datetime) -> Hold | None:
        """Wait before the next gate: the round of an interval is left out once the next one's gate has closed."""
        wanted = self._well(self.owed.batteries, start, now)
        next_gate = start + INTERVAL - self.owed.gate_closure_lead
        return self._hold(next_gate, "schedules", start, one["schedules"], wanted)

    def _setpoints(self, one: Mapping[str, Any], start: datetime, now: datetime) -> Hold | None:
        """Wait before the interval begins: no converter takes a set-point any more then."""
        wanted = self._well(self.owed.commanded, start, now)
        if ("schedules", (start - self.owed.first) // INTERVAL) in self._without:
            wanted = min(wanted, one["schedules"])
        return self._hold(start, "set-points", start, one["setpoints_confirmed"] + one["setpoints_refused"], wanted)

    def _settlement(self, one: Mapping[str, Any], start: datetime, now: datetime) -> Hold | None:
        """Wait some intervals later, unless a meter keeps it from being settled."""
        if self.owed.failing(self.owed.settled_meters, start, now):
            return None
        return self._hold(start + INTERVAL + SETTLED_WITHIN, "settlement", start, one["settled"], 1)

    def _well(self, devices: Collection[str], start: datetime, now: datetime) -> int:
        return len(devices) - len(self.owed.failing(devices, start - FAILED_WITHIN, now))

    @staticmethod
    def _hold(limit: datetime, cause: str, start: datetime, count: int, wanted: int) -> Hold | None:
        if count >= wanted:
            return None
        return Hold(limit - MARGIN, cause, f"{cause} of {start.astimezone(KST):%H:%M} ({count} of {wanted})")

    def _at_the_end(self, seen: Seen | None) -> Hold:
        what = ", ".join(self.missing(seen)) or "nothing"
        if seen is None:
            return Hold(self.end, "trading_api", what)
        return Hold(self.end, "statements" if seen.settled == INTERVALS_PER_DAY else "settlement", what)

    def _failing_meters(self, seen: Seen) -> Collection[str]:
        """Return the meters that fail at this moment, where that keeps intervals from being settled."""
        now = self.clock.now()
        return () if seen.settled == INTERVALS_PER_DAY else self.owed.failing(self.owed.settled_meters, now, now)

    def _quiet_s_max(self, seen: Seen, holds: Mapping[tuple[str, int], Hold]) -> float:
        """Return for how long nothing may move: not for long where it is known why something does not come."""
        if not holds:
            return EXPLAINED_QUIET_S_MAX if self._failing_meters(seen) else QUIET_S_MAX
        cause, number = min(holds, key=lambda key: holds[key].until)
        # A round's schedules come together: where some are there, its other batteries had not been measured.
        left_out = cause == "schedules" and seen.intervals[number]["schedules"] > 0
        return EXPLAINED_QUIET_S_MAX if left_out or cause == "batteries" else QUIET_S_MAX

    def _do_without(self, nearest: Hold, holds: Mapping[tuple[str, int], Hold]) -> None:
        if not holds:
            self.gave_up = True
            return
        for key, hold in holds.items():
            if hold.until <= nearest.until:
                self._without.add(key)
                self.done_without.append(hold.what)
