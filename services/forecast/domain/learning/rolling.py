"""Sums over the last intervals before an issue, for many issues at once."""

import numpy as np

from shared.arrays import Floats, Integers


class WindowSums:
    """Sums of a series' known entries over any window, each from one pass."""

    def __init__(self, series: Floats) -> None:
        known = np.isfinite(series)
        self._sum = np.concatenate(([0.0], np.cumsum(np.where(known, series, 0.0))))
        self._count = np.concatenate(([0], np.cumsum(known)))

    def total(self, end: Integers, steps: int) -> Floats:
        """Return the sum over the `steps` entries before `end`; 0 where none is known."""
        last = len(self._sum) - 1
        total: Floats = self._sum[np.clip(end, 0, last)] - self._sum[np.clip(end - steps, 0, last)]
        return total

    def mean(self, end: Integers, steps: int) -> Floats:
        """Return the mean of the known ones among the `steps` entries before `end`; NaN where there is none."""
        last = len(self._sum) - 1
        count = self._count[np.clip(end, 0, last)] - self._count[np.clip(end - steps, 0, last)]
        total = self.total(end, steps)
        mean: Floats = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
        return mean


def picked(series: Floats, places: Integers) -> Floats:
    """Return a series' entries; NaN outside of it."""
    inside = (places >= 0) & (places < len(series))
    found: Floats = np.where(inside, series[np.clip(places, 0, len(series) - 1)], np.nan)
    return found


def ratio(above: Floats, below: Floats, least: float) -> Floats:
    """Return above / below; NaN where below is too small."""
    share: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > least)
    return share
