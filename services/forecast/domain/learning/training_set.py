"""Lessons of one site's past, with weather as it was known, for learning at the beginning of a stretch of issues."""

from dataclasses import dataclass

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


def lessons_of(
    timeline: Timeline,
    view: View,
    begin: int,
    full_kw: float,
    rules: KindRules,
    weather: "WeatherOutlook | None" = None,
) -> Lessons:
    """Return what there is to learn of what had ended when the stretch began.

    Issues are counted from the epoch, so that a longer history before them changes nothing.
    """
    now, target = _past_issues(timeline, begin, rules)
    came = picked(timeline.believed(begin, begin), target)
    usable = np.isfinite(came) & (target < begin)
    now, target, came = now[usable], target[usable], came[usable]
    pairs = view.pairs(now, target)
    lit = pairs.scale > SCALE_MIN_SHARE * full_kw
    pairs, now, target = pairs.where(lit), now[lit], target[lit]
    return Lessons(
        ahead=target - now + 1,
        pairs=pairs,
        outlook=np.zeros((len(now), 0)) if weather is None else weather.of(now, target),
        came=came[lit] / pairs.scale,
        age_days=(begin - now) / timeline.steps_per_day,
        share=pairs.scale / full_kw,
    )


def _past_issues(timeline: Timeline, begin: int, rules: KindRules) -> tuple[Integers, Integers]:
    hour_steps = timeline.steps_per_day / 24
    leads = leads_of(hour_steps)
    near = leads[leads <= NEAR_HOURS * hour_steps]
    first = max(begin - rules.learned_days * timeline.steps_per_day, timeline.steps_per_day)
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
        timeline: Gives an issue's minute.
        clear: For a variable, what it would be under a clear sky on each interval; the share of it is told too.
    """

    log: WeatherLog
    timeline: Timeline
    clear: dict[str, Floats]

    def of(self, now: Integers, target: Integers) -> Floats:
        """Return (pairs x columns), none where there is no weather."""
        if not self.log.names:
            return np.zeros((len(now), 0))
        minute = (self.timeline.first + now) * self.timeline.step_minutes
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
