"""How far a month's power factors lie from their bases, as a share of the base charge."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from optimizers.tariff.meter import CompleteMonth
from shared.arrays import Flags, Floats, Integers
from shared.reference.tariffs import PowerFactorRule, PowerFactorWindow

QUARTERS_PER_WINDOW = 2  # the power factor is metered over 30 minutes
# Averages of square roots: nine digits of a percentage are far below a won and hide the last bit of a float.
PERCENT_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerFactor:
    """The month's average factors [%] and the share of the base charge they add (or, below 0, take off).

    An average is None where no half hour of its window was measured with any energy: it then changes nothing.
    """

    lagging_percent: Decimal | None
    leading_percent: Decimal | None
    share_of_base: Decimal


def power_factor(rule: PowerFactorRule, month: CompleteMonth, slot_of: Integers) -> PowerFactor:
    """Average the half-hourly factors of the day (lagging) and of the night (leading).

    Each half hour's factor is active / sqrt(active^2 + reactive^2), not below the floor; by day a leading half hour
    counts as 100 %, at night a lagging one does. Half hours with an estimated quarter, or without energy, do not count.
    Without a reactive meter the deemed factor holds by day, and the night changes nothing.
    """
    if month.lag_varh is None and month.lead_varh is None:
        return PowerFactor(
            lagging_percent=rule.deemed_percent,
            leading_percent=None,
            share_of_base=_share(rule, rule.lagging, rule.deemed_percent),
        )
    active = _by_half_hour(month.energy_wh)
    lag, lead = (
        np.zeros_like(active) if column is None else _by_half_hour(column)
        for column in (month.lag_varh, month.lead_varh)
    )
    counted = _by_half_hour(month.measured.astype(np.int64)) == QUARTERS_PER_WINDOW
    counted &= (active + lag + lead) > 0
    half_hour_slots = slot_of[::QUARTERS_PER_WINDOW]
    lagging = _average(rule, active, np.where(lead > lag, 0, lag), counted & _inside(rule.lagging, half_hour_slots))
    leading = _average(rule, active, np.where(lag >= lead, 0, lead), counted & _inside(rule.leading, half_hour_slots))
    return PowerFactor(
        lagging_percent=lagging,
        leading_percent=leading,
        share_of_base=_share(rule, rule.lagging, lagging) + _share(rule, rule.leading, leading),
    )


def _by_half_hour(column: Integers) -> Integers:
    sums: Integers = column.reshape(-1, QUARTERS_PER_WINDOW).sum(axis=1)
    return sums


def _inside(window: PowerFactorWindow, slots: Integers) -> Flags:
    return np.isin(slots, list(window.slots()))


def _average(rule: PowerFactorRule, active: Integers, reactive: Integers, counted: Flags) -> Decimal | None:
    if not counted.any():
        return None
    active_kwh: Floats = active[counted].astype(np.float64)
    factors = 100 * active_kwh / np.maximum(np.hypot(active_kwh, reactive[counted]), 1)
    # A half hour without active energy has factor 0; with neither kind it was not counted, or is 100 by definition.
    factors = np.where((active_kwh == 0) & (reactive[counted] == 0), 100, factors)
    mean = float(np.maximum(factors, float(rule.floor_percent)).mean())
    return Decimal(repr(round(mean, PERCENT_DIGITS)))


def _share(rule: PowerFactorRule, window: PowerFactorWindow, percent: Decimal | None) -> Decimal:
    if percent is None:
        return Decimal(0)
    effective = min(max(percent, rule.floor_percent), window.cap_percent)
    return (window.base_percent - effective) * rule.adjustment_per_point
