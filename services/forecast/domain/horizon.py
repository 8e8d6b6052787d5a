"""Which Korean days and quarter hours a forecast looks back at and ahead to."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from shared.arrays import Integers
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, day_start, trading_day_of

# Four weeks hold every weekday four times, and are recent enough for the season's sun and the plant's shifts.
HISTORY_DAYS = 28
# The last hours, which say how far from usual today is.
LIVE_STEPS = 8
# Around an issue matter yesterday (just after midnight), today and tomorrow.
NEAR_DAYS = 3


@dataclass(frozen=True, slots=True)
class Horizon:
    """The intervals around an issue; the issue is the start of a delivery interval.

    Arrays "near" an issue are (NEAR_DAYS x 96 x series): yesterday, today and tomorrow by Korean day.
    """

    issue: datetime

    @property
    def today(self) -> date:
        """Return the Korean day of the issue."""
        return trading_day_of(self.issue)

    @property
    def history(self) -> list[date]:
        """Return the whole days that ended before the issue and that the forecast learns from."""
        return [self.today - timedelta(days=n) for n in range(HISTORY_DAYS, 0, -1)]

    @property
    def near(self) -> list[date]:
        """Return yesterday, today and tomorrow."""
        return [self.today + timedelta(days=n) for n in (-1, 0, 1)]

    @property
    def last_hours(self) -> tuple[Integers, Integers]:
        """Return the near day (0: yesterday) and quarter hour of the LIVE_STEPS intervals that ended at the issue."""
        return self._at(np.arange(-LIVE_STEPS, 0))

    @property
    def ahead(self) -> tuple[Integers, Integers]:
        """Return the near day (1: today) and quarter hour of the 96 coming intervals."""
        return self._at(np.arange(INTERVALS_PER_DAY))

    def _at(self, steps: Integers) -> tuple[Integers, Integers]:
        slot = (self.issue - day_start(self.today)) // INTERVAL
        position = INTERVALS_PER_DAY + slot + steps
        return position // INTERVALS_PER_DAY, position % INTERVALS_PER_DAY
