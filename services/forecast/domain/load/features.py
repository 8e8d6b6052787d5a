"""A factory as a model sees it: what is usual on such a day, how far from it the last hours were, and the calendar."""

from collections.abc import Collection, Sequence
from datetime import date

import numpy as np

from services.forecast.domain.learning.rolling import WindowSums, picked
from services.forecast.domain.learning.samples import Pairs
from services.forecast.domain.load.plans import ADDED, LEVEL, NO_PLANS, RESTS, planned
from services.forecast.domain.metered.timeline import MINUTES_PER_DAY, SiteDays, WeatherLog
from services.forecast.domain.outlook import kinds_of
from shared.arrays import Flags, Floats, Integers

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
        plans: What the factory stated.
        first: The number of the first interval, since 1970.
    """

    def __init__(
        self, known_kw: Floats, calendar: SiteDays, scale_kw: float, plans: WeatherLog = NO_PLANS, first: int = 0
    ) -> None:
        self._plans, self._first = plans, first
        self._kw = known_kw / scale_kw
        self._scale_kw = scale_kw
        self._calendar = calendar
        self._day = calendar.slots
        self._profile = self._profiles()
        size = len(known_kw)
        rows = np.arange(size)
        self._departed = self._kw - self._usual(rows, rows)[0]
        self._sum, self._off = WindowSums(self._kw), WindowSums(self._departed)
        self._moved = WindowSums(np.abs(np.diff(self._kw, prepend=np.nan)))

    def scale_kw(self, target: Integers) -> Floats:
        """Return what departures are measured in."""
        return np.full(len(target), self._scale_kw)

    def pairs(self, now: Integers, target: Integers) -> Pairs:
        """Return the pairs of issues and target intervals."""
        calendar, hour = self._calendar, max(self._day // 24, 1)
        usual, stated = self._usual(now, target)
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
            np.where(stated, usual, np.nan),
            np.where(self._usual(now, now)[1], 1.0, np.nan),
        ]
        departed = np.column_stack([off[2], *off])
        return Pairs(
            usual=usual,
            departed=departed,
            scale=self.scale_kw(target),
            features=np.column_stack(features),
            stated=stated,
        )

    def _near(self, places: Integers, now: Integers) -> Floats:
        """Return the mean around some past intervals, of what had ended at the issue."""
        end = np.minimum(places + 3, now)
        return self._sum.mean(end, 5)

    def _usual(self, now: Integers, target: Integers) -> tuple[Floats, Flags]:
        """Return what the days before an issue's day, or a plan, say of a target; and where it is a plan."""
        calendar = self._calendar
        day = calendar.day[now]
        usual = self._profile[day, calendar.kind[calendar.day[target]], calendar.slot[target]]
        if not len(self._plans.interval):
            return usual, np.zeros(len(now), dtype=np.bool_)
        return planned(self._stated(now, target), usual, self._profile.min(axis=(1, 2))[day])

    def _stated(self, now: Integers, target: Integers) -> Floats:
        """Return the plans for a target as known at an issue, in shares of the scale."""
        step_minutes = MINUTES_PER_DAY // self._day
        seen = self._plans.seen(target, (self._first + now) * step_minutes)
        seen[:, [LEVEL, ADDED]] /= self._scale_kw
        return seen

    def _as_usual(self) -> Floats:
        """Return what was metered where the factory did as it usually does, without its batches."""
        if not len(self._plans.interval):
            return self._kw
        rows = np.arange(len(self._kw))
        seen = self._stated(rows, rows)
        out_of_order = (seen[:, RESTS] > 0) | np.isfinite(seen[:, LEVEL])
        return np.where(out_of_order, np.nan, np.maximum(self._kw - np.nan_to_num(seen[:, ADDED]), 0.0))

    def _profile_mean(self, now: Integers, target: Integers) -> Floats:
        calendar = self._calendar
        level: Floats = self._profile.mean(axis=2)[calendar.day[now], calendar.kind[calendar.day[target]]]
        return level

    def _profiles(self) -> Floats:
        """Return (days x kinds x times of day): the usual day of each kind as known when a day began."""
        calendar, size = self._calendar, len(self._kw)
        days = int(calendar.day[-1]) + 1
        metered = np.full((days, self._day), np.nan)
        metered[calendar.day[:size], calendar.slot[:size]] = self._as_usual()
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
