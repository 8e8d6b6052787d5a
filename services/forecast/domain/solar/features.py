"""A solar plant as a model sees it: its clear-sky index in the last hours and days, and where the sun will stand."""

import numpy as np

from services.forecast.domain.learning.rolling import WindowSums, picked, ratio
from services.forecast.domain.learning.samples import Pairs
from shared.arrays import Floats, Integers

INDEX_MAX = 1.6
# Days of the same quarter hour that say what is usual.
USUAL_DAYS = 21
RECENT_DAYS = 3
NEIGHBOURS = 2
# Sums of less clear-sky power than this share of an interval at full power are mostly noise.
LIGHT_MIN = 0.03
HOURS_LIVE = 1.0
PRIOR_INDEX = 0.7


class SolarView:
    """What was known of a solar plant's output when a stretch of issues began.

    Args:
        known_kw: What could be believed; NaN is unknown.
        clear_kw: Output under a clear sky on the same intervals and those after them.
        elevation_deg: The sun's.
        capacity_kw: The inverter's limit.
        steps_per_day: Intervals a day.
        begin: The number of the interval with which the stretch began.
    """

    def __init__(
        self,
        known_kw: Floats,
        *,
        clear_kw: Floats,
        elevation_deg: Floats,
        capacity_kw: float,
        steps_per_day: int,
        begin: int,
    ) -> None:
        self._clear = clear_kw / capacity_kw
        self._elevation = elevation_deg
        self._capacity_kw = capacity_kw
        self._day = steps_per_day
        size = len(known_kw)
        share = known_kw / capacity_kw
        lit = np.isfinite(share) & (self._clear[:size] > LIGHT_MIN / 3)
        self._share = np.where(lit, share, np.nan)
        met_clear = np.where(lit, self._clear[:size], np.nan)
        self._met_clear = met_clear
        self._sum, self._clear_sum = WindowSums(self._share), WindowSums(met_clear)
        index = np.minimum(self._share / met_clear, INDEX_MAX)
        steady = np.where(met_clear > LIGHT_MIN, index, np.nan)
        self._index, self._square = WindowSums(steady), WindowSums(steady**2)
        self._change = WindowSums(np.abs(np.diff(steady, prepend=np.nan)))
        self._near = self._index_of_sums(self._smoothed(self._share), self._smoothed(met_clear))
        self._usual = self._over_days(USUAL_DAYS)
        self._recent = self._over_days(RECENT_DAYS)
        before = slice(0, max(begin, 0))
        enough = np.count_nonzero(lit[before]) > self._day
        self._all = float(np.nansum(self._share[before]) / np.nansum(met_clear[before])) if enough else PRIOR_INDEX

    def scale_kw(self, target: Integers) -> Floats:
        """Return the clear sky's power; 0 where it is not known."""
        clear = picked(self._clear, target)
        return np.where(np.isfinite(clear), clear, 0.0) * self._capacity_kw

    def pairs(self, now: Integers, target: Integers) -> Pairs:
        """Return the pairs of issues and target intervals."""
        hour = max(round(self._day / 24 * HOURS_LIVE), 1)
        windows = (1, 2, hour, 2 * hour, 4 * hour, self._day)
        live = [self._window(now, steps) for steps in windows]
        # Just after dawn the last interval may be all there is; before it, nothing.
        latest = np.where(np.isfinite(live[1]), 0.6 * live[1] + 0.4 * live[2], live[2])
        lead = target - now + 1
        # With its neighbours the same time of day must have ended.
        days_back = 1 + (target + NEIGHBOURS - now) // self._day
        same_slot = target - days_back * self._day
        usual = picked(self._usual, same_slot)
        usual = np.where(np.isfinite(usual), usual, self._all)
        clear = picked(self._clear, target)
        mean = self._index.mean(now, 2 * hour)
        spread = np.sqrt(np.maximum(self._square.mean(now, 2 * hour) - mean**2, 0.0))
        features = [
            lead.astype(np.float64),
            *live,
            spread,
            self._change.mean(now, hour),
            self._change.mean(now, 4 * hour),
            usual,
            picked(self._recent, same_slot),
            picked(self._near, same_slot),
            clear,
            picked(self._elevation, target),
            (target % self._day) / self._day,
            self._clear_sum.total(now, hour) / hour,
            live[1] - live[3],
        ]
        departed = np.column_stack([latest, *live]) - usual[:, None]
        nothing = np.zeros(len(target), dtype=np.bool_)
        return Pairs(usual, departed, self.scale_kw(target), np.column_stack(features), nothing)

    def _window(self, now: Integers, steps: int) -> Floats:
        above, below = self._sum.total(now, steps), self._clear_sum.total(now, steps)
        return np.minimum(ratio(above, below, LIGHT_MIN), INDEX_MAX)

    def _smoothed(self, series: Floats) -> Floats:
        known = np.where(np.isfinite(series), series, 0.0)
        return np.convolve(known, np.ones(2 * NEIGHBOURS + 1), mode="same")

    def _index_of_sums(self, above: Floats, below: Floats) -> Floats:
        return np.minimum(ratio(above, below, LIGHT_MIN), INDEX_MAX)

    def _over_days(self, days: int) -> Floats:
        """Return at each interval the index over the same time of the `days` days that end with its own."""
        above, below = self._smoothed(self._share), self._smoothed(self._met_clear)
        total_above, total_below = np.zeros_like(above), np.zeros_like(below)
        for back in range(days):
            shift = back * self._day
            if shift >= len(above):
                break
            total_above[shift:] += above[: len(above) - shift]
            total_below[shift:] += below[: len(below) - shift]
        return self._index_of_sums(total_above, total_below)
