"""The same problem written a second time, straight in highspy with binaries in every step, to compare costs with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from optimizers.ess.case import Battery, Case, DemandCharge


@dataclass
class Reference:
    """Least violation of a case, and its least cost at that violation."""

    violation: float
    cost_krw: float


def reference(case: Case) -> Reference:
    """Solve a case as one MILP with soft limits: for violation, then for cost with the violation capped.

    A cap of exactly the least violation leaves the solver no room, so the cost there is extrapolated from two caps:
    cost is piecewise linear in the cap.
    """
    problem = _Problem(case)
    violation = problem.least(problem.violation)
    room = 1e-6
    cap = problem.highs.addConstr(problem.violation <= violation + 2 * room)
    farther = problem.least(problem.cost)
    problem.highs.changeRowBounds(cap.index, -math.inf, violation + room)
    return Reference(violation, 2 * problem.least(problem.cost) - farther)


class _Problem:
    def __init__(self, case: Case) -> None:
        self.case = case
        self.highs = highs = highspy.Highs()  # type: ignore[no-untyped-call] # its constructor is not annotated
        for option, setting in (
            ("output_flag", False),
            ("mip_rel_gap", 0.0),
            ("mip_abs_gap", 1e-9),
            ("mip_feasibility_tolerance", 1e-9),
            ("primal_feasibility_tolerance", 1e-9),
        ):
            highs.setOptionValue(option, setting)
        hours = case.step_minutes / 60.0
        steps = range(len(case.load_kw))
        self.bought = np.zeros(len(case.load_kw)) if case.bought_kw is None else case.bought_kw
        self.sold = np.zeros(len(case.load_kw)) if case.sold_kw is None else case.sold_kw
        # No flow of a drawn case can exceed all loads, suns, trades and converters together.
        most = 1.0 + max(case.load_kw) + max(case.pv_kw) + (case.battery.max_charge_kw if case.battery else 0.0)
        most += max(self.bought) + max(self.sold) + (case.battery.max_discharge_kw if case.battery else 0.0)
        brought = [highs.addVariable(0, most) for _ in steps]
        sent = [highs.addVariable(0, most) for _ in steps]
        unused = [highs.addVariable(0, case.pv_kw[t] if case.pv_curtailable else 0.0) for t in steps]
        buying = [highs.addBinary() for _ in steps]
        for t in steps:
            highs.addConstr(brought[t] <= most * buying[t])
            highs.addConstr(sent[t] <= most - most * buying[t])
        self.violation: Any = sum(
            (hours * self._soft(flow, limit) for flows, limit in self._limited(brought, sent) for flow in flows),
            start=highs.expr(),
        )
        self.cost: Any = sum(
            (
                hours * case.price_buy_krw_per_kwh[t] * brought[t] - hours * case.price_sell_krw_per_kwh[t] * sent[t]
                for t in steps
            ),
            start=highs.expr(),
        )
        into = [highs.expr() for _ in steps] if case.battery is None else self._store(case.battery, hours)
        for t in steps:
            net = float(case.load_kw[t] - case.pv_kw[t] + self.sold[t] - self.bought[t])
            highs.addConstr(brought[t] - sent[t] - unused[t] - into[t] == net)
        self._demand(brought, sent)

    def least(self, objective: Any) -> float:
        self.highs.minimize(objective)
        assert self.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return float(self.highs.getInfo().objective_function_value)

    def _limited(self, brought: Sequence[Any], sent: Sequence[Any]) -> list[tuple[Sequence[Any], float]]:
        pairs = [(brought, self.case.import_limit_kw), (sent, self.case.export_limit_kw)]
        return [(flows, limit) for flows, limit in pairs if limit is not None]

    def _soft(self, flow: Any, limit: float) -> Any:
        excess = self.highs.addVariable(0, math.inf)
        self.highs.addConstr(flow - excess <= limit)
        return excess

    def _store(self, battery: Battery, hours: float) -> list[Any]:
        """Add the battery; return what it draws in each step, net."""
        highs = self.highs
        full = battery.capacity_kwh
        before: Any = battery.soc_initial * full
        drawn = []
        for _ in self.case.load_kw:
            charge = highs.addVariable(0, battery.max_charge_kw)
            discharge = highs.addVariable(0, battery.max_discharge_kw)
            charging = highs.addBinary()
            highs.addConstr(charge <= battery.max_charge_kw * charging)
            highs.addConstr(discharge <= battery.max_discharge_kw - battery.max_discharge_kw * charging)
            stored = highs.addVariable(0, full)
            gain = hours * battery.charge_efficiency * charge - hours / battery.discharge_efficiency * discharge
            highs.addConstr(stored - gain == before)
            outside = highs.addVariable(0, math.inf)
            highs.addConstr(stored - outside <= battery.soc_max * full)
            highs.addConstr(stored + outside >= battery.soc_min * full)
            self.violation += hours * outside
            self.cost += hours * battery.cycle_cost_krw_per_kwh * discharge
            drawn.append(charge - discharge)
            before = stored
        shortage = highs.addVariable(0, math.inf)
        highs.addConstr(before + shortage >= battery.soc_final_min * full)
        self.violation += shortage
        return drawn

    def _demand(self, brought: Sequence[Any], sent: Sequence[Any]) -> None:
        case = self.case
        width = max(1, round(case.demand_window_minutes / case.step_minutes))
        first = DemandCharge(
            charge_krw_per_kw=case.demand_charge_krw_per_kw, prior_peak_kw=case.prior_peak_kw, counts=case.demand_counts
        )
        for demand in (first, *case.more_demand):
            peak = self.highs.addVariable(demand.prior_peak_kw, math.inf)
            for start in range(0, len(brought), width):
                window = range(start, min(start + width, len(brought)))
                metered = self.highs.expr()
                for t in window:
                    if demand.counts is None or demand.counts[t]:
                        metered += brought[t] - (sent[t] if len(window) == 1 else 0.0)
                        metered += float(self.bought[t] - self.sold[t])
                self.highs.addConstr(len(window) * peak >= metered)
            self.cost += demand.charge_krw_per_kw * peak
