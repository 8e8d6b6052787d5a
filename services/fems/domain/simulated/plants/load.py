"""A made-up plant's consumption at any time, as whole Wh an interval."""

from collections.abc import Callable

import numpy as np

from services.fems.domain.simulated.draws import seed_of
from services.fems.domain.simulated.plants.archetypes import Archetype
from services.fems.domain.simulated.plants.calendar import kinds_of, own_kinds
from services.fems.domain.simulated.plants.course import STEPS, OwnDays, power_kw
from services.fems.domain.simulated.plants.variation import variation
from shared.arrays import Floats, Integers
from shared.intervals import INTERVAL_MINUTES, INTERVALS_PER_DAY, INTERVALS_PER_HOUR
from shared.units import WH_PER_KWH

# Korea is nine hours ahead, all year.
KST_INTERVALS = 9 * INTERVALS_PER_HOUR
STEPS_PER_INTERVAL = STEPS // INTERVALS_PER_DAY
# The mean that a complex file gives is of these days: two weeks of 2026 without holidays, from Monday 9 March, at 15 C.
REFERENCE_DAYS = np.arange(20_521, 20_535)
REFERENCE_AIR_C = 15.0
DAYS_KEPT = 4

# The air outdoors in so many intervals from a number on.
AirC = Callable[[int, int], Floats]


class PlantLoad:
    """One made-up plant.

    Args:
        archetype: Its industry.
        name: What its chance is drawn from, with the seed.
        seed: None: it is built as its archetype says; else a variation of it.
        mean_kw: The mean over its reference days.
        holidays: The numbers of public holidays.
        air_c: The air outdoors.
    """

    def __init__(
        self,
        archetype: Archetype,
        *,
        name: str,
        seed: int | None,
        mean_kw: float,
        holidays: Integers,
        air_c: AirC,
    ) -> None:
        self._seed = seed_of(name, "" if seed is None else seed)
        self._plant = archetype if seed is None else variation(archetype, self._seed)
        self._holidays, self._air_c = holidays, air_c
        self._first = self._plant.day_begins // INTERVAL_MINUTES - KST_INTERVALS
        mild = np.full((len(REFERENCE_DAYS), STEPS), REFERENCE_AIR_C)
        days = OwnDays(REFERENCE_DAYS, kinds_of(REFERENCE_DAYS, np.zeros(0, dtype=np.int64)), mild)
        self._scale = mean_kw / float(power_kw(self._plant, days, self._seed).mean())
        self._kept: dict[int, Integers] = {}

    def energy_wh(self, first: int, count: int) -> Integers:
        """Return the consumption of `count` intervals from number `first` on."""
        if count <= 0:
            return np.zeros(0, dtype=np.int64)
        low, high = ((number - self._first) // INTERVALS_PER_DAY for number in (first, first + count - 1))
        days = (
            [self._day(low + n) for n in range(high - low + 1)] if high - low < DAYS_KEPT else [self._days(low, high)]
        )
        begin = first - self._first - low * INTERVALS_PER_DAY
        return np.concatenate(days)[begin : begin + count]

    @property
    def energy_wh_max(self) -> int:
        """Return the most that it ever takes in one interval."""
        return int(np.ceil(self._plant.kw_max * self._scale * WH_PER_KWH / INTERVALS_PER_HOUR))

    def _day(self, day: int) -> Integers:
        if day not in self._kept:
            while len(self._kept) >= DAYS_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[day] = self._days(day, day)
        return self._kept[day]

    def _days(self, low: int, high: int) -> Integers:
        """Return the energy of some of its own days, both ends included."""
        number = np.arange(low, high + 1)
        plant = self._plant
        kind = own_kinds(
            number,
            self._holidays,
            bridge_rest=plant.bridge_rest,
            shutdown=plant.shutdown,
            seed=seed_of(self._seed, "bridges"),
        )
        air_c = np.zeros((len(number), STEPS))
        if plant.climate:
            air = self._air_c(low * INTERVALS_PER_DAY + self._first, len(number) * INTERVALS_PER_DAY)
            air_c = np.repeat(air, STEPS_PER_INTERVAL).reshape(-1, STEPS)
        kw = power_kw(plant, OwnDays(number, kind, air_c), self._seed) * self._scale
        by_interval = kw.reshape(-1, STEPS_PER_INTERVAL).mean(axis=1)
        return np.asarray(np.rint(by_interval * (WH_PER_KWH / INTERVALS_PER_HOUR)).astype(np.int64))
