"""Cases for the tests of the ESS schedule: builders supply what does not matter."""

from collections.abc import Sequence
from typing import TypedDict, Unpack

import numpy as np
from hypothesis import strategies as st

from optimizers.ess.case import Battery, Case, DemandCharge
from shared.arrays import Flags, Floats


class BatteryFields(TypedDict, total=False):
    """Fields of a battery that a test cares about."""

    capacity_kwh: float
    max_charge_kw: float
    max_discharge_kw: float
    charge_efficiency: float
    discharge_efficiency: float
    soc_min: float
    soc_max: float
    soc_initial: float
    soc_final_min: float
    cycle_cost_krw_per_kwh: float


class CaseFields(TypedDict, total=False):
    """Fields of a case that a test cares about."""

    step_minutes: float
    demand_charge_krw_per_kw: float
    prior_peak_kw: float
    battery: Battery | None
    import_limit_kw: float | None
    export_limit_kw: float | None
    pv_curtailable: bool
    demand_window_minutes: float
    demand_counts: Flags | None
    more_demand: tuple[DemandCharge, ...]
    bought_kw: Floats | None
    sold_kw: Floats | None
    charge_kw_before: float
    discharge_kw_before: float


def a_battery(**fields: Unpack[BatteryFields]) -> Battery:
    """Build a lossless, free battery of 100 kWh and 50 kW, half full, that may end empty."""
    defaults: BatteryFields = {
        "capacity_kwh": 100.0,
        "max_charge_kw": 50.0,
        "max_discharge_kw": 50.0,
        "charge_efficiency": 1.0,
        "discharge_efficiency": 1.0,
        "soc_min": 0.0,
        "soc_max": 1.0,
        "soc_initial": 0.5,
        "soc_final_min": 0.0,
        "cycle_cost_krw_per_kwh": 0.0,
    }
    return Battery(**(defaults | fields))


def a_case(
    load_kw: Sequence[float],
    *,
    buy: Sequence[float],
    sell: Sequence[float] | float = 0.0,
    pv_kw: Sequence[float] | float = 0.0,
    **fields: Unpack[CaseFields],
) -> Case:
    """Build a case of hourly steps without a demand charge, with `a_battery()`."""
    steps = len(load_kw)
    defaults: CaseFields = {
        "step_minutes": 60.0,
        "demand_charge_krw_per_kw": 0.0,
        "prior_peak_kw": 0.0,
        "battery": a_battery(),
    }
    return Case(
        load_kw=np.array(load_kw, dtype=np.float64),
        pv_kw=np.broadcast_to(np.asarray(pv_kw, dtype=np.float64), (steps,)),
        price_buy_krw_per_kwh=np.array(buy, dtype=np.float64),
        price_sell_krw_per_kwh=np.broadcast_to(np.asarray(sell, dtype=np.float64), (steps,)),
        **(defaults | fields),
    )


fractions = st.integers(0, 20).map(lambda twentieths: twentieths / 20)
efficiencies = st.sampled_from([1.0, 0.95, 0.9, 0.5])


@st.composite
def batteries(draw: st.DrawFn) -> Battery:
    """Draw a battery, whose start may lie outside its band and whose end may be out of reach."""
    low, high = sorted((draw(fractions), draw(fractions)))
    return Battery(
        capacity_kwh=draw(st.sampled_from([0.0, 10.0, 50.0, 200.0])),
        max_charge_kw=draw(st.sampled_from([0.0, 20.0, 60.0])),
        max_discharge_kw=draw(st.sampled_from([0.0, 25.0, 60.0])),
        charge_efficiency=draw(efficiencies),
        discharge_efficiency=draw(efficiencies),
        soc_min=low,
        soc_max=high,
        soc_initial=draw(fractions),
        soc_final_min=draw(fractions),
        cycle_cost_krw_per_kwh=draw(st.sampled_from([0.0, 5.0, 40.0])),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a small site: prices of either sign, sell above buy or below, limits that may be out of reach."""
    steps = draw(st.integers(1, 6))
    powers = st.lists(st.integers(0, 100).map(float), min_size=steps, max_size=steps)
    prices = st.lists(st.integers(-60, 200).map(float), min_size=steps, max_size=steps)
    step_minutes = draw(st.sampled_from([5.0, 15.0, 60.0]))
    limits = st.one_of(st.none(), st.sampled_from([0.0, 30.0, 80.0]))
    counting = st.one_of(st.none(), st.lists(st.booleans(), min_size=steps, max_size=steps).map(np.array))
    charges, peaks = st.sampled_from([0.0, 30.0, 8_000.0]), st.sampled_from([0.0, 40.0, 90.0])
    demands = st.builds(DemandCharge, charge_krw_per_kw=charges, prior_peak_kw=peaks, counts=counting)
    trades = st.one_of(st.none(), powers.map(np.array))
    return Case(
        step_minutes=step_minutes,
        load_kw=np.array(draw(powers)),
        pv_kw=np.array(draw(powers)),
        price_buy_krw_per_kwh=np.array(draw(prices)),
        price_sell_krw_per_kwh=np.array(draw(prices)),
        demand_charge_krw_per_kw=draw(charges),
        prior_peak_kw=draw(peaks),
        demand_counts=draw(counting),
        more_demand=tuple(draw(st.lists(demands, max_size=2))),
        bought_kw=draw(trades),
        sold_kw=draw(trades),
        battery=draw(st.one_of(st.none(), batteries())),
        import_limit_kw=draw(limits),
        export_limit_kw=draw(limits),
        pv_curtailable=draw(st.booleans()),
        demand_window_minutes=draw(st.sampled_from([15.0, 30.0])) if step_minutes == 5.0 else 15.0,
    )
