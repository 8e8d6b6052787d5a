"""What was learned of one kind of site: how the last hours' news fades, and what trees make of the rest.

Arrays are rows of (issue, target) pairs, of one site or of many: everything is in kW per the pair's scale, so that a
small roof teaches a large one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from services.forecast.domain.accuracy.scores import QUANTILES
from services.forecast.domain.learning import boosting, samples
from services.forecast.domain.learning.boosting import Boosted
from services.forecast.domain.learning.samples import Pairs
from shared.arrays import Flags, Floats, Integers

MEAN, P10, P50, P90 = range(4)
# Leads that are learned from and held against what came, in hours; those between are alike.
LEARNED_HOURS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24)
ISSUES_APART_HOURS = 1.75
# A site's errors are judged together up to each of these leads (hours).
BUCKET_HOURS = (0.25, 0.5, 1, 2, 4, 8, 12, 18, 24)
# Errors of forecasts an hour ahead are worth so many independent samples a day.
NEAR_SAMPLES_A_DAY = 3.0
# How firmly fading is held to what is assumed: as by so many rows, and by so much of those there are; the further ahead
# the firmer, since what looks like lasting news there is mostly chance.
RIDGE_ROWS, RIDGE_SHARE = 1.0, 0.005
# Until it is known how fast news fades at a site: half of it in about two hours.
DEFAULT_FADING_HOURS = 3.0
# Below this share of full power a row says little about the sky.
SCALE_MIN_SHARE = 0.02
# So many lessons under a plan are about three days of one: before, trees make nothing of it.
STATED_MIN = 600


@dataclass(frozen=True, slots=True)
class KindRules:
    """What differs between kinds of site.

    Attributes:
        mean_share: How much of the mean goes into P50; where power is bounded on both sides it lowers large errors.
        half_life_days: The age at which a day counts half in learning; a plant's habits change, the sky's hardly.
        learned_days: How far back learning looks.
        near_apart_hours: How far apart the issues are that near leads are learned from.
        classes: Limits between classes of light, as shares of full power; errors of each are judged apart.
        samples_a_day: How many independent samples a day of errors far ahead is worth.
    """

    mean_share: float
    half_life_days: float
    learned_days: int
    near_apart_hours: float
    classes: tuple[float, ...]
    samples_a_day: int


ROOF = KindRules(
    mean_share=0.5,
    half_life_days=180,
    learned_days=200,
    near_apart_hours=0.25,
    classes=(0.15, 0.45),
    samples_a_day=1,
)
FACTORY = KindRules(
    mean_share=0.0,
    half_life_days=25,
    learned_days=120,
    near_apart_hours=ISSUES_APART_HOURS,
    classes=(),
    samples_a_day=24,
)


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """What is learned from, a row a pair of issue and target.

    Attributes:
        ahead: Leads in intervals.
        pairs: What was known.
        outlook: Weather as known then, (rows x columns).
        came: What came, in kW per scale.
        age_days: How long ago.
        share: The pair's scale as a share of full power.
    """

    ahead: Integers
    pairs: Pairs
    outlook: Floats
    came: Floats
    age_days: Floats
    share: Floats

    def where(self, rows: Flags) -> "Lessons":
        """Return some of the rows."""
        return Lessons(
            self.ahead[rows],
            self.pairs.where(rows),
            self.outlook[rows],
            self.came[rows],
            self.age_days[rows],
            self.share[rows],
        )


def joined(lessons: Sequence[Lessons]) -> Lessons:
    """Return several sites' lessons as one."""
    return Lessons(
        np.concatenate([one.ahead for one in lessons]),
        samples.joined([one.pairs for one in lessons]),
        np.concatenate([one.outlook for one in lessons]),
        np.concatenate([one.came for one in lessons]),
        np.concatenate([one.age_days for one in lessons]),
        np.concatenate([one.share for one in lessons]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What was learned.

    Attributes:
        rules: Of the kind of site.
        hour_steps: Intervals an hour.
        leads: Leads in intervals at which fading was learned.
        fading: The shares of the departures that are left at them, (leads x windows).
        trees: What trees learned of the rest, and of the whole anew.
        knows_plans: Whether enough was stated in what they learned from.
    """

    rules: KindRules
    hour_steps: float
    leads: Integers
    fading: Floats
    trees: tuple[Boosted, Boosted]
    knows_plans: bool

    @property
    def samples_a_day(self) -> Floats:
        """Return how many independent samples a day of each group's errors is worth: near by clouds change sooner."""
        a_day = np.maximum(NEAR_SAMPLES_A_DAY / np.array(BUCKET_HOURS), self.rules.samples_a_day)
        return np.repeat(a_day, len(self.rules.classes) + 1)

    def group_of(self, ahead: Integers, share: Floats) -> Integers:
        """Return each pair's group, whose errors are judged together: by lead, and by light where there are classes."""
        group: Integers = self.bucket_of(ahead) * (len(self.rules.classes) + 1)
        return group + np.searchsorted(self.rules.classes, share)

    def bucket_of(self, ahead: Integers) -> Integers:
        """Return the range of leads (BUCKET_HOURS) in which each pair lies; what lies beyond counts to the last."""
        hours = ahead / self.hour_steps
        return np.minimum(np.searchsorted(BUCKET_HOURS, hours - 1e-9), len(BUCKET_HOURS) - 1)

    def raw(self, pairs: Pairs, ahead: Integers, outlook: Floats) -> Floats:
        """Return (pairs x MEAN, P10, P50, P90) in kW per scale, not yet calibrated."""
        base = _moved(pairs, _between(ahead, self.leads, self.fading))
        lit = pairs.scale > 0
        found = np.repeat(base[:, None], 1 + len(QUANTILES), axis=1)
        features = _told(pairs, base, outlook)[lit]
        rest, anew = self.trees
        # Each is good at what the other is not: the rest far ahead, the whole near by.
        of_rest, of_whole = found[lit] + rest.predict(features), anew.predict(features)
        # What was never stated before is a place where the second knows nothing; the first begins at what was stated.
        unheard = pairs.stated[lit] & (not self.knows_plans)
        found[lit] = np.where(unheard[:, None], of_rest, (of_rest + of_whole) / 2)
        share = self.rules.mean_share
        found[:, P50] = share * found[:, MEAN] + (1.0 - share) * found[:, P50]
        return found

    def as_json(self) -> dict[str, Any]:
        """Return what `model_of` makes the same model of."""
        return {
            "hour_steps": self.hour_steps,
            "leads": self.leads.tolist(),
            "fading": self.fading.tolist(),
            "trees": [one.as_texts() for one in self.trees],
            "knows_plans": self.knows_plans,
        }


def model_of(told: dict[str, Any], rules: KindRules) -> Model:
    """Return the model that was written by `Model.as_json`."""
    rest, anew = (boosting.boosted_of(texts) for texts in told["trees"])
    leads, fading = np.array(told["leads"]), np.array(told["fading"])
    return Model(rules, told["hour_steps"], leads, fading, (rest, anew), told["knows_plans"])


def leads_of(hour_steps: float) -> Integers:
    """Return the leads that are learned from, in intervals."""
    return np.unique(np.maximum(np.round(np.array(LEARNED_HOURS) * hour_steps), 1).astype(np.int64))


def learned(lessons: Lessons, hour_steps: float, rules: KindRules) -> Model | None:
    """Learn from lessons, and from nothing else; None where there are too few."""
    leads = leads_of(hour_steps)
    weight = lessons.share * 0.5 ** (lessons.age_days / rules.half_life_days)
    fading = _fading(lessons, weight, leads, hour_steps)
    base = _moved(lessons.pairs, _between(lessons.ahead, leads, fading))
    features = _told(lessons.pairs, base, lessons.outlook)
    rest = boosting.fit(features, lessons.came - base, weight, QUANTILES)
    anew = boosting.fit(features, lessons.came, weight, QUANTILES)
    if rest is None or anew is None:
        return None
    knows_plans = int(np.count_nonzero(lessons.pairs.stated)) >= STATED_MIN
    return Model(rules, hour_steps, leads, fading, (rest, anew), knows_plans)


def _moved(pairs: Pairs, left: Floats) -> Floats:
    """Return what is usual, moved by what is left of the last hours' departures from it."""
    base: Floats = pairs.usual + np.sum(left * np.nan_to_num(pairs.departed), axis=1)
    return base


def _told(pairs: Pairs, base: Floats, outlook: Floats) -> Floats:
    """Return all that the trees are told."""
    return np.column_stack([pairs.features, base, outlook])


def _fading(lessons: Lessons, weight: Floats, leads: Integers, hour_steps: float) -> Floats:
    """Return the shares of each departure that are left at each lead: ridge regression towards what is assumed."""
    departed, later = np.nan_to_num(lessons.pairs.departed), lessons.came - lessons.pairs.usual
    fading = np.zeros((len(leads), departed.shape[1]))
    fading[:, 0] = np.exp(-leads / hour_steps / DEFAULT_FADING_HOURS)
    for n, lead in enumerate(leads):
        rows = lessons.ahead == lead
        x, w = departed[rows], weight[rows]
        unexplained = later[rows] - x @ fading[n]
        firmness = RIDGE_ROWS + RIDGE_SHARE * w.sum() * max(lead / hour_steps, 1.0) ** 2
        fading[n] += np.linalg.solve(x.T @ (x * w[:, None]) + firmness * np.eye(x.shape[1]), x.T @ (w * unexplained))
    return fading


def _between(ahead: Integers, leads: Integers, fading: Floats) -> Floats:
    """Return the fading at any leads, (pairs x windows)."""
    return np.column_stack([np.interp(ahead, leads, window) for window in fading.T])
