"""What a solar plant would have been paid for its day-ahead forecasts under the Korean rule; nobody here is.

Energies are integer Wh and money integer won, as where money is real, so that a bound that is met exactly is met.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from shared.reference.prices import ForecastSettlementRules, SettlementVersion
from shared.units import JEON_PER_KRW, WH_PER_KWH

HOUR_MINUTES = 60
PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One hour of a local day: what was submitted for it, twice, and what came [Wh]."""

    day: date
    submitted_wh: tuple[int, int]
    actual_wh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AsIf:
    """What the hours would have earned.

    Attributes:
        hours: Those that count: a tenth of capacity or more came, and a version of the rule was in force.
        hours_left_out: The others.
        actual_wh: What came in those that count.
        paid_krw: Each hour's payment rounded down, summed.
        paid_krw_max: The same, had every forecast been perfect.
        error_share_sum: Of the errors in those that count, as shares of capacity.
        versions: Those that were in force, in order.
        is_uncertain: Whether it is not known that the rule held on some of the days.
    """

    hours: int
    hours_left_out: int
    actual_wh: int
    paid_krw: int
    paid_krw_max: int
    error_share_sum: float
    versions: tuple[SettlementVersion, ...]
    is_uncertain: bool


def settled(hours: Sequence[Hour], capacity_wh: int, rules: ForecastSettlementRules) -> AsIf:
    """Return what hours of a solar plant would have earned.

    Args:
        hours: In order.
        capacity_wh: What the plant's capacity would deliver in an hour.
        rules: The dated rule.
    """
    counted = left_out = actual_wh = paid_krw = paid_krw_max = doubled_errors_wh = 0
    versions: list[SettlementVersion] = []
    is_uncertain = False
    for hour in hours:
        version = rules.version_on(hour.day, "solar")
        if version is None or PERCENT * hour.actual_wh < rules.hour_counts_from_percent * capacity_wh:
            left_out += 1
            continue
        # The forecast is the mean of two; twice of everything keeps it whole.
        doubled_error_wh = abs(sum(hour.submitted_wh) - 2 * hour.actual_wh)
        counted += 1
        actual_wh += hour.actual_wh
        doubled_errors_wh += doubled_error_wh
        paid_krw += _paid_krw(hour.actual_wh, doubled_error_wh, capacity_wh, version)
        paid_krw_max += _paid_krw(hour.actual_wh, 0, capacity_wh, version)
        is_uncertain = is_uncertain or rules.is_uncertain_on(hour.day)
        if version not in versions:
            versions.append(version)
    return AsIf(
        hours=counted,
        hours_left_out=left_out,
        actual_wh=actual_wh,
        paid_krw=paid_krw,
        paid_krw_max=paid_krw_max,
        error_share_sum=doubled_errors_wh / (2 * capacity_wh),
        versions=tuple(versions),
        is_uncertain=is_uncertain,
    )


def _paid_krw(actual_wh: int, doubled_error_wh: int, capacity_wh: int, version: SettlementVersion) -> int:
    for tier in version.tiers:
        if PERCENT * doubled_error_wh <= 2 * tier.error_percent_max * capacity_wh:
            return tier.price_jeon_per_kwh * actual_wh // (JEON_PER_KRW * WH_PER_KWH)
    return 0


def day_ahead_hours(
    issued: pd.DataFrame, metered: pd.Series, step_minutes: int, rules: ForecastSettlementRules
) -> tuple[list[Hour], int]:
    """Return the hours that two day-ahead forecasts reach and that were metered, and how many the two do not reach.

    Of the forecasts the last one counts that was issued at or before the hour of submission on the day before.

    Args:
        issued: Columns issue and target (aware), kw.
        metered: Average power [kW] by the start of each interval (aware); NaN is unknown.
        step_minutes: The interval's length; it divides an hour.
        rules: Says when forecasts are submitted.
    """
    whole = HOUR_MINUTES // step_minutes
    came = _by_hour(
        pd.Series(metered.to_numpy(), index=pd.DatetimeIndex(metered.index).tz_convert(rules.timezone)), whole
    )
    local = issued.assign(target=issued["target"].dt.tz_convert(rules.timezone))
    day = local["target"].dt.normalize()
    submissions = []
    for at in rules.submitted_at:
        # Days are told by their midnights; a wall's time on the day before is their difference, as no clock is changed.
        before = timedelta(days=1) - timedelta(hours=at.hour, minutes=at.minute)
        in_time = local[local["issue"] <= day - before]
        newest = in_time.groupby(day)["issue"].transform("max")
        rows = in_time[in_time["issue"] == newest]
        submissions.append(_by_hour(pd.Series(rows["kw"].to_numpy(), index=pd.DatetimeIndex(rows["target"])), whole))
    both = pd.concat({"first": submissions[0], "second": submissions[1], "came": came}, axis=1, sort=True)
    asked = pd.DatetimeIndex(both.index).normalize().isin(day.unique()) & both["came"].notna()
    reached = both[asked].dropna()
    wh = (reached * WH_PER_KWH).round().astype(np.int64)
    hours = [
        Hour(day=start.date(), submitted_wh=(int(first), int(second)), actual_wh=int(actual))
        for start, first, second, actual in zip(wh.index, wh["first"], wh["second"], wh["came"], strict=True)
    ]
    return hours, int(asked.sum()) - len(reached)


def _by_hour(kw: pd.Series, whole: int) -> pd.Series:
    """Return the mean of each hour of which every interval is known."""
    known = kw.dropna()
    grouped = known.groupby(pd.DatetimeIndex(known.index).floor("h"))
    means: pd.Series = grouped.mean()[grouped.size() == whole]
    return means
