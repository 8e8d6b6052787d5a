"""The ESS scheduling problem as one Pyomo model: the only place where its mathematics is written.

Every number of a case enters through `numbers`, so the model of a shape can be compiled with the numbers left open
(they are then variables that the compiler treats as data) or built with a case's numbers in place. Symbols are in
optimizers/README.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import pyomo.environ as pyo

from shared.arrays import Floats

Numbers = Mapping[str, Floats]

# Evens out plans with the same ramps: the least energy moved or curtailed is then preferred. Small, so ramps decide.
THROUGHPUT_WEIGHT = 1e-3

STEP_NUMBERS = ("residual_load_kw", "buy_krw_per_kwh", "sell_krw_per_kwh")
PEAK_NUMBERS = ("demand_charge_krw_per_kw",)
PEAK_STEP_NUMBERS = ("counts_for_peak", "counted_trade_kw")
DIRECTION_STEP_NUMBERS = ("import_kw_max", "export_kw_max")
LIMIT_NUMBERS = ("import_limit_kw", "export_limit_kw")
BATTERY_NUMBERS = (
    "charge_efficiency",
    "discharge_loss_factor",
    "soc_kwh_initial",
    "soc_kwh_final_min",
    "cycle_cost_krw_per_kwh",
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides the rows and columns of the model, whatever the numbers of the case.

    Args:
        step_h: Length of a step [h].
        window_steps: Steps in a demand window; the last window may have fewer.
        peaks: How many peaks are paid for.
        relaxed: Limits may give way, at a violation that an objective measures.
        exclusive: Binaries forbid opposite flows in one step.
        smooth: Ramps of the battery are variables, so that an objective can measure movement.
    """

    steps: int
    step_h: float
    window_steps: int
    battery: bool
    curtailable: bool
    peaks: int = 1
    relaxed: bool = False
    exclusive: bool = False
    smooth: bool = False

    @property
    def windows(self) -> int:
        """Demand windows in the horizon; the last may be shorter."""
        return -(-self.steps // self.window_steps)

    def window(self, w: int) -> range:
        """Return the steps of demand window w."""
        return range(w * self.window_steps, min((w + 1) * self.window_steps, self.steps))

    def smoothed(self) -> "Shape":
        """Return the same shape with ramps: its rows and columns begin like this one's."""
        return replace(self, smooth=True)


def number_names(shape: Shape) -> dict[str, int]:
    """Return the numbers the rows and objectives of a shape use, with their length (1 for a scalar), in order."""
    steps = dict.fromkeys(STEP_NUMBERS, shape.steps)
    steps |= dict.fromkeys(PEAK_NUMBERS, shape.peaks) | dict.fromkeys(PEAK_STEP_NUMBERS, shape.peaks * shape.steps)
    scalars = [*BATTERY_NUMBERS] if shape.battery else []
    if shape.relaxed:
        scalars += LIMIT_NUMBERS
        scalars += ["violation_max"] if shape.exclusive else []
        scalars += ["soc_kwh_min", "soc_kwh_max"] if shape.battery else []
    if shape.exclusive:
        steps |= dict.fromkeys(DIRECTION_STEP_NUMBERS, shape.steps)
        scalars += ["charge_kw_max", "discharge_kw_max"] if shape.battery else []
    scalars += ["power_kw_before"] if shape.smooth else []
    scalars += ["cost_krw_max"] if shape.smooth and shape.exclusive else []
    return steps | dict.fromkeys(scalars, 1)


def build(shape: Shape, numbers: Numbers | None = None) -> pyo.ConcreteModel:
    """Build the model of a shape.

    Args:
        shape: Rows and columns.
        numbers: Value of every name in `number_names`, or None to leave all of them open as variables.
    """
    model = pyo.ConcreteModel()
    add_site(model, shape, numbers)
    model.cost_krw = pyo.Objective(expr=cost_krw(model))
    if shape.relaxed:
        model.violation = pyo.Objective(expr=violation(model))
    if shape.smooth:
        model.movement = pyo.Objective(expr=movement(model))
    return model


def add_site(model: pyo.ConcreteModel, shape: Shape, numbers: Numbers | None) -> None:
    """Add one site's variables and laws to a model, or to a block of a model of many sites."""
    model.shape = shape
    model.t = pyo.RangeSet(0, shape.steps - 1)
    model.k = pyo.RangeSet(0, shape.peaks - 1)
    _declare_numbers(model, numbers)
    _declare_variables(model)
    _constrain(model)


def _declare_numbers(model: pyo.ConcreteModel, numbers: Numbers | None) -> None:
    for name in number_names(model.shape):
        index = _index_of(model, name)
        if numbers is None:
            setattr(model, name, pyo.Var(*index))
        elif index:
            places = index[0] if len(index) == 1 else product(*index)
            initial = dict(zip(places, numbers[name].tolist(), strict=True))
            setattr(model, name, pyo.Param(*index, initialize=initial, within=pyo.Any))
        else:
            setattr(model, name, pyo.Param(initialize=float(numbers[name]), within=pyo.Any))


def _index_of(model: pyo.ConcreteModel, name: str) -> list[pyo.RangeSet]:
    if name in PEAK_STEP_NUMBERS:
        return [model.k, model.t]
    if name in PEAK_NUMBERS:
        return [model.k]
    return [model.t] if name in STEP_NUMBERS + DIRECTION_STEP_NUMBERS else []


def _declare_variables(model: pyo.ConcreteModel) -> None:
    shape = model.shape
    model.import_kw = pyo.Var(model.t)
    model.export_kw = pyo.Var(model.t)
    model.peak_kw = pyo.Var(model.k)
    if shape.curtailable:
        model.curtail_kw = pyo.Var(model.t)
    if shape.battery:
        model.charge_kw = pyo.Var(model.t)
        model.discharge_kw = pyo.Var(model.t)
        model.soc_kwh = pyo.Var(model.t)
    if shape.relaxed:
        model.import_excess_kw = pyo.Var(model.t)
        model.export_excess_kw = pyo.Var(model.t)
        if shape.battery:
            model.soc_excess_kwh = pyo.Var(model.t)
            model.final_shortage_kwh = pyo.Var()
    if shape.exclusive:
        model.is_importing = pyo.Var(model.t)
        if shape.battery:
            model.is_charging = pyo.Var(model.t)
    if shape.smooth:
        model.ramp_up_kw = pyo.Var(model.t)
        model.ramp_down_kw = pyo.Var(model.t)


def _constrain(model: pyo.ConcreteModel) -> None:
    shape = model.shape
    model.windows = pyo.RangeSet(0, shape.windows - 1)
    model.balance = pyo.Constraint(model.t, rule=energy_balance)
    model.demand = pyo.Constraint(model.k, model.windows, rule=demand_peak)
    if shape.battery:
        model.storage = pyo.Constraint(model.t, rule=stored_energy)
        model.final = pyo.Constraint(rule=final_energy)
    if shape.relaxed:
        model.import_cap = pyo.Constraint(model.t, rule=import_limit)
        model.export_cap = pyo.Constraint(model.t, rule=export_limit)
        if shape.battery:
            model.soc_floor = pyo.Constraint(model.t, rule=soc_lower_limit)
            model.soc_ceiling = pyo.Constraint(model.t, rule=soc_upper_limit)
        if shape.exclusive:
            model.violation_cap = pyo.Constraint(rule=violation_limit)
    if shape.exclusive:
        model.importing = pyo.Constraint(model.t, rule=import_direction)
        model.exporting = pyo.Constraint(model.t, rule=export_direction)
        if shape.battery:
            model.charging = pyo.Constraint(model.t, rule=charge_direction)
            model.discharging = pyo.Constraint(model.t, rule=discharge_direction)
    if shape.smooth:
        model.ramp = pyo.Constraint(model.t, rule=battery_ramp)
        if shape.exclusive:
            model.cost_cap = pyo.Constraint(rule=cost_limit)


def energy_balance(model: pyo.ConcreteModel, t: int) -> pyo.Expression:
    """import_kw + discharge_kw - charge_kw - curtail_kw - export_kw = load_kw - pv_kw."""
    battery_kw = model.discharge_kw[t] - model.charge_kw[t] if model.shape.battery else 0.0
    curtail_kw = model.curtail_kw[t] if model.shape.curtailable else 0.0
    return model.import_kw[t] + battery_kw - curtail_kw - model.export_kw[t] == model.residual_load_kw[t]


def demand_peak(model: pyo.ConcreteModel, k: int, w: int) -> pyo.Expression:
    """peak_kw[k] ≥ mean over demand window w of what the meter sees in the steps that count for peak k.

    The meter sees trades too. In a window of one step it sees import_kw - export_kw, of which one is 0.
    """
    window = model.shape.window(w)
    seen_kw = sum(
        model.counts_for_peak[k, t] * (model.import_kw[t] - (model.export_kw[t] if len(window) == 1 else 0.0))
        + model.counted_trade_kw[k, t]
        for t in window
    )
    return model.peak_kw[k] - seen_kw / len(window) >= 0.0


def stored_energy(model: pyo.ConcreteModel, t: int) -> pyo.Expression:
    """soc_kwh[t] = soc_kwh[t-1] + (η_c·charge_kw - discharge_kw/η_d)·Δt, from soc_kwh_initial."""
    before_kwh = model.soc_kwh[t - 1] if t > 0 else model.soc_kwh_initial
    gain_kw = model.charge_efficiency * model.charge_kw[t] - model.discharge_loss_factor * model.discharge_kw[t]
    return model.soc_kwh[t] - before_kwh - model.shape.step_h * gain_kw == 0.0


def final_energy(model: pyo.ConcreteModel) -> pyo.Expression:
    """soc_kwh[T-1] (+ final_shortage_kwh) ≥ soc_kwh_final_min."""
    shortage_kwh = model.final_shortage_kwh if model.shape.relaxed else 0.0
    return model.soc_kwh[model.shape.steps - 1] + shortage_kwh - model.soc_kwh_final_min >= 0.0


def import_limit(model: pyo.ConcreteModel, t: int) -> pyo.Expression:
    """import_kw - import_excess_kw ≤ import_limit_kw."""
    return model.import_kw[t] - model.import_excess_kw[t] - model.import_limit_kw <= 0.0


def export_limit(model: pyo.ConcreteModel, t: int) -> pyo.Expression:
    """export_kw - export_excess_kw ≤ export_limit_kw."""
    return model.export_kw[t] - model.export_excess_kw[t] - model.export_limit_kw <= 0.0


def soc_lower_limit(model: pyo.ConcreteModel, t: int) -> pyo.Expression:
    """soc_kwh + soc_excess_kwh ≥ soc_kwh_min."""
    return model.soc_kwh[t] + model.soc_excess_kwh[t] - model.soc_kwh_min >= 0.0


def soc_upper_limit(model: pyo.ConcreteModel, t: int) -> pyo.Expression:
    """soc_kwh - soc_excess_kwh ≤ soc_kwh_max."""
    return model.soc_kwh[t] - model.soc_excess_kwh[t] - model.soc_kwh_max <= 0.0


def violation_limit(model: pyo.ConcreteModel) -> pyo.Expression:
    """Violation ≤ violation_max, the least one that was found."""
    return violation(model) - model.violation_max <= 0.0


def cost_limit(model: pyo.ConcreteModel) -> pyo.Expression:
    """Cost ≤ cost_krw_max, the least one that was found."""
    return cost_krw(model) - model.cost_krw_max <= 0.0


def import_direction(model: pyo.ConcreteModel, t: int) -> pyo.Expression:
    """import_kw ≤ import_kw_max·is_importing."""
    return model.import_kw[t] - model.import_kw_max[t] * model.is_importing[t] <= 0.0


def export_direction(model: pyo.ConcreteModel, t: int) -> pyo.Expression:
    """export_kw ≤ export_kw_max·(1 - is_importing)."""
    return model.export_kw[t] + model.export_kw_max[t] * model.is_importing[t] - model.export_kw_max[t] <= 0.0


def charge_direction(model: pyo.ConcreteModel, t: int) -> pyo.Expression:
    """charge_kw ≤ charge_kw_max·is_charging."""
    return model.charge_kw[t] - model.charge_kw_max * model.is_charging[t] <= 0.0


def discharge_direction(model: pyo.ConcreteModel, t: int) -> pyo.Expression:
    """discharge_kw ≤ discharge_kw_max·(1 - is_charging)."""
    return model.discharge_kw[t] + model.discharge_kw_max * model.is_charging[t] - model.discharge_kw_max <= 0.0


def battery_ramp(model: pyo.ConcreteModel, t: int) -> pyo.Expression:
    """ramp_up_kw - ramp_down_kw = change of (charge_kw - discharge_kw) since the step before."""
    before_kw = model.charge_kw[t - 1] - model.discharge_kw[t - 1] if t > 0 else model.power_kw_before
    change_kw = model.charge_kw[t] - model.discharge_kw[t] - before_kw
    return change_kw - model.ramp_up_kw[t] + model.ramp_down_kw[t] == 0.0


def cost_krw(model: pyo.ConcreteModel) -> pyo.Expression:
    """Σ Δt·(buy·import_kw - sell·export_kw + cycle_cost·discharge_kw) + Σ demand_charge·peak_kw."""
    energy = sum(
        model.buy_krw_per_kwh[t] * model.import_kw[t] - model.sell_krw_per_kwh[t] * model.export_kw[t] for t in model.t
    )
    wear = sum(model.cycle_cost_krw_per_kwh * model.discharge_kw[t] for t in model.t) if model.shape.battery else 0.0
    demand = sum(model.demand_charge_krw_per_kw[k] * model.peak_kw[k] for k in model.k)
    return model.shape.step_h * (energy + wear) + demand


def violation(model: pyo.ConcreteModel) -> pyo.Expression:
    """Σ Δt·(import_excess_kw + export_excess_kw + soc_excess_kwh) + final_shortage_kwh."""
    shape = model.shape
    excess = sum(model.import_excess_kw[t] + model.export_excess_kw[t] for t in model.t)
    if not shape.battery:
        return shape.step_h * excess
    return shape.step_h * (excess + sum(model.soc_excess_kwh[t] for t in model.t)) + model.final_shortage_kwh


def movement(model: pyo.ConcreteModel) -> pyo.Expression:
    """Σ ramp_up_kw + ramp_down_kw, and a thousandth of the power moved or curtailed."""
    ramps = sum(model.ramp_up_kw[t] + model.ramp_down_kw[t] for t in model.t)
    moved = sum(model.charge_kw[t] + model.discharge_kw[t] for t in model.t)
    curtailed = sum(model.curtail_kw[t] for t in model.t) if model.shape.curtailable else 0.0
    return ramps + THROUGHPUT_WEIGHT * (moved + curtailed)
