"""From forecasts, prices and a battery's state to a plan and a set-point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from optimizers.connection import GridConnection, case_at
from optimizers.ess.case import Battery, Case, Schedule
from optimizers.ess.scenarios import Quantiles
from optimizers.tariff.peaks import PricedPeak
from optimizers.tariff.site import SitePrices
from shared import units
from shared.arrays import Floats
from shared.complex.model import Ess
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, interval_of
from shared.units import JEON_PER_KRW, WH_PER_KWH

W_PER_KW = 1_000
# Off its set-point is a converter that differs by more than this share of its rating; what meters err is less.
DEVIATION_SHARE = 0.02
# A state may have been read just before the interval that it is filed under, or while the converter was still ramping.
SETTLING = INTERVAL / 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a site is expected to use and make, per interval from the first planned one."""

    load: Quantiles
    pv: Quantiles

    @property
    def load_kw(self) -> Floats:
        """Return the median of what is used [kW]."""
        return self.load.p50_kw

    @property
    def pv_kw(self) -> Floats:
        """Return the median of what is made [kW]."""
        return self.pv.p50_kw


def certain(power_kw: Floats) -> Quantiles:
    """Return a forecast without a range."""
    return Quantiles(p10_kw=power_kw, p50_kw=power_kw, p90_kw=power_kw)


def added(one: Quantiles, other: Quantiles) -> Quantiles:
    """Add forecasts that are high and low together, as roofs under one sky are."""
    return Quantiles(
        p10_kw=one.p10_kw + other.p10_kw, p50_kw=one.p50_kw + other.p50_kw, p90_kw=one.p90_kw + other.p90_kw
    )


@dataclass(frozen=True, slots=True)
class Position:
    """What a participant has already traded for one interval."""

    bought_wh: int = 0
    sold_wh: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """A battery as it was last measured; of the two powers one is 0."""

    observed_at: datetime
    soc_kwh: float
    charge_w: int = 0
    discharge_w: int = 0

    @property
    def power_w(self) -> int:
        """Return the converter's power; positive charges."""
        return self.charge_w - self.discharge_w


def aligned(power_kw: Sequence[float], first: datetime, wanted: datetime) -> Floats:
    """Return a day of forecast from `wanted` on, where it was issued from `first` on.

    What lies beyond the forecast's end repeats the same quarter hour of the day before.
    """
    series = np.asarray(power_kw, dtype=np.float64)
    skipped = (wanted - first) // INTERVAL
    return series[(np.arange(INTERVALS_PER_DAY) + skipped) % len(series)]


def known_peaks_kw(configured_kw: Mapping[str, float], metered_wh: Mapping[str, int]) -> dict[str, float]:
    """Return the highest billable demand known of each month: what the contract tells, or what was metered since."""
    metered_kw = {month: units.power_kw(energy_wh / WH_PER_KWH, INTERVAL) for month, energy_wh in metered_wh.items()}
    months = sorted({*configured_kw, *metered_kw})
    return {month: max(configured_kw.get(month, 0.0), metered_kw.get(month, 0.0)) for month in months}


def deviation_w(measured: Measured, told_w: int, ess: Ess) -> int | None:
    """Return how far a converter is off what it was told for the running interval; None where it follows.

    A battery at the edge of its band can't follow, and is right not to: that is no deviation.
    """
    if measured.observed_at - interval_of(measured.observed_at) < SETTLING:
        return None
    off_w = measured.power_w - told_w
    rating_w = (ess.charge_kw_max if told_w > 0 else ess.discharge_kw_max) * W_PER_KW
    if abs(off_w) <= DEVIATION_SHARE * rating_w:
        return None
    step_kwh = units.energy_kwh(abs(told_w) / W_PER_KW, INTERVAL)
    full = told_w > 0 and measured.soc_kwh + step_kwh >= ess.soc_max * ess.capacity_kwh
    empty = told_w < 0 and measured.soc_kwh - step_kwh / ess.discharge_efficiency <= ess.soc_min * ess.capacity_kwh
    within = min(0, told_w) <= measured.power_w <= max(0, told_w)
    return None if (full or empty) and within else off_w


def soc_kwh_at(delivery_start: datetime, measured: Measured, told_w: Mapping[datetime, int], ess: Ess) -> float:
    """Return the state of charge that a battery will have when an interval begins, from what it really did and does.

    Args:
        delivery_start: The beginning of the interval.
        measured: The battery's newest state. A converter that is off its set-point stays so until the interval ends.
        told_w: What the converter was told for the intervals in between, positive charges; idle where nothing.
        ess: The battery, whose capacity the answer is kept in.
    """
    expected_kwh, instant = measured.soc_kwh, measured.observed_at
    off_w = deviation_w(measured, told_w.get(interval_of(instant), 0), ess) or 0
    while instant < delivery_start:
        running = interval_of(instant)
        until = min(running + INTERVAL, delivery_start)
        power_kw = (told_w.get(running, 0) + off_w) / W_PER_KW
        efficiency = ess.charge_efficiency if power_kw >= 0 else 1 / ess.discharge_efficiency
        expected_kwh += units.energy_kwh(power_kw * efficiency, until - instant)
        instant, off_w = until, 0
    return min(max(expected_kwh, 0.0), ess.capacity_kwh)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a battery and its factory stand when the first planned interval begins.

    Args:
        soc_kwh: What is stored.
        power_w: What the converter does until then; positive charges.
        position: What was traded for the first interval.
        peaks: What a kW of demand costs in the intervals ahead.
        deviation_w: How far the converter is off its set-point; None where it follows.
    """

    soc_kwh: float
    power_w: int = 0
    position: Position = Position()
    peaks: Sequence[PricedPeak] = ()
    deviation_w: int | None = None


def ess_case(ess: Ess, outlook: Outlook, prices: SitePrices, standing: Standing) -> Case:
    """Return the day ahead of one battery as an optimization case; what was traded for the first interval is fixed."""
    bought_kw, sold_kw = np.zeros(INTERVALS_PER_DAY), np.zeros(INTERVALS_PER_DAY)
    bought_kw[0] = units.power_kw(standing.position.bought_wh / WH_PER_KWH, INTERVAL)
    sold_kw[0] = units.power_kw(standing.position.sold_wh / WH_PER_KWH, INTERVAL)
    battery = Battery(
        capacity_kwh=ess.capacity_kwh,
        max_charge_kw=ess.charge_kw_max,
        max_discharge_kw=ess.discharge_kw_max,
        charge_efficiency=ess.charge_efficiency,
        discharge_efficiency=ess.discharge_efficiency,
        soc_min=ess.soc_min,
        soc_max=ess.soc_max,
        soc_initial=standing.soc_kwh / ess.capacity_kwh,
        soc_final_min=ess.soc_initial,
        cycle_cost_krw_per_kwh=ess.cycle_cost_krw_per_kwh,
    )
    case = case_at(
        GridConnection(prices=prices, peaks=standing.peaks),
        load_kw=outlook.load_kw,
        pv_kw=outlook.pv_kw,
        battery=battery,
    )
    return replace(
        case,
        bought_kw=bought_kw,
        sold_kw=sold_kw,
        charge_kw_before=max(0, standing.power_w) / W_PER_KW,
        discharge_kw_before=max(0, -standing.power_w) / W_PER_KW,
    )


def idle_outlook() -> Outlook:
    """Return the outlook of a site that uses and makes nothing."""
    nothing = certain(np.zeros(INTERVALS_PER_DAY))
    return Outlook(load=nothing, pv=nothing)


def idle_case(ess: Ess, outlook: Outlook) -> Case:
    """Return a day of a battery with nothing to do: the shape of every day, and no more."""
    flat = np.full(INTERVALS_PER_DAY, JEON_PER_KRW, dtype=np.int64)
    return ess_case(ess, outlook, SitePrices(flat, flat), Standing(soc_kwh=ess.soc_initial * ess.capacity_kwh))


def with_schedule(outlook: Outlook, schedule: Schedule) -> Outlook:
    """Return a site's outlook as the next battery behind the same connection sees it."""
    return Outlook(
        load=added(outlook.load, certain(schedule.charge_kw)), pv=added(outlook.pv, certain(schedule.discharge_kw))
    )


def setpoint_w(schedule: Schedule) -> int:
    """Return the command for the schedule's first interval; positive charges."""
    return watts(schedule.charge_kw)[0] - watts(schedule.discharge_kw)[0]


def watts(power_kw: Floats) -> tuple[int, ...]:
    """Return powers in whole watts."""
    return tuple(int(one) for one in np.rint(power_kw * W_PER_KW))
