"""What follows from a battery's and a curtailment's power: grid flows, stored energy, peak, cost, violations."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from optimizers.ess.case import Case, DemandCharge, LimitName, Violation
from shared.arrays import Floats

# The solver answers to 1e-9; what is smaller is dust and would show as a movement that no one decided.
DUST = 1e-9
# A limit exceeded by less is not a violation that a person or a meter could see.
VIOLATION_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class PowerPlan:
    """The powers of each step, and the energy stored at its end."""

    charge_kw: Floats
    discharge_kw: Floats
    curtail_kw: Floats
    import_kw: Floats
    export_kw: Floats
    soc_kwh: Floats


def plan_of(case: Case, charge_kw: Floats, discharge_kw: Floats, curtail_kw: Floats) -> PowerPlan:
    """Complete a plan: import and export are what is missing or left over, so never both.

    Equal flows in and out of a battery without losses do nothing, so they are netted; with losses they stay, and
    `is_exclusive` says so.
    """
    charge_kw, discharge_kw, curtail_kw = (_cleaned(power_kw) for power_kw in (charge_kw, discharge_kw, curtail_kw))
    battery = case.battery
    if battery is not None and battery.charge_efficiency == 1.0 == battery.discharge_efficiency:
        both_kw = np.minimum(charge_kw, discharge_kw)
        charge_kw, discharge_kw = charge_kw - both_kw, discharge_kw - both_kw
    net_kw = case.residual_load_kw + curtail_kw + charge_kw - discharge_kw
    net_kw = np.where(np.abs(net_kw) < DUST, 0.0, net_kw)
    return PowerPlan(
        charge_kw=charge_kw,
        discharge_kw=discharge_kw,
        curtail_kw=np.minimum(curtail_kw, case.pv_kw),
        import_kw=np.maximum(net_kw, 0.0),
        export_kw=np.maximum(-net_kw, 0.0),
        soc_kwh=_stored_kwh(case, charge_kw, discharge_kw),
    )


def idle_plan(case: Case) -> PowerPlan:
    """Return the plan that neither uses the battery nor curtails."""
    zero = np.zeros(case.steps)
    return plan_of(case, zero, zero, zero)


def peaks_kw(case: Case, plan: PowerPlan) -> Floats:
    """Return the peaks that are billed: for each, the prior one or the highest window mean that counts for it."""
    return np.array(
        [
            max(peak.prior_peak_kw, float(np.max(window_means_kw(case, plan, peak), initial=0.0)))
            for peak in case.demand_charges
        ]
    )


def window_means_kw(case: Case, plan: PowerPlan, peak: DemandCharge) -> Floats:
    """Return the mean that the meter sees in each demand window's steps that count; the last may have fewer steps."""
    starts = np.arange(0, case.steps, case.window_steps)
    lengths = np.diff(np.append(starts, case.steps))
    # Within one step import and export exclude each other, so that what the meter sees is what is left of both.
    alone = np.repeat(lengths == 1, lengths)
    seen_kw = plan.import_kw - alone * plan.export_kw + case.traded_kw
    counted_kw = seen_kw if peak.counts is None else seen_kw * peak.counts
    means: Floats = np.add.reduceat(counted_kw, starts) / lengths
    return means


def peak_value_krw_per_kw(case: Case, plan: PowerPlan) -> float:
    """Return what one more kW would cost at the highest demand of the plan: the charges of all peaks it sets."""
    charges = [
        peak.charge_krw_per_kw
        for peak, billed_kw in zip(case.demand_charges, peaks_kw(case, plan), strict=True)
        if np.max(window_means_kw(case, plan, peak)) >= billed_kw - VIOLATION_TOLERANCE
    ]
    return sum(charges, start=0.0)


def cost_krw(case: Case, plan: PowerPlan) -> float:
    """Return what a plan costs."""
    bought = float(case.price_buy_krw_per_kwh @ plan.import_kw)
    sold = float(case.price_sell_krw_per_kwh @ plan.export_kw)
    cycle_cost_krw_per_kwh = 0.0 if case.battery is None else case.battery.cycle_cost_krw_per_kwh
    worn = cycle_cost_krw_per_kwh * float(np.sum(plan.discharge_kw))
    charges_krw_per_kw = np.array([peak.charge_krw_per_kw for peak in case.demand_charges])
    return case.step_h * (bought - sold + worn) + float(charges_krw_per_kw @ peaks_kw(case, plan))


def violations(case: Case, plan: PowerPlan) -> tuple[Violation, ...]:
    """Return every limit that gives way, by step and then by name."""
    found: list[Violation] = []
    if case.import_limit_kw is not None:
        found += _exceeded("import_limit_kw", plan.import_kw - case.import_limit_kw)
    if case.export_limit_kw is not None:
        found += _exceeded("export_limit_kw", plan.export_kw - case.export_limit_kw)
    battery = case.battery
    if battery is not None:
        found += _exceeded("soc_min", battery.soc_min * battery.capacity_kwh - plan.soc_kwh)
        found += _exceeded("soc_max", plan.soc_kwh - battery.soc_max * battery.capacity_kwh)
        shortage_kwh = battery.soc_final_min * battery.capacity_kwh - plan.soc_kwh[-1]
        if shortage_kwh > VIOLATION_TOLERANCE:
            found.append(Violation("soc_final_min", case.steps - 1, float(shortage_kwh), "kWh"))
    return tuple(sorted(found, key=lambda violation: (violation.step, violation.limit)))


def total_violation(case: Case, found: tuple[Violation, ...]) -> float:
    """Return Σ Δt·(import excess kW + export excess kW + SoC band excess kWh) + final SoC shortage kWh."""
    return sum(v.excess if v.limit == "soc_final_min" else case.step_h * v.excess for v in found)


def _exceeded(limit: LimitName, excess: Floats) -> list[Violation]:
    unit: Literal["kW", "kWh"] = "kWh" if limit.startswith("soc") else "kW"
    steps = np.flatnonzero(excess > VIOLATION_TOLERANCE)
    return [Violation(limit, int(step), float(excess[step]), unit) for step in steps]


def _stored_kwh(case: Case, charge_kw: Floats, discharge_kw: Floats) -> Floats:
    battery = case.battery
    if battery is None:
        return np.zeros(case.steps)
    gain_kw = battery.charge_efficiency * charge_kw - discharge_kw / battery.discharge_efficiency
    stored_kwh: Floats = battery.soc_initial * battery.capacity_kwh + case.step_h * np.cumsum(gain_kw)
    return np.where(np.abs(stored_kwh) < DUST, 0.0, stored_kwh)


def _cleaned(power_kw: Floats) -> Floats:
    """Drop dust and the tiny negatives a solver may return."""
    return np.where(power_kw < DUST, 0.0, power_kw)
