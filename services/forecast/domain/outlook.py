"""Forecasts of a complex's roofs and factories from their metered past: the next 96 quarter hours.

Learning looks at whole days and is done once a day; a forecast then needs the last hours only.
"""

from collections.abc import Collection, Iterable
from datetime import date

import numpy as np

from services.forecast.domain import climatology
from services.forecast.domain.climatology import Distribution, Learned
from services.forecast.domain.horizon import LIVE_STEPS, Horizon
from shared.arrays import Floats, Integers
from shared.intervals import INTERVALS_PER_DAY

WEEKDAY, SATURDAY, REST_DAY = DAY_KINDS = (0, 1, 2)
SATURDAY_ISO = 6

# Below this share of the inverter's power a ratio to the clear sky is mostly noise.
CLEAR_SHARE_MIN = 0.03
# Sun between clouds beats a clear sky for minutes, not for a quarter hour; a model's bias may look like more.
CLEARNESS_MAX = 1.5
# P10, P50, P90 and mean before anything was metered: a humid, cloudy place, deliberately wide. An assumption.
PRIOR_CLEARNESS = (0.15, 0.7, 1.0, 0.62)
# The same as shares of contract power. An assumption too; both are replaced within two days.
PRIOR_LOAD_SHARE = (0.05, 0.3, 0.8, 0.35)


def day_kind(day: date, holidays: Collection[date]) -> int:
    """Return how a factory sees a day: working day, Saturday, or Sunday and holiday."""
    if day in holidays or day.isoweekday() > SATURDAY_ISO:
        return REST_DAY
    return SATURDAY if day.isoweekday() == SATURDAY_ISO else WEEKDAY


def learn_solar(metered_kw: Floats, clear_kw: Floats, capacity_kw_ac: Floats) -> Learned:
    """Learn each roof's clearness, its output as a share of a clear sky's.

    Args:
        metered_kw: Output on past days, (days x 96 x roofs), NaN where unknown.
        clear_kw: Output under a clear sky; the same shape.
        capacity_kw_ac: Each roof's inverter limit.
    """
    clearness = _clearness(metered_kw, clear_kw, capacity_kw_ac)
    scale = np.ones_like(capacity_kw_ac)
    prior = climatology.whole_day(clearness, _prior(PRIOR_CLEARNESS, scale))
    all_alike = np.zeros(len(clearness), dtype=np.int64)
    return climatology.learn(clearness, all_alike, (0,), prior, scale)


def solar(
    horizon: Horizon, learned: Learned, metered_kw: Floats, clear_kw: Floats, capacity_kw_ac: Floats
) -> Distribution:
    """Forecast each roof [kW]: the clear sky times what is left of its clearness of the last hours.

    Args:
        horizon: The issue.
        learned: From the days before the issue's.
        metered_kw: Output near the issue, NaN where unknown; nothing that ended after the issue is used.
        clear_kw: Output near the issue under a clear sky.
        capacity_kw_ac: Each roof's inverter limit.

    Returns:
        (96 x roofs), 0 <= P10 <= P50 <= P90 <= the inverter limit, 0 at night.
    """
    past = horizon.last_hours
    last_hours = _clearness(metered_kw[past], clear_kw[past], capacity_kw_ac)
    clearness = _expected(horizon, learned, last_hours, np.zeros(len(metered_kw), dtype=np.int64))
    ahead_kw = clear_kw[horizon.ahead]
    expected = (part * ahead_kw for part in climatology.bounded(clearness, 0.0, CLEARNESS_MAX).parts)
    return climatology.bounded(Distribution(*expected), 0.0, capacity_kw_ac)


def learn_load(days: Iterable[date], metered_kw: Floats, contract_kw: Floats, holidays: Collection[date]) -> Learned:
    """Learn each factory's usual consumption by kind of day and time of day.

    Args:
        days: The past days.
        metered_kw: Consumption without solar and battery on them, (days x 96 x factories), NaN where unknown.
        contract_kw: Each factory's contract power, the scale of what is not known yet.
        holidays: Days on which factories rest.
    """
    kinds = np.array([day_kind(day, holidays) for day in days], dtype=np.int64)
    return climatology.learn(metered_kw, kinds, DAY_KINDS, _prior(PRIOR_LOAD_SHARE, contract_kw), contract_kw)


def load(horizon: Horizon, learned: Learned, metered_kw: Floats, holidays: Collection[date]) -> Distribution:
    """Forecast each factory's consumption [kW] without its solar and battery: what is usual on such a day, and today.

    Args:
        horizon: The issue.
        learned: From the days before the issue's.
        metered_kw: Consumption near the issue, NaN where unknown; nothing that ended after the issue is used.
        holidays: Days on which factories rest.

    Returns:
        (96 x factories), 0 <= P10 <= P50 <= P90.
    """
    kinds = np.array([day_kind(day, holidays) for day in horizon.near], dtype=np.int64)
    expected = _expected(horizon, learned, metered_kw[horizon.last_hours], kinds)
    return climatology.bounded(expected, 0.0, np.inf)


def _clearness(metered_kw: Floats, clear_kw: Floats, capacity_kw_ac: Floats) -> Floats:
    bright = clear_kw >= CLEAR_SHARE_MIN * capacity_kw_ac
    ratio = np.divide(metered_kw, clear_kw, out=np.full_like(metered_kw, np.nan), where=bright)
    return np.minimum(ratio, CLEARNESS_MAX)


def _expected(horizon: Horizon, learned: Learned, last_hours: Floats, kind_of_near_day: Integers) -> Distribution:
    """Blend the usual and the live level for the coming 96 quarter hours, in the series' unit."""
    day, slot = horizon.last_hours
    usual_then = learned.usual.at(kind_of_near_day[day], slot)
    departed = climatology.departures(last_hours, usual_then, learned.scale)
    age = _steps_since_news(departed)
    day, slot = horizon.ahead
    return climatology.blended(
        learned,
        usual=learned.usual.at(kind_of_near_day[day], slot),
        live=climatology.live_departure(departed)[-1],
        leads=np.arange(INTERVALS_PER_DAY) + 1 + age,
    )


def _steps_since_news(departed: Floats) -> int:
    """Return how many quarter hours before the last one anything was known."""
    known = np.flatnonzero(np.isfinite(departed).any(axis=1))
    return int(LIVE_STEPS - 1 - known[-1]) if len(known) else 0


def _prior(shares: tuple[float, float, float, float], scale: Floats) -> Distribution:
    return Distribution(*(np.tile(share * scale, (INTERVALS_PER_DAY, 1)) for share in shares))
