"""A site's meter on a regular grid of intervals, numbered from the Unix epoch, and what of it was known when."""

from dataclasses import dataclass, field

import numpy as np

from shared.arrays import Floats, Integers

MINUTES_PER_DAY = 1440
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """What a meter said, an entry an interval; NaN is unknown.

    Attributes:
        first: The number of the first interval: its start, in intervals since 1970-01-01T00:00Z.
        step_minutes: The interval's length, a divisor of a day.
        kw: Average power.
        rejected_at: The number of the first interval that starts when it is known that this one must not be believed;
            NEVER where it may be.
    """

    first: int
    step_minutes: int
    kw: Floats
    rejected_at: Integers

    @property
    def steps_per_day(self) -> int:
        """Return how many intervals a day has."""
        return MINUTES_PER_DAY // self.step_minutes

    def since(self, first: int) -> "Timeline":
        """Return what is left from an interval on."""
        rejected_at = self.rejected_at[first:]
        left = np.where(rejected_at == NEVER, NEVER, rejected_at - first)
        return Timeline(self.first + first, self.step_minutes, self.kw[first:], left)

    def until(self, end: int) -> "Timeline":
        """Return what there was when interval `end` began."""
        return Timeline(self.first, self.step_minutes, self.kw[: max(end, 0)], self.rejected_at[: max(end, 0)])

    def believed(self, now: int, until: int) -> Floats:
        """Return what was believed when interval `now` began and, from there to `until`, what nothing refuted at once.

        Both count from `first`; what ends after `until` begins is NaN.
        """
        refuted = (self.rejected_at <= now) | (self.rejected_at <= np.arange(len(self.kw)) + 1)
        known = np.where(refuted, np.nan, self.kw)
        known[max(until, 0) :] = np.nan
        return known


@dataclass(frozen=True, slots=True, eq=False)
class SiteDays:
    """The site's own days: each interval's day (numbered from 0), time of day, and each day's weekday and kind.

    `slots` is the number of times of day.
    """

    day: Integers
    slot: Integers
    weekday: Integers
    kind: Integers
    slots: int

    def between(self, first: int, end: int) -> "SiteDays":
        """Return the days of some of the intervals, numbered anew."""
        days = slice(int(self.day[first]), int(self.day[end - 1]) + 1)
        return SiteDays(
            self.day[first:end] - self.day[first],
            self.slot[first:end],
            self.weekday[days],
            self.kind[days],
            self.slots,
        )

    def begins(self) -> Integers:
        """Return the first interval of each day."""
        return np.flatnonzero(np.diff(self.day, prepend=-1))


@dataclass(frozen=True, slots=True, eq=False)
class WeatherLog:
    """Weather as it became available: a row an interval and issue, ordered by interval, then by availability.

    Attributes:
        names: The variables.
        interval: The grid number (from the timeline's first interval) that a row speaks of.
        available_minute: When it became available, in minutes since 1970-01-01T00:00Z, rounded up.
        rows: (rows x variables), NaN is unknown.
    """

    names: tuple[str, ...] = ()
    interval: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    available_minute: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    rows: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def since(self, first: int) -> "WeatherLog":
        """Return the same rows, their intervals numbered from another one."""
        return WeatherLog(self.names, self.interval - first, self.available_minute, self.rows)

    def seen(self, interval: Integers, at_minute: Integers) -> Floats:
        """Return the newest row on each interval that was available at a minute: (pairs x variables)."""
        if not self.names or not len(self.interval):
            return np.full((len(interval), len(self.names)), np.nan)
        # One sorted key for both: an interval's rows lie together, the newest available one is just below the key.
        span = int(max(self.available_minute.max(), at_minute.max(initial=0))) + 2
        base = int(min(self.available_minute.min(), at_minute.min(initial=0), 0))
        span -= base
        keys = self.interval * span + (self.available_minute - base)
        place = np.searchsorted(keys, interval * span + (at_minute - base), side="right") - 1
        there = (place >= 0) & (self.interval[place] == interval)
        return np.where(there[:, None], self.rows[np.maximum(place, 0)], np.nan)
