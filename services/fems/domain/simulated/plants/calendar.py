"""Which kind of day a plant has: a working day, a Saturday, a day of rest, a day of its summer shutdown.

Days are whole numbers, counted from 1970-01-01, and Korean.
"""

from collections.abc import Collection
from datetime import date
from typing import get_args

import numpy as np

from services.fems.domain.simulated.draws import uniform
from services.fems.domain.simulated.plants.archetypes import DayKind, Shutdown
from shared.arrays import Flags, Integers

WORK, SATURDAY, REST, SHUTDOWN = range(len(get_args(DayKind)))
DAYS_PER_WEEK = 7
# 1970-01-01 was a Thursday.
FIRST_WEEKDAY, SATURDAYS, SUNDAYS = 3, 5, 6
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def day_number(day: date) -> int:
    """Return a day's number."""
    return day.toordinal() - EPOCH_ORDINAL


def rest_numbers(days: Collection[date]) -> Integers:
    """Return the numbers of public holidays, in order."""
    return np.array(sorted(day_number(day) for day in days), dtype=np.int64)


def kinds_of(days: Integers, holidays: Integers) -> Integers:
    """Return each day's kind, before any plant's own rules."""
    weekday = (days + FIRST_WEEKDAY) % DAYS_PER_WEEK
    kinds = np.where(weekday == SATURDAYS, SATURDAY, WORK)
    return np.where((weekday == SUNDAYS) | np.isin(days, holidays), REST, kinds)


def own_kinds(
    days: Integers, holidays: Integers, *, bridge_rest: float, shutdown: Shutdown | None, seed: int
) -> Integers:
    """Return each of consecutive days' kind at a plant, which may rest between holidays and shuts down in summer."""
    around = kinds_of(np.arange(days[0] - 1, days[-1] + 2), holidays)
    kinds, off = around[1:-1], around != WORK
    bridge = off[:-2] & off[2:] & (uniform(seed, days) < bridge_rest)
    kinds = np.where((kinds == WORK) & bridge, REST, kinds)
    return kinds if shutdown is None else np.where(_shut(days, shutdown), SHUTDOWN, kinds)


def _shut(days: Integers, shutdown: Shutdown) -> Flags:
    shut = np.zeros(len(days), dtype=np.bool_)
    for year in range(_year(days[0]), _year(days[-1]) + 1):
        within = day_number(date.fromisoformat(f"{year}-{shutdown.around}"))
        monday = within - (within + FIRST_WEEKDAY) % DAYS_PER_WEEK
        shut |= (days >= monday) & (days < monday + shutdown.days)
    return shut


def _year(day: np.int64) -> int:
    return date.fromordinal(int(day) + EPOCH_ORDINAL).year
