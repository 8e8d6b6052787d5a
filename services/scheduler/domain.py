"""From forecasts, prices and a battery's state to a plan, a set-point and an automatic bid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from optimizers.ess import Battery, Case, Schedule
from optimizers.tariff import SitePrices
from shared import units
from shared.complexes import Bidding, Ess
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, interval_of
from shared.units import JEON_PER_KRW, WH_PER_KWH

Floats = NDArray[np.float64]

W_PER_KW = 1_000
STEP_MINUTES = INTERVAL / timedelta(minutes=1)
# Below this an order would cost more attention than it moves energy.
LOT_WH_MIN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a site is expected to use and make, per interval from the first planned one [kW]."""

    load_kw: Floats
    pv_kw: Floats


@dataclass(frozen=True, slots=True)
class Position:
    """What a participant has already traded for one interval."""

    bought_wh: int = 0
    sold_wh: int = 0


@dataclass(frozen=True, slots=True)
class Bid:
    """An automatic order, before its writer stamps it."""

    side: str
    price_jeon_per_kwh: int
    quantity_wh: int


def aligned(power_kw: Sequence[float], first: datetime, wanted: datetime) -> Floats:
    """Return a day of forecast from `wanted` on, where it was issued from `first` on.

    What lies beyond the forecast's end repeats the same quarter hour of the day before.
    """
    series = np.asarray(power_kw, dtype=np.float64)
    skipped = (wanted - first) // INTERVAL
    return series[(np.arange(INTERVALS_PER_DAY) + skipped) % len(series)]


def soc_kwh_at(
    delivery_start: datetime, *, measured_at: datetime, soc_kwh: float, told_w: Mapping[datetime, int], ess: Ess
) -> float:
    """Return the state of charge that a battery will have when an interval begins.

    Args:
        delivery_start: The beginning of the interval.
        measured_at: When `soc_kwh` was measured.
        soc_kwh: The measured state of charge.
        told_w: What the converter was told for the intervals in between, positive charges; idle where nothing.
        ess: The battery, whose capacity the answer is kept in.
    """
    expected_kwh, instant = soc_kwh, measured_at
    while instant < delivery_start:
        running = interval_of(instant)
        until = min(running + INTERVAL, delivery_start)
        power_kw = told_w.get(running, 0) / W_PER_KW
        efficiency = ess.charge_efficiency if power_kw >= 0 else 1 / ess.discharge_efficiency
        expected_kwh += units.energy_kwh(power_kw * efficiency, until - instant)
        instant = until
    return min(max(expected_kwh, 0.0), ess.capacity_kwh)


def ess_case(ess: Ess, outlook: Outlook, prices: SitePrices, *, soc_kwh: float, position: Position) -> Case:
    """Return the day ahead of one battery as an optimization case.

    What was traded for the first interval is fixed: energy sold must be there as load must, energy bought is there as
    sun is.
    """
    load_kw, pv_kw = outlook.load_kw.copy(), outlook.pv_kw.copy()
    load_kw[0] += units.power_kw(position.sold_wh / WH_PER_KWH, INTERVAL)
    pv_kw[0] += units.power_kw(position.bought_wh / WH_PER_KWH, INTERVAL)
    return Case(
        step_minutes=STEP_MINUTES,
        load_kw=load_kw,
        pv_kw=pv_kw,
        price_buy_krw_per_kwh=prices.import_jeon_per_kwh / JEON_PER_KRW,
        price_sell_krw_per_kwh=prices.export_jeon_per_kwh / JEON_PER_KRW,
        demand_charge_krw_per_kw=0.0,
        prior_peak_kw=0.0,
        battery=Battery(
            capacity_kwh=ess.capacity_kwh,
            max_charge_kw=ess.charge_kw_max,
            max_discharge_kw=ess.discharge_kw_max,
            charge_efficiency=ess.charge_efficiency,
            discharge_efficiency=ess.discharge_efficiency,
            soc_min=ess.soc_min,
            soc_max=ess.soc_max,
            soc_initial=soc_kwh / ess.capacity_kwh,
            soc_final_min=ess.soc_initial,
            cycle_cost_krw_per_kwh=ess.cycle_cost_krw_per_kwh,
        ),
    )


def idle_case(ess: Ess) -> Case:
    """Return a day of a battery with nothing to do: the shape of every day, and no more."""
    nothing = np.zeros(INTERVALS_PER_DAY)
    flat = np.full(INTERVALS_PER_DAY, JEON_PER_KRW, dtype=np.int64)
    outlook = Outlook(load_kw=nothing, pv_kw=nothing)
    soc_kwh = ess.soc_initial * ess.capacity_kwh
    return ess_case(ess, outlook, SitePrices(flat, flat), soc_kwh=soc_kwh, position=Position())


def with_schedule(outlook: Outlook, schedule: Schedule) -> Outlook:
    """Return a site's outlook as the next battery behind the same connection sees it."""
    return Outlook(load_kw=outlook.load_kw + schedule.charge_kw, pv_kw=outlook.pv_kw + schedule.discharge_kw)


def setpoint_w(schedule: Schedule) -> int:
    """Return the command for the schedule's first interval; positive charges."""
    return watts(schedule.charge_kw)[0] - watts(schedule.discharge_kw)[0]


def watts(power_kw: Floats) -> tuple[int, ...]:
    """Return powers in whole watts."""
    return tuple(int(one) for one in np.rint(power_kw * W_PER_KW))


def automatic_bid(
    bidding: Bidding, outlook: Outlook, *, step: int, import_jeon: int, export_jeon: int, quantity_wh_max: int
) -> Bid | None:
    """Return the order that covers or places a site's expected surplus or shortage in one interval, if any.

    The price lies between what the grid pays (`export_jeon`) and what it charges (`import_jeon`), at the participant's
    own share of the way; where the grid pays at least as much as it charges, there is nothing to gain, and no order.

    Args:
        bidding: The participant's shares.
        outlook: Its expected powers, with its batteries' plans in them.
        step: Index of the interval in the outlook.
        import_jeon: What the grid charges for a kWh.
        export_jeon: What the grid pays for a kWh.
        quantity_wh_max: The market's limit for one order.
    """
    if import_jeon <= export_jeon:
        return None
    net_kw = float(outlook.load_kw[step] - outlook.pv_kw[step])
    quantity_wh = min(round(units.energy_kwh(abs(net_kw), INTERVAL) * WH_PER_KWH), quantity_wh_max)
    if quantity_wh < LOT_WH_MIN:
        return None
    share = bidding.buy_share if net_kw > 0 else bidding.sell_share
    price_jeon = export_jeon + round(share * (import_jeon - export_jeon))
    return Bid("buy" if net_kw > 0 else "sell", price_jeon, quantity_wh)
