"""A factory as a model sees it: what is usual on such a day, how far from it the last hours were, and the calendar."""

from collections.abc import Collection, Sequence
from datetime import date

import numpy as np

from services.forecast.domain.learning.rolling import WindowSums, picked
from services.forecast.domain.learning.samples import Pairs
from services.forecast.domain.metered.timeline import SiteDays
from services.forecast.domain.outlook import kinds_of
from shared.arrays import Floats, Integers

# A kind's usual day is the mean of its last so many days.
KIND_DAYS = 6
KINDS = 3


def calendar_of(days: Sequence[date], rest_days: Collection[date], steps_per_day: int) -> SiteDays:
    """Return the calendar of consecutive days of equal length."""
    return SiteDays(
        day=np.repeat(np.arange(len(days)), steps_per_day),
        slot=np.tile(np.arange(steps_per_day), len(days)),
        weekday=np.array([day.weekday() for day in days], dtype=np.int64),
        kind=kinds_of(days, rest_days),
        slots=steps_per_day,
    )


class LoadView:
    """What was known of a factory's consumption when a stretch of issues began.

    Args:
        known_kw: What could be believed; NaN is unknown.
        calendar: Of these intervals and those after them.
        scale_kw: What departures are measured in, and the usual power where nothing was metered.
    """

    def __init__(self, known_kw: Floats, calendar: SiteDays, scale_kw: float) -> None:
        self._kw = known_kw / scale_kw
        self._scale_kw = scale_kw
        self._calendar = calendar
        self._day = calendar.slots
        self._profile = self._profiles()
        size = len(known_kw)
        rows = np.arange(size)
        self._departed = self._kw - self._usual(rows, rows)
        self._sum, self._off = WindowSums(self._kw), WindowSums(self._departed)
        self._moved = WindowSums(np.abs(np.diff(self._kw, prepend=np.nan)))

    def scale_kw(self, target: Integers) -> Floats:
        """Return what departures are measured in."""
        return np.full(len(target), self._scale_kw)

    def pairs(self, now: Integers, target: Integers) -> Pairs:
        """Return the pairs of issues and target intervals."""
        calendar, hour = self._calendar, max(self._day // 24, 1)
        usual = self._usual(now, target)
        off = [self._off.mean(now, steps) for steps in (1, 2, hour, 4 * hour, self._day)]
        week = 7 * self._day
        weeks_back = 1 + (target - now) // week
        days_back = 1 + (target - now) // self._day
        yesterday = target - days_back * self._day
        last_week = target - weeks_back * week
        day, today = calendar.day[target], calendar.day[now]
        features = [
            (target - now + 1).astype(np.float64),
            usual,
            *off,
            picked(self._kw, now - 1),
            picked(self._kw, now - 2),
            self._sum.mean(now, hour),
            self._sum.mean(now, 4 * hour),
            self._sum.mean(now, self._day),
            self._moved.mean(now, hour),
            self._near(yesterday, now),
            self._near(last_week, now),
            picked(self._departed, yesterday),
            calendar.slot[target].astype(np.float64),
            calendar.slot[now].astype(np.float64),
            calendar.weekday[day].astype(np.float64),
            calendar.kind[day].astype(np.float64),
            calendar.kind[today].astype(np.float64),
            calendar.kind[np.maximum(day - 1, 0)].astype(np.float64),
            self._profile_mean(now, target),
        ]
        departed = np.column_stack([off[2], *off])
        return Pairs(usual=usual, departed=departed, scale=self.scale_kw(target), features=np.column_stack(features))

    def _near(self, places: Integers, now: Integers) -> Floats:
        """Return the mean around some past intervals, of what had ended at the issue."""
        end = np.minimum(places + 3, now)
        return self._sum.mean(end, 5)

    def _usual(self, now: Integers, target: Integers) -> Floats:
        """Return what the days before an issue's day say of a target."""
        calendar = self._calendar
        return self._profile[calendar.day[now], calendar.kind[calendar.day[target]], calendar.slot[target]]

    def _profile_mean(self, now: Integers, target: Integers) -> Floats:
        calendar = self._calendar
        level: Floats = self._profile.mean(axis=2)[calendar.day[now], calendar.kind[calendar.day[target]]]
        return level

    def _profiles(self) -> Floats:
        """Return (days x kinds x times of day): the usual day of each kind as known when a day began."""
        calendar, size = self._calendar, len(self._kw)
        days = int(calendar.day[-1]) + 1
        metered = np.full((days, self._day), np.nan)
        metered[calendar.day[:size], calendar.slot[:size]] = self._kw
        profiles = np.empty((days, KINDS, self._day))
        current = np.full((KINDS, self._day), np.nan)
        recent: list[list[Floats]] = [[] for _ in range(KINDS)]
        everything: list[Floats] = []
        for day in range(days):
            anyhow = _mean_of(everything, self._day)
            anyhow = np.where(np.isfinite(anyhow), anyhow, 1.0)
            profiles[day] = np.where(np.isfinite(current), current, anyhow)
            if np.isfinite(metered[day]).any():
                kind = calendar.kind[day]
                recent[kind] = [*recent[kind][-(KIND_DAYS - 1) :], metered[day]]
                everything = [*everything[-(2 * KIND_DAYS - 1) :], metered[day]]
                current[kind] = _mean_of(recent[kind], self._day)
        return profiles


def _mean_of(days: list[Floats], size: int) -> Floats:
    """Return the mean day; NaN where no day is known."""
    if not days:
        return np.full(size, np.nan)
    stacked = np.stack(days)
    known = np.isfinite(stacked)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    count = known.sum(axis=0)
    mean: Floats = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    return mean
