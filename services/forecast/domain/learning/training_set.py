"""Lessons of one site's past, with weather as it was known, for learning at the beginning of a week."""

from dataclasses import dataclass, field
from math import gcd

import numpy as np

from services.forecast.domain.learning.model import ISSUES_APART_HOURS, SCALE_MIN_SHARE, KindRules, Lessons, leads_of
from services.forecast.domain.learning.rolling import picked
from services.forecast.domain.learning.samples import View
from services.forecast.domain.metered.timeline import Timeline, WeatherLog
from shared.arrays import Floats, Integers

NEAR_HOURS = 1
# Measured weather comes late; the newest of the last so many intervals is told.
NEWEST_STEPS = 8
CLEAR_MIN_W_PER_M2 = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class KnownSite:
    """One site as a model sees it that is learned from it; scales are held against `full_kw`."""

    timeline: Timeline
    view: View
    full_kw: float
    weather: "WeatherOutlook"


def lessons_of(site: KnownSite, begin: int, rules: KindRules, most: int) -> Lessons:
    """Return what there is to learn of what had ended when interval `begin` did; of more than `most` every n-th.

    Issues are counted from the epoch, so that a longer history before them changes nothing.
    """
    believed = site.timeline.believed(begin, begin)
    now, target = _past_issues(site.timeline, int(np.argmax(np.isfinite(believed))), begin, rules)
    came = picked(believed, target)
    lit = site.view.scale_kw(target) > SCALE_MIN_SHARE * site.full_kw
    usable = np.flatnonzero(np.isfinite(came) & (target < begin) & lit)
    taken = usable[:: _apart(len(usable), most)]
    now, target, came = now[taken], target[taken], came[taken]
    pairs = site.view.pairs(now, target)
    return Lessons(
        ahead=target - now + 1,
        pairs=pairs,
        outlook=site.weather.of(now, target),
        came=came / pairs.scale,
        age_days=(begin - now) / site.timeline.steps_per_day,
        share=pairs.scale / site.full_kw,
    )


def _apart(count: int, most: int) -> int:
    """Return how far apart lessons are taken, so that none of the leads, which follow one another, is left out."""
    apart = max(-(-count // most), 1)
    while gcd(apart, 60) > 1:
        apart += 1
    return apart


def _past_issues(timeline: Timeline, known: int, begin: int, rules: KindRules) -> tuple[Integers, Integers]:
    """Return issues and targets before interval `begin`, from a day after the first known interval on."""
    hour_steps = timeline.steps_per_day / 24
    leads = leads_of(hour_steps)
    near = leads[leads <= NEAR_HOURS * hour_steps]
    first = max(begin - rules.learned_days * timeline.steps_per_day, known + timeline.steps_per_day)
    parts = []
    for some, apart_hours in ((near, rules.near_apart_hours), (leads[len(near) :], ISSUES_APART_HOURS)):
        apart = max(round(apart_hours * hour_steps), 1)
        issues = np.arange(first + (-(first + timeline.first)) % apart, begin, apart)
        parts.append((np.repeat(issues, len(some)), np.tile(some, len(issues))))
    now, ahead = (np.concatenate(part) for part in zip(*parts, strict=True))
    return now, now + ahead - 1


@dataclass(frozen=True, slots=True, eq=False)
class WeatherOutlook:
    """Weather as trees are told it: the newest known at the issue, and for the target what was known then.

    Attributes:
        log: What became available when.
        first: The number of the first interval, counted from the epoch.
        step_minutes: The interval's length.
        clear: For a variable, what it would be under a clear sky on each interval; the share of it is told too.
    """

    log: WeatherLog
    first: int
    step_minutes: int
    clear: dict[str, Floats] = field(default_factory=dict)

    def between(self, first: int, end: int) -> "WeatherOutlook":
        """Return the same for some of the intervals, numbered anew."""
        clear = {name: ghi[first:end] for name, ghi in self.clear.items()}
        return WeatherOutlook(self.log.since(first), self.first + first, self.step_minutes, clear)

    def of(self, now: Integers, target: Integers) -> Floats:
        """Return (pairs x columns), none where there is no weather."""
        if not self.log.names:
            return np.zeros((len(now), 0))
        minute = (self.first + now) * self.step_minutes
        then = self.log.seen(target, minute)
        newest = self.log.seen(now, minute)
        for back in range(1, NEWEST_STEPS):
            newest = np.where(np.isfinite(newest), newest, self.log.seen(now - back, minute))
        shares = [
            then[:, n] / np.maximum(picked(self.clear[name], target), CLEAR_MIN_W_PER_M2)
            for n, name in enumerate(self.log.names)
            if name in self.clear
        ]
        return np.column_stack([then, newest, *shares])
