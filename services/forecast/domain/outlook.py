"""The seasonal forecaster: what roofs and factories usually do, and how the last hours differ from it.

It serves until a model was learned that beats it. Learning looks at whole days and is done once a day; a forecast then
needs the last hours only. Arrays are (days x times of day x sites).
"""

from collections.abc import Collection, Iterable
from datetime import date

import numpy as np

from services.forecast.domain import climatology
from services.forecast.domain.climatology import Distribution, Learned
from services.forecast.domain.horizon import Around
from shared.arrays import Floats, Integers

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


def kinds_of(days: Iterable[date], holidays: Collection[date]) -> Integers:
    """Return the kind of each day."""
    return np.array([day_kind(day, holidays) for day in days], dtype=np.int64)


def learn_solar(metered_kw: Floats, clear_kw: Floats, capacity_kw_ac: Floats) -> Learned:
    """Learn each roof's clearness, its output as a share of a clear sky's.

    Args:
        metered_kw: Output on past days, NaN where unknown.
        clear_kw: Output under a clear sky; the same shape.
        capacity_kw_ac: Each roof's inverter limit.
    """
    clearness = _clearness(metered_kw, clear_kw, capacity_kw_ac)
    scale = np.ones_like(capacity_kw_ac)
    prior = climatology.whole_day(clearness, _prior(PRIOR_CLEARNESS, scale, clearness.shape[1]))
    all_alike = np.zeros(len(clearness), dtype=np.int64)
    return climatology.learn(clearness, all_alike, (0,), prior, scale)


def solar(
    issue: Around, learned: Learned, metered_kw: Floats, clear_kw: Floats, capacity_kw_ac: Floats
) -> Distribution:
    """Forecast each roof [kW]: the clear sky times what is left of its clearness of the last hours.

    Args:
        issue: Where the issue lies among the days.
        learned: From the days before the issue's.
        metered_kw: Output on the days around the issue, NaN where unknown; what ended after the issue is not used.
        clear_kw: Output on these days under a clear sky.
        capacity_kw_ac: Each roof's inverter limit.

    Returns:
        (intervals ahead x roofs), 0 <= P10 <= P50 <= P90 <= the inverter limit, 0 at night.
    """
    past = issue.last_hours
    last_hours = _clearness(metered_kw[past], clear_kw[past], capacity_kw_ac)
    clearness = _expected(issue, learned, last_hours, np.zeros(len(clear_kw), dtype=np.int64))
    ahead_kw = clear_kw[issue.ahead]
    expected = (part * ahead_kw for part in climatology.bounded(clearness, 0.0, CLEARNESS_MAX).parts)
    return climatology.bounded(Distribution(*expected), 0.0, capacity_kw_ac)


def learn_load(kinds: Integers, metered_kw: Floats, contract_kw: Floats) -> Learned:
    """Learn each factory's usual consumption by kind of day and time of day.

    Args:
        kinds: Of the past days.
        metered_kw: Consumption without solar and battery on them, NaN where unknown.
        contract_kw: Each factory's contract power, the scale of what is not known yet.
    """
    prior = _prior(PRIOR_LOAD_SHARE, contract_kw, metered_kw.shape[1])
    return climatology.learn(metered_kw, kinds, DAY_KINDS, prior, contract_kw)


def load(issue: Around, learned: Learned, metered_kw: Floats, kinds: Integers) -> Distribution:
    """Forecast each factory's consumption [kW] without its solar and battery: what is usual on such a day, and today.

    Args:
        issue: Where the issue lies among the days.
        learned: From the days before the issue's.
        metered_kw: Consumption on the days around the issue, NaN where unknown; what ended after it is not used.
        kinds: Of these days.

    Returns:
        (intervals ahead x factories), 0 <= P10 <= P50 <= P90.
    """
    expected = _expected(issue, learned, metered_kw[issue.last_hours], kinds)
    return climatology.bounded(expected, 0.0, np.inf)


def _clearness(metered_kw: Floats, clear_kw: Floats, capacity_kw_ac: Floats) -> Floats:
    bright = clear_kw >= CLEAR_SHARE_MIN * capacity_kw_ac
    ratio = np.divide(metered_kw, clear_kw, out=np.full_like(metered_kw, np.nan), where=bright)
    return np.minimum(ratio, CLEARNESS_MAX)


def _expected(issue: Around, learned: Learned, last_hours: Floats, kinds: Integers) -> Distribution:
    """Blend the usual and the live level for the coming intervals, in the series' unit."""
    day, slot = issue.last_hours
    departed = climatology.departures(last_hours, learned.usual.at(kinds[day], slot), learned.scale)
    slots = learned.usual.p50.shape[1]
    day, ahead = issue.ahead
    live = climatology.live_departure(departed, slots)
    return climatology.blended(
        learned,
        usual=learned.usual.at(kinds[day], ahead),
        live=live[-1] if len(live) else np.full(len(learned.scale), np.nan),
        leads=np.arange(len(ahead)) + 1 + issue.first - issue.now + _steps_since_news(departed),
    )


def _steps_since_news(departed: Floats) -> int:
    """Return how many intervals before the last one anything was known."""
    known = np.flatnonzero(np.isfinite(departed).any(axis=1))
    return int(len(departed) - 1 - known[-1]) if len(known) else 0


def _prior(shares: tuple[float, float, float, float], scale: Floats, slots: int) -> Distribution:
    return Distribution(*(np.tile(share * scale, (slots, 1)) for share in shares))
