"""All sites of one kind in a complex, over a window of time: what was metered, and what is known beside it.

Sites of a complex share their sky and their calendar, so that they learn from one another, and a roof that was added
yesterday is forecast like its neighbours. Every site's timeline begins with the same interval, a midnight of the sites'
days, and ends with the last interval that is over; calendar, clear sky and elevation reach as far ahead as is forecast.
Intervals are numbered from the window's first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from services.forecast.domain import outlook
from services.forecast.domain.climatology import Distribution, Learned
from services.forecast.domain.horizon import SEASON_DAYS, Around, by_day
from services.forecast.domain.learning.model import FACTORY, ROOF, KindRules
from services.forecast.domain.learning.samples import View
from services.forecast.domain.learning.training_set import WeatherOutlook
from services.forecast.domain.load.features import LoadView
from services.forecast.domain.load.plans import planned
from services.forecast.domain.metered.timeline import SiteDays, Timeline, WeatherLog
from services.forecast.domain.solar.features import INDEX_MAX, SolarView
from shared.arrays import Floats

# Below this share of an inverter's limit a ratio to the clear sky is mostly noise.
LIGHT_SHARE = 0.05
# A factory's level is the mean of so many days.
LEVEL_DAYS = 28
LEVEL_KW_MIN = 1e-3
RULES = {"pv": ROOF, "load": FACTORY}


class MultiSite(Protocol):
    """One kind's sites."""

    @property
    def rules(self) -> KindRules:
        """Return the kind's rules."""

    @property
    def timelines(self) -> tuple[Timeline, ...]:
        """Return each site's meter."""

    @property
    def calendar(self) -> SiteDays:
        """Return the sites' days."""

    @property
    def weather(self) -> WeatherOutlook:
        """Return what else the trees are told."""

    @property
    def limit_kw(self) -> Floats:
        """Return each site's largest power."""

    def since(self, first: int) -> Self:
        """Return the window from an interval on, a midnight."""

    def full_kw(self, begin: int) -> Floats:
        """Return what each site's scales are held against, as known when an interval began."""

    def views(self, sites: Iterable[int], begin: int, now: int, until: int) -> Iterator[View]:
        """Return some sites for issues in [now, until), with levels as of `begin`."""

    def season(self, now: int) -> Learned:
        """Return what is usual by the days before interval `now`, a midnight."""

    def by_season(self, learned: Learned, issue: Around) -> Distribution:
        """Return the seasonal forecast [kW] of all sites, (intervals ahead x sites)."""


def believed_kw(timelines: Iterable[Timeline], now: int, until: int) -> Floats:
    """Return what was believed of each site (see `Timeline.believed`), (intervals x sites)."""
    return np.column_stack([one.believed(now, until) for one in timelines])


@dataclass(frozen=True, slots=True, eq=False)
class RoofSites:
    """Solar plants."""

    timelines: tuple[Timeline, ...]
    calendar: SiteDays
    clear_kw: Floats
    elevation_deg: Floats
    capacity_kw_ac: Floats
    weather: WeatherOutlook

    @property
    def rules(self) -> KindRules:
        """Return the kind's rules."""
        return ROOF

    @property
    def limit_kw(self) -> Floats:
        """Return the inverters' limits."""
        return self.capacity_kw_ac

    def since(self, first: int) -> "RoofSites":
        """Return the window from an interval on, a midnight."""
        end = len(self.calendar.day)
        return RoofSites(
            tuple(one.since(first) for one in self.timelines),
            self.calendar.between(first, end),
            self.clear_kw[first:],
            self.elevation_deg[first:],
            self.capacity_kw_ac,
            self.weather.between(first, end),
        )

    def full_kw(self, begin: int) -> Floats:  # noqa: ARG002 -- a factory's changes
        """Return the inverters' limits."""
        return self.capacity_kw_ac

    def views(self, sites: Iterable[int], begin: int, now: int, until: int) -> Iterator[View]:  # noqa: ARG002 -- as above
        """Return roofs; where one was not metered, what its neighbours' clear-sky index says of it."""
        known = believed_kw(self.timelines, now, until)
        index = self._index(known)
        for site in sites:
            clear, capacity_kw = self.clear_kw[:, site], float(self.capacity_kw_ac[site])
            like_others = np.minimum(index * clear[: len(known)], capacity_kw)
            yield SolarView(
                np.where(np.isfinite(known[:, site]), known[:, site], like_others),
                clear_kw=clear,
                elevation_deg=self.elevation_deg,
                capacity_kw=capacity_kw,
                steps_per_day=self.calendar.slots,
                begin=now,
            )

    def _index(self, known_kw: Floats) -> Floats:
        """Return the complex's clear-sky index; NaN without a metered roof or light."""
        clear = self.clear_kw[: len(known_kw)]
        lit = np.isfinite(known_kw) & (clear > LIGHT_SHARE * self.capacity_kw_ac)
        above = np.sum(np.where(lit, known_kw, 0.0), axis=1)
        below = np.sum(np.where(lit, clear, 0.0), axis=1)
        index: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
        return np.minimum(index, INDEX_MAX)

    def season(self, now: int) -> Learned:
        """Return each roof's usual clearness."""
        metered, clear = (_last_days(one, self.calendar, now) for one in (self._known(now), self.clear_kw))
        return outlook.learn_solar(metered, np.nan_to_num(clear), self.capacity_kw_ac)

    def by_season(self, learned: Learned, issue: Around) -> Distribution:
        """Return the seasonal forecast of all roofs."""
        size = len(self.timelines[0].kw)
        metered, clear = (by_day(one, self.calendar) for one in (self._known(size), self.clear_kw))
        return outlook.solar(issue, learned, metered, np.nan_to_num(clear), self.capacity_kw_ac)

    def _known(self, now: int) -> Floats:
        return believed_kw(self.timelines, now, now)


@dataclass(frozen=True, slots=True, eq=False)
class Factories:
    """Factories with what they stated; what is usual where nothing was metered are shares of `contract_kw`."""

    timelines: tuple[Timeline, ...]
    calendar: SiteDays
    contract_kw: Floats
    weather: WeatherOutlook
    plans: tuple[WeatherLog, ...]

    @property
    def rules(self) -> KindRules:
        """Return the kind's rules."""
        return FACTORY

    @property
    def limit_kw(self) -> Floats:
        """Return infinity: nothing bounds a factory."""
        return np.full(len(self.timelines), np.inf)

    def since(self, first: int) -> "Factories":
        """Return the window from an interval on, a midnight."""
        end = len(self.calendar.day)
        timelines = tuple(one.since(first) for one in self.timelines)
        calendar, weather = self.calendar.between(first, end), self.weather.between(first, end)
        return Factories(timelines, calendar, self.contract_kw, weather, tuple(one.since(first) for one in self.plans))

    def full_kw(self, begin: int) -> Floats:
        """Return each factory's mean over the last weeks, or what is usual where it was never metered."""
        first = max(begin - LEVEL_DAYS * self.calendar.slots, 0)
        recent = believed_kw(self.timelines, begin, begin)[first : max(begin, 0)]
        known = np.isfinite(recent)
        total, count = np.sum(np.where(known, recent, 0.0), axis=0), np.count_nonzero(known, axis=0)
        prior = outlook.PRIOR_LOAD_SHARE[1] * self.contract_kw
        mean = np.divide(total, count, out=prior, where=count > 0)
        level: Floats = np.maximum(mean, LEVEL_KW_MIN)
        return level

    def views(self, sites: Iterable[int], begin: int, now: int, until: int) -> Iterator[View]:
        """Return factories."""
        full_kw = self.full_kw(begin)
        for site in sites:
            timeline = self.timelines[site]
            known, scale_kw = timeline.believed(now, until), float(full_kw[site])
            yield LoadView(known, self.calendar, scale_kw, self.plans[site], timeline.first)

    def season(self, now: int) -> Learned:
        """Return each factory's usual consumption."""
        metered = _last_days(believed_kw(self.timelines, now, now), self.calendar, now)
        today = int(self.calendar.day[now])
        kinds = np.pad(self.calendar.kind[max(today - SEASON_DAYS, 0) : today], (max(SEASON_DAYS - today, 0), 0))
        return outlook.learn_load(kinds, metered, self.contract_kw)

    def by_season(self, learned: Learned, issue: Around) -> Distribution:
        """Return the seasonal forecast of all factories."""
        size = len(self.timelines[0].kw)
        metered = by_day(believed_kw(self.timelines, size, size), self.calendar)
        expected = outlook.load(issue, learned, metered, self.calendar.kind)
        for site, log in enumerate(self.plans):
            if len(log.interval):
                self._follow(log, learned, issue, site, expected)
        return expected

    def _follow(self, log: WeatherLog, learned: Learned, issue: Around, site: int, expected: Distribution) -> None:
        """Move one factory's seasonal forecast to what it stated; its range goes along, and ends at 0."""
        timeline = self.timelines[site]
        targets = issue.first + np.arange(len(issue.ahead[0]))
        minute = np.full(len(targets), (timeline.first + issue.now) * timeline.step_minutes)
        base_kw = float(learned.usual.p50[:, :, site].min())
        moved_kw, stated = planned(log.seen(targets, minute), expected.p50[:, site], base_kw)
        move_kw = np.where(stated, moved_kw - expected.p50[:, site], 0.0)
        for part in expected.parts:
            part[:, site] = np.maximum(part[:, site] + move_kw, 0.0)


def _last_days(series: Floats, calendar: SiteDays, now: int) -> Floats:
    """Return (SEASON_DAYS x times of day x sites) of the days before interval `now`; NaN before the window."""
    today = int(calendar.day[now])
    days = by_day(series, calendar)[max(today - SEASON_DAYS, 0) : today]
    return np.pad(days, ((SEASON_DAYS - len(days), 0), (0, 0), (0, 0)), constant_values=np.nan)


def limited(kw: Floats, limit_kw: Floats | float) -> Distribution:
    """Return (rows x MEAN, P10, P50, P90) in order and within [0, limit]."""
    held = np.minimum(np.maximum(kw, 0.0), limit_kw)
    p10, p50, p90 = np.sort(held[:, 1:], axis=1).T
    return Distribution(p10=p10, p50=p50, p90=p90, mean=np.clip(held[:, 0], p10, p90))
