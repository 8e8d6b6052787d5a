"""A seasonal distribution by time of day, and how fast today's departure from it fades.

Solar clearness and factory load are forecast alike: the time of day says what is usual, the last hours say how far from
usual today is, and the past says how long such a departure lasts. Arrays are (days x times of day x series); NaN is
unknown. What is stated in hours becomes intervals by the number of times of day.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.forecast.domain.accuracy.scores import QUANTILES
from services.forecast.domain.horizon import live_steps
from shared.arrays import Floats, Integers

# Between P10 and P90 of a normal distribution lie 2.563 standard deviations.
P10_TO_P90_IN_SD = 2.563
# Neighbouring times of day are alike; pooling half an hour on each side turns 20 working days into 100 samples.
NEIGHBOUR_HOURS = 0.5
# Fewer days' samples do not make a season: then a coarser one speaks.
DAYS_MIN = 2
# In the level of the last hours the newest quarter hour counts most, one 45 minutes older half as much.
LIVE_HALF_LIFE_HOURS = 0.75
# At these leads the fading is learned; in between it is interpolated, and beyond them it stays.
LEARNED_LEAD_HOURS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 24.0)
PAIRS_MIN = 100
# Without enough history a departure is taken to lose half of itself in about two hours.
DEFAULT_FADING_HOURS = 3.0
# One machine running on a resting day is many standard deviations; it should not speak for all hours.
DEPARTURE_MAX = 3.0
# So much of what came should lie between P10 and P90.
COVERED_SHARE = 0.8
# Beyond these the weather or the plant changed, and no width would have helped.
WIDTH_MIN, WIDTH_MAX = 0.1, 2.5
# The season of the first weeks is held against the others: the future is not between past weeks, but after them.
HELD_OUT_SHARE = 0.5
# Where every sample is the same, the spread still is this share of the series' scale.
SPREAD_SHARE_MIN = 0.005


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """Quantiles and mean of something; equal shapes."""

    p10: Floats
    p50: Floats
    p90: Floats
    mean: Floats

    @property
    def parts(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return its four arrays in order."""
        return self.p10, self.p50, self.p90, self.mean

    def at(self, *index: Integers) -> "Distribution":
        """Return the distribution at some of its positions."""
        return Distribution(*(part[index] for part in self.parts))

    def spread(self, scale: Floats) -> Floats:
        """Return its standard deviation, judged by P10 to P90 and never zero."""
        return np.maximum((self.p90 - self.p10) / P10_TO_P90_IN_SD, SPREAD_SHARE_MIN * scale)


@dataclass(frozen=True, slots=True, eq=False)
class Fading:
    """What a departure from the usual says about later, by intervals ahead (index 0 is now).

    Attributes:
        slope: The share of the departure that is left; all series together.
        width: What the usual width between P10 and P90 must be multiplied by around what is left, to hold
            COVERED_SHARE of what came; (leads x series).
        width_without_news: The same where nothing is known of the last hours; (series).
    """

    slope: Floats
    width: Floats
    width_without_news: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What the past says about a complex's series.

    Attributes:
        usual: By kind of day and time of day, (kinds x times of day x series).
        fades: How long a departure from it lasts, and how far off the forecasts of the past would have been.
        scale: What a series' departures are small or large against, in its unit.
    """

    usual: Distribution
    fades: Fading
    scale: Floats


def learn(history: Floats, kind_of_day: Integers, kinds: Sequence[int], prior: Distribution, scale: Floats) -> Learned:
    """Learn from whole days: the season from all of them, fading and width from the later ones, as if unseen."""
    first_held_out = round(len(history) * HELD_OUT_SHARE)
    seen, held_out = history[:first_held_out], history[first_held_out:]
    then_usual = seasons(seen, kind_of_day[:first_held_out], kinds, prior).at(kind_of_day[first_held_out:])
    return Learned(
        usual=seasons(history, kind_of_day, kinds, prior),
        fades=fading(held_out, then_usual, scale),
        scale=scale,
    )


def seasons(history: Floats, kind_of_day: Integers, kinds: Sequence[int], prior: Distribution) -> Distribution:
    """Return the usual distribution by kind of day and time of day: (kinds x times of day x series).

    Where a kind has too few samples, all days together speak; where these are too few, `prior` does, (times of day x
    series).
    """
    pooled, a_day = _pooled(history), 2 * _neighbours(history.shape[1]) + 1
    anyhow = _filled(_distribution(pooled), prior, a_day)
    by_kind = [_filled(_distribution(pooled[kind_of_day == kind]), anyhow, a_day) for kind in kinds]
    return Distribution(*(np.stack(part) for part in zip(*(one.parts for one in by_kind), strict=True)))


def departures(history: Floats, usual: Distribution, scale: Floats) -> Floats:
    """Return how many standard deviations each known quarter hour was above the usual one; equal shapes."""
    departed: Floats = (history - usual.p50) / usual.spread(scale)
    return departed


def live_departure(departed: Floats, slots: int) -> Floats:
    """Return at each time the weighted mean of the last hours' departures; NaN where none of them is known."""
    steps = live_steps(slots)
    weights = 0.5 ** (np.arange(steps) * 24 / slots / LIVE_HALF_LIFE_HOURS)
    known = np.isfinite(departed)
    given = np.where(known, np.clip(departed, -DEPARTURE_MAX, DEPARTURE_MAX), 0.0)
    total, weight = np.zeros_like(given), np.zeros_like(given)
    for age in range(min(steps, len(given))):
        total[age:] += weights[age] * given[: len(given) - age]
        weight[age:] += weights[age] * known[: len(given) - age]
    return np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)


def fading(history: Floats, usual: Distribution, scale: Floats) -> Fading:
    """Learn how much of a departure is left after each lead, and how wide the rest is spread.

    `usual` has the history's shape (days x times of day x series) and did not see it.
    """
    slots = history.shape[1]
    learned_leads = sorted({max(round(hours * slots / 24), 1) for hours in LEARNED_LEAD_HOURS})
    departed = departures(history, usual, scale).reshape(-1, len(scale))
    live = live_departure(departed, slots)
    up, down = (side.reshape(-1, len(scale)) for side in _sides(usual, scale))
    slopes = [1.0]
    widths = []
    for lead in learned_leads:
        # What is far is never surer than what is near: a daily echo at 24 hours is the season's part.
        slopes.append(min(_slope(live[:-lead], departed[lead:], lead * 24 / slots), slopes[-1]))
        rest = departed[lead:] - slopes[-1] * live[:-lead]
        widths.append(_needed_width(rest, up[lead:], down[lead:], _default_width(slopes[-1])))
    leads = np.arange(learned_leads[-1] + 1)
    width = np.column_stack([np.interp(leads, learned_leads, series) for series in np.array(widths).T])
    return Fading(
        slope=np.interp(leads, (0, *learned_leads), slopes),
        width=width,
        width_without_news=_needed_width(departed, up, down, 1.0),
    )


def blended(learned: Learned, usual: Distribution, live: Floats, leads: Integers) -> Distribution:
    """Shift the usual distribution by what is left of today's departure, as narrow as that has proved to be.

    `usual` is (steps x series), `live` (series; NaN is no news), `leads` the intervals ahead of each step.
    """
    fades, news = learned.fades, np.isfinite(live)
    leads = np.minimum(leads, len(fades.slope) - 1)
    shift = fades.slope[leads][:, None] * np.where(news, live, 0.0) * usual.spread(learned.scale)
    width = np.where(news, fades.width[leads], fades.width_without_news)
    up, down = (side * usual.spread(learned.scale) for side in _sides(usual, learned.scale))
    middle = usual.p50 + shift
    return Distribution(
        p10=middle - width * down,
        p50=middle,
        p90=middle + width * up,
        mean=middle + width * (usual.mean - usual.p50),
    )


def bounded(distribution: Distribution, low: Floats | float, high: Floats | float) -> Distribution:
    """Keep every part of a distribution within limits."""
    return Distribution(*(np.clip(part, low, high) for part in distribution.parts))


def whole_day(history: Floats, prior: Distribution) -> Distribution:
    """Return each series' distribution over all times of day, in each row the same, else the prior's."""
    flat = history.reshape(-1, 1, history.shape[-1])
    # Half of a day is light.
    return _filled(_distribution(flat), prior, history.shape[1] // 2)


def _slope(before: Floats, after: Floats, lead_hours: float) -> float:
    """Return the least-squares share of a departure that is left, in [0, 1]."""
    both = np.isfinite(before) & np.isfinite(after)
    if np.count_nonzero(both) < PAIRS_MIN:
        return float(np.exp(-lead_hours / DEFAULT_FADING_HOURS))
    x, y = before[both], np.clip(after[both], -DEPARTURE_MAX, DEPARTURE_MAX)
    squares = float(x @ x)
    return min(max(float(x @ y) / squares, 0.0), 1.0) if squares > 0 else 0.0


def _default_width(slope: float) -> float:
    """Return the width that is left where a departure's correlation in time equals its slope (normal theory)."""
    return float(np.sqrt(1.0 - min(slope, 0.95) ** 2))


def _sides(usual: Distribution, scale: Floats) -> tuple[Floats, Floats]:
    """Return the ways from P50 to P90 and to P10, in standard deviations."""
    spread = usual.spread(scale)
    least = P10_TO_P90_IN_SD / 2 * SPREAD_SHARE_MIN * scale / spread
    return np.maximum((usual.p90 - usual.p50) / spread, least), np.maximum((usual.p50 - usual.p10) / spread, least)


def _needed_width(rest: Floats, up: Floats, down: Floats, default: float) -> Floats:
    """Return for each series the multiple of its two sides within which COVERED_SHARE of the rests lay."""
    ordered = np.sort(np.maximum(rest / up, -rest / down), axis=0).T
    count = np.count_nonzero(np.isfinite(ordered), axis=-1)
    needed = np.where(count >= PAIRS_MIN, _quantile(ordered, count, COVERED_SHARE), default)
    return np.clip(needed, WIDTH_MIN, WIDTH_MAX)


def _neighbours(slots: int) -> int:
    """Return how many times of day on each side are pooled with one."""
    return round(NEIGHBOUR_HOURS * slots / 24)


def _pooled(history: Floats) -> Floats:
    """Return (days x times of day x series x neighbours): each with those around it, over midnight too."""
    days, slots, series = history.shape
    neighbours = _neighbours(slots)
    flat = history.reshape(days * slots, series)
    pooled = np.full((days * slots, series, 2 * neighbours + 1), np.nan)
    for n, shift in enumerate(range(-neighbours, neighbours + 1)):
        first, last = max(0, -shift), min(len(flat), len(flat) - shift)
        pooled[first:last, :, n] = flat[first + shift : last + shift]
    return pooled.reshape(days, slots, series, 2 * neighbours + 1)


def _distribution(samples: Floats) -> tuple[Distribution, Integers]:
    """Return quantiles and mean over days (first axis) and, if there, neighbours (last), with the samples' number."""
    # A row a time of day and series, its samples behind one another.
    rows = np.moveaxis(samples, 0, 2).reshape(*samples.shape[1:3], -1)
    ordered = np.sort(rows, axis=-1)  # NaN last
    if ordered.shape[-1] == 0:
        nothing = np.full(ordered.shape[:2], np.nan)
        return Distribution(nothing, nothing, nothing, nothing), np.zeros(ordered.shape[:2], dtype=np.int64)
    known = np.isfinite(ordered)
    count = np.count_nonzero(known, axis=-1)
    p10, p50, p90 = (_quantile(ordered, count, q) for q in QUANTILES)
    mean = np.sum(ordered, axis=-1, where=known) / np.maximum(count, 1)
    return Distribution(p10, p50, p90, mean), count


def _quantile(ordered: Floats, count: Integers, quantile: float) -> Floats:
    """Interpolate between order statistics, as numpy.quantile does, where each row has its own number of samples."""
    position = np.maximum(count - 1, 0) * quantile
    below = position.astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low = np.take_along_axis(ordered, below[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(ordered, above[..., None], axis=-1)[..., 0]
    return low + (position - below) * (high - low)


def _filled(found: tuple[Distribution, Integers], otherwise: Distribution, a_day: int) -> Distribution:
    """Return what was found of DAYS_MIN days, of which each gives so many samples, and otherwise the other."""
    distribution, count = found
    enough = count >= DAYS_MIN * a_day
    filled = (np.where(enough, *both) for both in zip(distribution.parts, otherwise.parts, strict=True))
    return Distribution(*filled)
