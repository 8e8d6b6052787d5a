"""Among plans of equal cost, find the one whose battery moves least: cost can't change on the LP's optimal face."""

from dataclasses import replace

import numpy as np

from optimizers.ess.case import Case
from optimizers.ess.compiled import compile_shape, stamp
from optimizers.ess.formulate import Directions, bounds_of, numbers_of
from optimizers.ess.optimum import FLOW_TOLERANCE_KW, Optimum, optimal_face, read_plan
from optimizers.ess.plan import Plan, cost_krw, total_violation, violations
from optimizers.ess.solver import Solver

# Smoothing may change cost and violation by rounding only; otherwise the plan stands as it was.
RELATIVE_TOLERANCE = 1e-9


def smoothest(solver: Solver, best: Optimum) -> Plan:
    """Return the plan of the same cost whose battery ramps least; the optimum's own where no other can be shown."""
    if best.case.battery is None:
        return best.plan
    directions = best.directions
    # A battery that may burn energy for nothing can ramp less by it: the second attempt forbids that where it did.
    for _ in range(2):
        plan = _least_movement(solver, best, directions)
        if plan is None or not _as_good(best.case, plan, best.plan):
            return best.plan
        both = np.minimum(plan.charge_kw, plan.discharge_kw) > FLOW_TOLERANCE_KW
        if not both.any():
            return plan
        charging = best.plan.charge_kw > best.plan.discharge_kw
        directions = replace(
            directions,
            charge=directions.charge | (both & ~charging),
            discharge=directions.discharge | (both & charging),
        )
    return best.plan


def _least_movement(solver: Solver, best: Optimum, directions: Directions) -> Plan | None:
    compiled = compile_shape(best.compiled.shape.smoothed())
    bounds = bounds_of(best.case, relaxed=best.relaxed, directions=directions)
    arrays = optimal_face(best.arrays, best.answer, stamp(compiled, numbers_of(best.case), bounds, "movement"))
    answer = solver.optimum(arrays, series=compiled.shape)
    return None if answer is None else read_plan(best.case, compiled, answer.x)


def _as_good(case: Case, plan: Plan, best: Plan) -> bool:
    cost, best_cost = cost_krw(case, plan), cost_krw(case, best)
    if cost > best_cost + RELATIVE_TOLERANCE * max(1.0, abs(best_cost)):
        return False
    violation = total_violation(case, violations(case, plan))
    best_violation = total_violation(case, violations(case, best))
    return violation <= best_violation + RELATIVE_TOLERANCE * max(1.0, best_violation)
