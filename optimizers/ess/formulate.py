"""Turn a case into the shape, numbers and bounds that the model is stamped with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from optimizers.ess.case import Battery, Case
from optimizers.ess.model import Shape
from shared.arrays import Flags, Floats

Bounds = dict[str, tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True)
class Directions:
    """Flows that are ruled out in a step because a binary chose the opposite one."""

    charge: Flags
    discharge: Flags
    import_: Flags
    export: Flags

    @classmethod
    def free(cls, steps: int) -> Self:
        """Rule nothing out."""
        return cls(*(np.zeros(steps, bool) for _ in range(4)))


def shape_of(case: Case, *, relaxed: bool = False, exclusive: bool = False) -> Shape:
    """Return the shape a case has."""
    return Shape(
        steps=case.steps,
        step_h=case.step_h,
        window_steps=case.window_steps,
        battery=case.battery is not None,
        curtailable=case.pv_curtailable,
        peaks=len(case.demand_charges),
        relaxed=relaxed,
        exclusive=exclusive,
    )


def numbers_of(case: Case, *, violation_max: float = np.inf, cost_krw_max: float = np.inf) -> Mapping[str, Floats]:
    """Return every number that any shape of the case may ask for.

    Args:
        case: The case.
        violation_max: Cap on the violation, for relaxed shapes.
        cost_krw_max: Cap on the cost, for smooth shapes with binaries.
    """
    import_kw_max, export_kw_max = flow_limits(case)
    numbers = {
        "residual_load_kw": case.residual_load_kw,
        "buy_krw_per_kwh": case.price_buy_krw_per_kwh,
        "sell_krw_per_kwh": case.price_sell_krw_per_kwh,
        "import_kw_max": import_kw_max,
        "export_kw_max": export_kw_max,
    } | _demand_numbers(case)
    scalars = {
        "import_limit_kw": _or_infinite(case.import_limit_kw),
        "export_limit_kw": _or_infinite(case.export_limit_kw),
        "violation_max": violation_max,
        "cost_krw_max": cost_krw_max,
    }
    if case.battery is not None:
        scalars |= _battery_numbers(case, case.battery)
    return numbers | {name: np.array(number) for name, number in scalars.items()}


def bounds_of(case: Case, *, relaxed: bool = False, directions: Directions | None = None) -> Bounds:
    """Return the bounds of each column family; families not named lie between 0 and infinity.

    Args:
        case: The case.
        relaxed: The import and export limits and the SoC band are rows instead, so that they can give way.
        directions: Flows ruled out.
    """
    closed = directions if directions is not None else Directions.free(case.steps)
    zero = np.zeros(case.steps)
    import_kw_max, export_kw_max = _grid_bounds(case, closed, relaxed=relaxed)
    bounds: Bounds = {
        "import_kw": (zero, np.where(closed.import_, 0.0, import_kw_max)),
        "export_kw": (zero, np.where(closed.export, 0.0, export_kw_max)),
        "peak_kw": (np.array([peak.prior_peak_kw for peak in case.demand_charges]), np.array(np.inf)),
        "curtail_kw": (zero, case.pv_kw),
        "is_importing": (zero, np.ones(case.steps)),
        "is_charging": (zero, np.ones(case.steps)),
    }
    battery = case.battery
    if battery is not None:
        charge_kw_max, discharge_kw_max = power_limits_kw(case, battery)
        soc_min, soc_max = (0.0, 1.0) if relaxed else (battery.soc_min, battery.soc_max)
        bounds["charge_kw"] = (zero, np.where(closed.charge, 0.0, charge_kw_max))
        bounds["discharge_kw"] = (zero, np.where(closed.discharge, 0.0, discharge_kw_max))
        bounds["soc_kwh"] = (zero + soc_min * battery.capacity_kwh, zero + soc_max * battery.capacity_kwh)
    return bounds


def power_limits_kw(case: Case, battery: Battery) -> tuple[float, float]:
    """Return the highest charge and discharge: the converter's, or what fills or empties the store in one step."""
    fill_kw = battery.capacity_kwh / (case.step_h * battery.charge_efficiency)
    empty_kw = battery.capacity_kwh * battery.discharge_efficiency / case.step_h
    return min(battery.max_charge_kw, fill_kw), min(battery.max_discharge_kw, empty_kw)


def flow_limits(case: Case) -> tuple[Floats, Floats]:
    """Return the highest import and export of each step that the site itself can reach when only one of them flows."""
    charge_kw, discharge_kw = (0.0, 0.0) if case.battery is None else power_limits_kw(case, case.battery)
    used_pv_kw = np.zeros(case.steps) if case.pv_curtailable else case.pv_kw
    import_kw = np.maximum(0.0, case.load_kw - used_pv_kw - case.traded_kw + charge_kw)
    export_kw = np.maximum(0.0, discharge_kw - case.residual_load_kw)
    return import_kw, export_kw


def _grid_bounds(case: Case, closed: Directions, *, relaxed: bool) -> tuple[Floats, Floats]:
    """Bound import and export.

    Where selling pays more than buying costs, both together would earn without end, so the site's own reach bounds
    them until a direction is chosen. Elsewhere that bound is left out: it would share the dual of the balance.
    """
    import_limit_kw = np.inf if relaxed else _or_infinite(case.import_limit_kw)
    export_limit_kw = np.inf if relaxed else _or_infinite(case.export_limit_kw)
    earning = (case.price_sell_krw_per_kwh > case.price_buy_krw_per_kwh) & ~closed.import_ & ~closed.export
    import_kw_max, export_kw_max = flow_limits(case)
    import_kw = np.where(earning, np.minimum(import_kw_max, import_limit_kw), import_limit_kw)
    export_kw = np.where(earning, np.minimum(export_kw_max, export_limit_kw), export_limit_kw)
    return import_kw, export_kw


def _demand_numbers(case: Case) -> dict[str, Floats]:
    """Return price, counting steps and traded power of each peak, the first peak's steps first."""
    peaks = case.demand_charges
    counts = np.concatenate([np.ones(case.steps) if peak.counts is None else peak.counts for peak in peaks])
    return {
        "demand_charge_krw_per_kw": np.array([peak.charge_krw_per_kw for peak in peaks]),
        "counts_for_peak": counts,
        "counted_trade_kw": counts * np.tile(case.traded_kw, len(peaks)),
    }


def _battery_numbers(case: Case, battery: Battery) -> dict[str, float]:
    charge_kw_max, discharge_kw_max = power_limits_kw(case, battery)
    return {
        "charge_efficiency": battery.charge_efficiency,
        "discharge_loss_factor": 1.0 / battery.discharge_efficiency,
        "soc_kwh_initial": battery.soc_initial * battery.capacity_kwh,
        "soc_kwh_min": battery.soc_min * battery.capacity_kwh,
        "soc_kwh_max": battery.soc_max * battery.capacity_kwh,
        "soc_kwh_final_min": battery.soc_final_min * battery.capacity_kwh,
        "cycle_cost_krw_per_kwh": battery.cycle_cost_krw_per_kwh,
        "charge_kw_max": charge_kw_max,
        "discharge_kw_max": discharge_kw_max,
        "power_kw_before": case.charge_kw_before - case.discharge_kw_before,
    }


def _or_infinite(limit_kw: float | None) -> float:
    return np.inf if limit_kw is None else limit_kw
