"""Among plans of equal cost, find the one whose battery moves least.

The optimal answers of an LP are those that keep every column with a reduced cost at its bound and every row with a
dual at its limit. Held there, cost can't change, and movement is minimised over what is left free.
"""

from dataclasses import replace

import numpy as np

from optimizers.ess.case import Case
from optimizers.ess.compiled import Arrays, compile_shape, stamp
from optimizers.ess.formulate import Directions, bounds_of, numbers_of
from optimizers.ess.optimum import FLOW_TOLERANCE_KW, Optimum, read_plan
from optimizers.ess.plan import Plan, cost_krw, total_violation, violations
from optimizers.ess.solver import Solver

# A price below this is the solver's rounding [KRW per unit of a column or row].
PRICE_TOLERANCE = 1e-7
# Smoothing may change cost and violation by rounding only; otherwise the plan stands as it was.
RELATIVE_TOLERANCE = 1e-9


def smoothest(solver: Solver, best: Optimum) -> Plan:
    """Return the plan of the same cost whose battery ramps least; the optimum's own where no other can be shown."""
    case = best.problem.case
    if case.battery is None:
        return best.plan
    directions = best.directions
    # A battery that may burn energy for nothing can ramp less by it: the second attempt forbids that where it did.
    for _ in range(2):
        plan = _least_movement(solver, best, directions)
        if plan is None or not _as_good(case, plan, best.plan):
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
    problem = best.problem
    compiled = compile_shape(best.compiled.shape.smoothed())
    bounds = bounds_of(problem.case, relaxed=problem.relaxed, directions=directions)
    numbers = numbers_of(problem.case, violation_max=problem.violation_max)
    answer = solver.optimum(_optimal_face(best, stamp(compiled, numbers, bounds, "movement")))
    return None if answer is None else read_plan(problem.case, compiled, answer.x)


def _optimal_face(best: Optimum, arrays: Arrays) -> Arrays:
    """Hold the columns and rows that a smoothed shape shares with the optimum's wherever they bear a price."""
    answer = best.answer
    priced_columns = np.flatnonzero(np.abs(answer.reduced_costs) > PRICE_TOLERANCE)
    priced_rows = np.flatnonzero(np.abs(answer.row_duals) > PRICE_TOLERANCE)
    lower, upper = arrays.lower.copy(), arrays.upper.copy()
    row_lower, row_upper = arrays.row_lower.copy(), arrays.row_upper.copy()
    lower[priced_columns] = upper[priced_columns] = answer.x[priced_columns]
    # An equality's own right-hand side is exact; the solver's activity would add its rounding.
    row_lower[priced_rows] = row_upper[priced_rows] = np.where(
        answer.row_duals[priced_rows] > 0.0, best.arrays.row_lower[priced_rows], best.arrays.row_upper[priced_rows]
    )
    return replace(arrays, lower=lower, upper=upper, row_lower=row_lower, row_upper=row_upper)


def _as_good(case: Case, plan: Plan, best: Plan) -> bool:
    cost, best_cost = cost_krw(case, plan), cost_krw(case, best)
    violation = total_violation(case, violations(case, plan))
    best_violation = total_violation(case, violations(case, best))
    return cost <= best_cost + RELATIVE_TOLERANCE * max(
        1.0, abs(best_cost)
    ) and violation <= best_violation + RELATIVE_TOLERANCE * max(1.0, best_violation)
