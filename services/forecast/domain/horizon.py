"""Where an issue lies among a site's days: the hours that ended at the issue, and the intervals that are forecast."""

from dataclasses import dataclass

import numpy as np

from services.forecast.domain.metered.timeline import SiteDays
from shared.arrays import Floats, Integers

# Four weeks hold every weekday four times, and are recent enough for the season's sun and the plant's shifts.
SEASON_DAYS = 28
# The last hours, which say how far from usual today is.
LIVE_HOURS = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Around:
    """Day and time of day of the intervals around an issue, on a grid of (days x times of day).

    Attributes:
        last_hours: Of the intervals of LIVE_HOURS that ended at the issue, the newest last.
        ahead: Of the intervals that are forecast.
        now: The interval that begins at the issue.
        first: The first interval that is forecast.
    """

    last_hours: tuple[Integers, Integers]
    ahead: tuple[Integers, Integers]
    now: int
    first: int


def around(calendar: SiteDays, now: int, first: int, steps: int) -> Around:
    """Return the surroundings of an issue at which interval `now` began, forecasting from interval `first` on.

    Hours before the calendar's first interval are left out.
    """
    last = np.arange(max(now - live_steps(calendar.slots), 0), now)
    ahead = np.arange(first, first + steps)
    return Around(
        last_hours=(calendar.day[last], calendar.slot[last]),
        ahead=(calendar.day[ahead], calendar.slot[ahead]),
        now=now,
        first=first,
    )


def by_day(series: Floats, calendar: SiteDays) -> Floats:
    """Return (days x times of day x sites) of a series (intervals x sites); NaN where it does not reach."""
    days = int(calendar.day[-1]) + 1
    grid = np.full((days, calendar.slots, series.shape[1]), np.nan)
    grid[calendar.day[: len(series)], calendar.slot[: len(series)]] = series
    return grid


def live_steps(slots: int) -> int:
    """Return how many intervals the last hours have, where a day has `slots`."""
    return max(round(LIVE_HOURS * slots / 24), 1)
