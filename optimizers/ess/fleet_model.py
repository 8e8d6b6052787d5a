"""Many sites in one Pyomo model: each is a block with the laws of `model`, and what they share couples the blocks.

The same blocks serve twice: as sites behind feeders and around shared batteries, and as one site's scenarios, which are
tied together in the steps that must be decided before it is known which of them comes true.
"""

from dataclasses import dataclass

import pyomo.environ as pyo

from optimizers.ess import model as site_model
from optimizers.ess.model import Shape

# The worst tenth of the scenarios is what caution looks at.
TAIL = 0.1


@dataclass(frozen=True, slots=True)
class FleetShape:
    """What decides the rows and columns of many sites' model.

    Args:
        sites: Each site's shape; all have the same steps, and are relaxed or exclusive alike.
        feeders: The sites behind each feeder.
        batteries: The sites that share each battery.
        tied_steps: First steps in which all sites' batteries do the same, as they are one site's scenarios.
        caution: 0 weighs scenarios by their mean cost, 1 by the mean cost of the worst tenth; None where the sites are
            no scenarios, and costs are summed.
    """

    sites: tuple[Shape, ...]
    feeders: tuple[tuple[int, ...], ...] = ()
    batteries: tuple[tuple[int, ...], ...] = ()
    tied_steps: int = 0
    caution: float | None = None

    @property
    def steps(self) -> int:
        """Steps of every site."""
        return self.sites[0].steps

    @property
    def relaxed(self) -> bool:
        """Limits may give way."""
        return self.sites[0].relaxed


def number_names(shape: FleetShape) -> dict[str, int]:
    """Return the numbers that rows and objectives use, with their length, in order."""
    names: dict[str, int] = {}
    for s, site in enumerate(shape.sites):
        names |= {f"site[{s}].{name}": length for name, length in site_model.number_names(site).items()}
    if shape.feeders:
        names |= dict.fromkeys(("feeder_import_kw", "feeder_export_kw"), len(shape.feeders))
    if shape.batteries:
        names |= dict.fromkeys(("shared_charge_kw", "shared_discharge_kw"), len(shape.batteries))
    if shape.relaxed and shape.sites[0].exclusive:
        names["fleet_violation_max"] = 1
    return names


def build(shape: FleetShape) -> pyo.ConcreteModel:
    """Build the model of a shape with all its numbers left open as variables."""
    model = pyo.ConcreteModel()
    model.shape = shape
    model.t = pyo.RangeSet(0, shape.steps - 1)
    model.site = pyo.Block(range(len(shape.sites)))
    for s, site in enumerate(shape.sites):
        site_model.add_site(model.site[s], site, None)
    _add_feeders(model)
    _add_shared_batteries(model)
    _add_scenarios(model)
    model.cost_krw = pyo.Objective(expr=cost_krw(model))
    if shape.relaxed:
        model.violation = pyo.Objective(expr=violation(model))
        if shape.sites[0].exclusive:
            model.fleet_violation_max = pyo.Var()
            model.fleet_violation_cap = pyo.Constraint(expr=violation(model) - model.fleet_violation_max <= 0.0)
    return model


def _add_feeders(model: pyo.ConcreteModel) -> None:
    model.f = range(len(model.shape.feeders))
    if model.f:
        model.feeder_import_kw, model.feeder_export_kw = pyo.Var(model.f), pyo.Var(model.f)
        if model.shape.relaxed:
            model.feeder_import_excess_kw = pyo.Var(model.f, model.t)
            model.feeder_export_excess_kw = pyo.Var(model.f, model.t)
        model.feeder_import_cap = pyo.Constraint(model.f, model.t, rule=feeder_import)
        model.feeder_export_cap = pyo.Constraint(model.f, model.t, rule=feeder_export)


def _add_shared_batteries(model: pyo.ConcreteModel) -> None:
    model.b = range(len(model.shape.batteries))
    if model.b:
        model.shared_charge_kw, model.shared_discharge_kw = pyo.Var(model.b), pyo.Var(model.b)
        if model.shape.sites[0].exclusive:
            model.shared_is_charging = pyo.Var(model.b, model.t)
        model.shared_charging = pyo.Constraint(model.b, model.t, rule=shared_charge)
        model.shared_discharging = pyo.Constraint(model.b, model.t, rule=shared_discharge)


def _add_scenarios(model: pyo.ConcreteModel) -> None:
    shape = model.shape
    if shape.tied_steps:
        others, steps = range(1, len(shape.sites)), range(shape.tied_steps)
        model.tied_charge = pyo.Constraint(others, steps, rule=one_charge)
        model.tied_discharge = pyo.Constraint(others, steps, rule=one_discharge)
    if shape.caution:
        scenarios = range(len(shape.sites))
        model.tail_from_krw = pyo.Var()
        model.tail_excess_krw = pyo.Var(scenarios)
        model.tail = pyo.Constraint(scenarios, rule=tail_cost)


def feeder_import(model: pyo.ConcreteModel, f: int, t: int) -> pyo.Expression:
    """Σ import_kw - export_kw of the feeder's sites ≤ feeder_import_kw (+ excess)."""
    excess_kw = model.feeder_import_excess_kw[f, t] if model.shape.relaxed else 0.0
    return _through_kw(model, f, t) - excess_kw - model.feeder_import_kw[f] <= 0.0


def feeder_export(model: pyo.ConcreteModel, f: int, t: int) -> pyo.Expression:
    """Σ export_kw - import_kw of the feeder's sites ≤ feeder_export_kw (+ excess)."""
    excess_kw = model.feeder_export_excess_kw[f, t] if model.shape.relaxed else 0.0
    return -_through_kw(model, f, t) - excess_kw - model.feeder_export_kw[f] <= 0.0


def shared_charge(model: pyo.ConcreteModel, b: int, t: int) -> pyo.Expression:
    """Σ charge_kw of those who share battery b ≤ shared_charge_kw (·shared_is_charging)."""
    charge_kw = sum(model.site[s].charge_kw[t] for s in model.shape.batteries[b])
    free = model.shared_is_charging[b, t] if model.shape.sites[0].exclusive else 1.0
    return charge_kw - model.shared_charge_kw[b] * free <= 0.0


def shared_discharge(model: pyo.ConcreteModel, b: int, t: int) -> pyo.Expression:
    """Σ discharge_kw of those who share battery b ≤ shared_discharge_kw (·(1 - shared_is_charging))."""
    discharge_kw = sum(model.site[s].discharge_kw[t] for s in model.shape.batteries[b])
    taken = model.shared_is_charging[b, t] if model.shape.sites[0].exclusive else 0.0
    return discharge_kw - model.shared_discharge_kw[b] + model.shared_discharge_kw[b] * taken <= 0.0


def one_charge(model: pyo.ConcreteModel, s: int, t: int) -> pyo.Expression:
    """charge_kw of every scenario = charge_kw of the first, in the steps that are decided now."""
    return model.site[s].charge_kw[t] - model.site[0].charge_kw[t] == 0.0


def one_discharge(model: pyo.ConcreteModel, s: int, t: int) -> pyo.Expression:
    """discharge_kw of every scenario = discharge_kw of the first, in the steps that are decided now."""
    return model.site[s].discharge_kw[t] - model.site[0].discharge_kw[t] == 0.0


def tail_cost(model: pyo.ConcreteModel, s: int) -> pyo.Expression:
    """tail_excess_krw[s] ≥ cost of scenario s - tail_from_krw."""
    return model.tail_excess_krw[s] + model.tail_from_krw - site_model.cost_krw(model.site[s]) >= 0.0


def cost_krw(model: pyo.ConcreteModel) -> pyo.Expression:
    """Σ cost of the sites; of scenarios, their mean and the mean of the worst tenth (CVaR), weighed by caution."""
    caution = model.shape.caution
    count = len(model.shape.sites)
    total = sum(site_model.cost_krw(model.site[s]) for s in range(count))
    if caution is None:
        return total
    mean = (1.0 - caution) / count * total
    if not caution:
        return mean
    excess = sum(model.tail_excess_krw[s] for s in range(count))
    return mean + caution * (model.tail_from_krw + excess / (TAIL * count))


def violation(model: pyo.ConcreteModel) -> pyo.Expression:
    """Σ violation of the sites, and Δt·excess of the feeders."""
    own = sum(site_model.violation(model.site[s]) for s in range(len(model.shape.sites)))
    excess = sum(
        model.feeder_import_excess_kw[f, t] + model.feeder_export_excess_kw[f, t] for f in model.f for t in model.t
    )
    return own + model.shape.sites[0].step_h * excess


def _through_kw(model: pyo.ConcreteModel, f: int, t: int) -> pyo.Expression:
    return sum(model.site[s].import_kw[t] - model.site[s].export_kw[t] for s in model.shape.feeders[f])
