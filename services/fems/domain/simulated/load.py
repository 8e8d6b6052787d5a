"""A factory's consumption out of a measured profile, replayed on days of the same weekday, scaled and shifted."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from services.fems.domain.interval_numbers import number_of
from shared.arrays import Integers
from shared.intervals import INTERVAL_S, INTERVALS_PER_HOUR, INTERVALS_PER_WEEK
from shared.units import WH_PER_KWH

# 417 weeks lead from 2018-05-23 to 2026-05-20, both Wednesdays at the same season, so that 2018's weeks fall on 2026's.
REPLAY_SHIFT = 417 * INTERVALS_PER_WEEK
MINUTES_PER_INTERVAL = INTERVAL_S // 60


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """A measured course of consumption, by 15 minutes without gaps, of at least one week."""

    first_start: datetime
    energy_kwh: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.energy_kwh) < INTERVALS_PER_WEEK:
            raise ValueError(f"a profile must have at least {INTERVALS_PER_WEEK} intervals, had {len(self.energy_kwh)}")
        if min(self.energy_kwh) < 0 or not 0 < sum(self.energy_kwh) < float("inf"):
            raise ValueError("a profile's energies must be >= 0 kWh, finite, and not all 0")

    @property
    def replayed(self) -> int:
        """Return how many of its intervals are replayed: its whole weeks."""
        return len(self.energy_kwh) // INTERVALS_PER_WEEK * INTERVALS_PER_WEEK


class ReplayedLoad:
    """One factory's consumption at any time, as whole Wh an interval."""

    def __init__(self, profile: LoadProfile, *, mean_kw: float, shift_minutes: int) -> None:
        measured = np.array(profile.energy_kwh[: profile.replayed])
        mean_wh = mean_kw * WH_PER_KWH / INTERVALS_PER_HOUR
        self._cycle_wh: Integers = np.rint(measured * (mean_wh / measured.mean())).astype(np.int64)
        self._first = number_of(profile.first_start) + REPLAY_SHIFT + shift_minutes // MINUTES_PER_INTERVAL

    def energy_wh(self, first: int, count: int) -> Integers:
        """Return the consumption of `count` intervals from number `first` on."""
        rows = (np.arange(first, first + count) - self._first) % len(self._cycle_wh)
        return self._cycle_wh[rows]

    @property
    def energy_wh_max(self) -> int:
        """Return the most that it ever takes in one interval."""
        return int(self._cycle_wh.max())
