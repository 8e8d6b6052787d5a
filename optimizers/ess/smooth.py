"""Among plans of equal cost, find the one whose battery moves least: cost can't change on the LP's optimal face.

Where binaries chose directions, others may cost the same and move less: a MILP chooses them anew, under a cap on cost.
"""

from dataclasses import replace

import numpy as np

from optimizers.ess.case import Case
from optimizers.ess.compiled import compile_shape, stamp
from optimizers.ess.formulate import Directions, bounds_of, numbers_of
from optimizers.ess.optimum import (
    FLOW_TOLERANCE_KW,
    VIOLATION_SLACK,
    Goal,
    Optimum,
    choose_directions,
    in_directions,
    opposed,
    optimal_face,
    read_plan,
)
from optimizers.ess.plan import PowerPlan, cost_krw, total_violation, violations
from optimizers.ess.solver import Solver, SolverFailed

# Smoothing may change cost and violation by rounding only; otherwise the plan stands as it was.
RELATIVE_TOLERANCE = 1e-9
# A plan that moves less is worth less of a search than one that costs less.
NODES_MAX = 100
PROVED_GAP = 1e-6


def smoothest(solver: Solver, best: Optimum) -> PowerPlan:
    """Return the plan of the same cost whose battery ramps least; the optimum's own where no other can be shown."""
    if best.case.battery is None:
        return best.plan
    # Where the search for the least cost ended early, one for the least movement would not get anywhere.
    if best.milp and max(best.gap, best.violation_gap) <= PROVED_GAP:
        best = _turned(solver, best)
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


def _turned(solver: Solver, best: Optimum) -> Optimum:
    """Return the optimum in the directions of the plan that moves least, of all that cost as much."""
    case, plan = best.case, best.plan
    cost, violation = cost_krw(case, plan), total_violation(case, violations(case, plan))
    goal = Goal(
        "movement",
        violation_max=violation + VIOLATION_SLACK * max(1.0, violation),
        cost_krw_max=cost + RELATIVE_TOLERANCE * max(1.0, abs(cost)),
        nodes_max=NODES_MAX,
    )
    try:
        chosen = choose_directions(solver, case, np.ones(case.steps, bool), goal, relaxed=best.relaxed, known=plan)
        turned = None if chosen is None else in_directions(solver, case, chosen.directions, relaxed=best.relaxed)
    except SolverFailed:
        return best
    return best if turned is None or opposed(turned).any() or not _as_good(case, turned.plan, plan) else turned


def _least_movement(solver: Solver, best: Optimum, directions: Directions) -> PowerPlan | None:
    compiled = compile_shape(best.compiled.shape.smoothed())
    bounds = bounds_of(best.case, relaxed=best.relaxed, directions=directions)
    arrays = optimal_face(best.arrays, best.answer, stamp(compiled, numbers_of(best.case), bounds, "movement"))
    answer = solver.optimum(arrays, series=compiled.shape)
    return None if answer is None else read_plan(best.case, compiled, answer.x)


def _as_good(case: Case, plan: PowerPlan, best: PowerPlan) -> bool:
    cost, best_cost = cost_krw(case, plan), cost_krw(case, best)
    if cost > best_cost + RELATIVE_TOLERANCE * max(1.0, abs(best_cost)):
        return False
    violation = total_violation(case, violations(case, plan))
    best_violation = total_violation(case, violations(case, best))
    return violation <= best_violation + RELATIVE_TOLERANCE * max(1.0, best_violation)
