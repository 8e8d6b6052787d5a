"""One stretch of a walk through a site's history: what was learned before it, used until it ends."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.forecast.domain import boosting
from services.forecast.domain.boosting import Boosted
from services.forecast.domain.pairs import Pairs, View
from services.forecast.domain.running import picked
from services.forecast.domain.timeline import Timeline, WeatherLog

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

QUANTILES = (0.1, 0.5, 0.9)
MEAN, P10, P50, P90 = range(4)
# Leads that are learned from and held against what came, in hours; those between are alike.
LEARNED_HOURS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24)
# Learning looks back at most so far; a year holds every season once.
LEARNED_DAYS = 200
ISSUES_APART_HOURS = 1.75
PAIRS_MIN = 200
# Until it is known how fast news fades at a site: half of it in about two hours.
DEFAULT_FADING_HOURS = 3.0
# Below this share of full power a row says little about the sky.
SCALE_MIN_SHARE = 0.02
ROOF_UP, ROOF_DOWN, FACTORY_UP, FACTORY_DOWN = 0.35, 0.55, 0.9, 0.6
NARROWEST = 0.15
# Measured weather comes late; the newest of the last so many intervals is told.
NEWEST_STEPS = 8
CLEAR_MIN_W_PER_M2 = 20.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs between kinds of site.

    Attributes:
        up: How far above the middle P90 is put, in scales, before anything was learned.
        down: The same for P10 below.
        mean_share: How much of the mean goes into P50; where power is bounded on both sides it lowers large errors.
        classes: Limits between classes of light, as shares of full power; errors of each are judged apart.
        samples_a_day: How many independent samples a day of errors is worth.
    """

    up: float
    down: float
    mean_share: float
    classes: tuple[float, ...]
    samples_a_day: int


ROOF = Rules(up=ROOF_UP, down=ROOF_DOWN, mean_share=0.5, classes=(0.15, 0.45), samples_a_day=1)
FACTORY = Rules(up=FACTORY_UP, down=FACTORY_DOWN, mean_share=0.0, classes=(), samples_a_day=24)


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """What forecasts of a stretch are made of.

    Attributes:
        begin: The number of its first interval, from the timeline's first.
        view: The site as seen from there.
        leads: Leads in intervals at which fading was learned.
        fading: The share of a departure that is left at them.
        boosted: What trees learned of the rest; None where there was too little to learn from.
        full_kw: What a scale is held against.
    """

    begin: int
    view: View
    leads: Integers
    fading: Floats
    boosted: Boosted | None
    full_kw: float
    rules: Rules

    def raw(self, now: Integers, target: Integers, outlook: Floats, *, plain: bool) -> tuple[Floats, Floats]:
        """Return (pairs x MEAN, P10, P50, P90) in kW per scale, not yet calibrated, and each pair's scale.

        `plain` goes without the trees, with ranges from assumptions.
        """
        pairs = self.view.pairs(now, target)
        left = np.interp(target - now + 1, self.leads, self.fading)
        base = blended(pairs, left)
        if plain or self.boosted is None:
            width = np.maximum(np.sqrt(np.maximum(1.0 - left**2, 0.0)), NARROWEST)
            width = np.where(np.isfinite(pairs.live), width, 1.0)
            guess = np.column_stack([base, base - self.rules.down * width, base, base + self.rules.up * width])
            return guess, pairs.scale
        lit = pairs.scale > 0
        rest = np.zeros((len(base), 1 + len(QUANTILES)))
        rest[lit] = self.boosted.predict(told(pairs, base, outlook)[lit])
        found = base[:, None] + rest
        share = self.rules.mean_share
        found[:, P50] = share * found[:, MEAN] + (1.0 - share) * found[:, P50]
        return found, pairs.scale


def blended(pairs: Pairs, left: Floats) -> Floats:
    """Return what is usual, moved by what is left of the last hours' departure from it."""
    departed = np.where(np.isfinite(pairs.live), pairs.live - pairs.usual, 0.0)
    moved: Floats = pairs.usual + left * departed
    return moved


def told(pairs: Pairs, base: Floats, outlook: Floats) -> Floats:
    """Return all that the trees are told."""
    return np.column_stack([pairs.features, base, outlook])


def learned(timeline: Timeline, view: View, begin: int, full_kw: float, rules: Rules, weather: "Outlook") -> Stretch:
    """Learn from all that had ended when the stretch began, and from nothing else."""
    hour_steps = timeline.steps_per_day / 24
    leads = np.unique(np.maximum(np.round(np.array(LEARNED_HOURS) * hour_steps), 1).astype(np.int64))
    apart = max(round(ISSUES_APART_HOURS * hour_steps), 1)
    first = max(begin - LEARNED_DAYS * timeline.steps_per_day, timeline.steps_per_day)
    # Counted from the epoch, so that a longer history before it changes nothing.
    issues = np.arange(first + (-(first + timeline.first)) % apart, begin, apart)
    now = np.repeat(issues, len(leads))
    target = now + np.tile(leads, len(issues)) - 1
    came = picked(timeline.believed(begin, begin), target)
    usable = np.isfinite(came) & (target < begin)
    now, target, came = now[usable], target[usable], came[usable]
    pairs = view.pairs(now, target)
    lit = pairs.scale > SCALE_MIN_SHARE * full_kw
    pairs = Pairs(pairs.live[lit], pairs.usual[lit], pairs.scale[lit], pairs.features[lit])
    now, target, came = now[lit], target[lit], came[lit] / pairs.scale
    ahead = target - now + 1
    weight = pairs.scale / full_kw
    fading = _fading(pairs, came, ahead, leads, hour_steps)
    base = blended(pairs, np.interp(ahead, leads, fading))
    boosted = boosting.fit(told(pairs, base, weather.of(now, target)), came - base, weight, QUANTILES)
    return Stretch(begin, view, leads, fading, boosted, full_kw, rules)


def _fading(pairs: Pairs, came: Floats, ahead: Integers, leads: Integers, hour_steps: float) -> Floats:
    """Return the least-squares share of a departure that is left at each lead, never more than nearer by."""
    departed, later = pairs.live - pairs.usual, came - pairs.usual
    left, before = [], 1.0
    for lead in leads:
        rows = (ahead == lead) & np.isfinite(departed)
        if np.count_nonzero(rows) < PAIRS_MIN:
            share = float(np.exp(-lead / hour_steps / DEFAULT_FADING_HOURS))
        else:
            x, y, weight = departed[rows], later[rows], pairs.scale[rows]
            squares = float(np.sum(weight * x * x))
            share = float(np.sum(weight * x * y)) / squares if squares > 0 else 0.0
        before = min(max(share, 0.0), before)
        left.append(before)
    return np.array(left)


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
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
