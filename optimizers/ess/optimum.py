"""Find a case's least-cost plan: LP first, binaries only where its answer fails, limits given way only if they must."""

from dataclasses import dataclass, replace

import highspy
import numpy as np

from optimizers.ess.case import Case
from optimizers.ess.compiled import Arrays, Compiled, compile_shape, stamp
from optimizers.ess.formulate import Directions, Mask, bounds_of, numbers_of, shape_of
from optimizers.ess.model import Floats
from optimizers.ess.plan import Plan, plan_of
from optimizers.ess.solver import Answer, Solver, SolverFailed

# Flows below this are the solver's rounding (1e-9) after a few sums, not a decision.
FLOW_TOLERANCE_KW = 1e-6
# Room above the least violation for the solver to keep that row in; far below what a meter could see.
VIOLATION_SLACK = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A case with its objective, and how far its limits may give way.

    Args:
        case: The case.
        relaxed: Limits may give way.
        violation_max: Cap on the violation of a relaxed problem.
        objective: Name of the model's objective to minimise.
    """

    case: Case
    relaxed: bool = False
    violation_max: float = np.inf
    objective: str = "cost_krw"


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """A least-cost plan and the LP it was read from.

    Args:
        plan: The plan.
        problem: What was minimised.
        directions: Flows that binaries ruled out, where any were needed.
        compiled: The LP's shape.
        arrays: The LP.
        answer: The LP's answer.
        method: "milp" where binaries were needed.
        gap: Relative gap of the MILP; 0 where none was needed.
    """

    plan: Plan
    problem: Problem
    directions: Directions
    compiled: Compiled
    arrays: Arrays
    answer: Answer
    milp: bool
    gap: float


def best_plan(solver: Solver, case: Case, basis: highspy.HighsBasis | None = None) -> Optimum:
    """Return the least-cost plan, or where the limits can't be met the least-cost one of the least violation."""
    kept = exclusive_optimum(solver, Problem(case), basis)
    if kept is not None:
        return kept
    relaxed = Problem(case, relaxed=True, objective="violation")
    lowest = _linear(solver, relaxed, Directions.free(case.steps))
    if lowest is None:
        raise SolverFailed("a relaxed case must have a plan, HiGHS found none")
    # The linear answer is a lower bound; where a plan attains it, it is the least violation.
    found = exclusive_optimum(solver, _capped(case, lowest.answer.objective))
    if found is not None:
        return found
    every_step = np.ones(case.steps, bool)
    chosen = _with_binaries(solver, relaxed, every_step)
    found = None if chosen is None else exclusive_optimum(solver, _capped(case, chosen.answer.objective))
    if found is None:
        raise SolverFailed("a relaxed case must have a plan, HiGHS found none with one direction in each step")
    return found


def exclusive_optimum(solver: Solver, problem: Problem, basis: highspy.HighsBasis | None = None) -> Optimum | None:
    """Return the optimum with one direction in each step, or None where the limits contradict each other."""
    best = _linear(solver, problem, Directions.free(problem.case.steps), basis)
    if best is None:
        return None
    broken = opposed(best)
    if not broken.any():
        return best
    for integral in (broken, np.ones_like(broken)):
        best = _with_binaries(solver, problem, integral)
        if best is None or not opposed(best).any():
            return best
    raise SolverFailed("binaries in every step must leave one direction in each")


def opposed(best: Optimum) -> Mask:
    """Return the steps in which an answer needs opposite flows at once.

    Import and export together only ever earn where selling pays more than buying costs; elsewhere the plan has
    already netted them at no cost. Charge and discharge together that are still in the plan burn energy.
    """
    case, columns, x = best.problem.case, best.compiled.columns, best.answer.x
    grid_kw = np.minimum(x[columns["import_kw"]], x[columns["export_kw"]])
    earning = case.price_sell_krw_per_kwh > case.price_buy_krw_per_kwh
    battery_kw = np.minimum(best.plan.charge_kw, best.plan.discharge_kw)
    return (earning & (grid_kw > FLOW_TOLERANCE_KW)) | (battery_kw > FLOW_TOLERANCE_KW)


def read_plan(case: Case, compiled: Compiled, x: Floats) -> Plan:
    """Read the plan from a solver's columns."""
    zero = np.zeros(case.steps)
    flows = [
        x[compiled.columns[family]] if family in compiled.columns else zero
        for family in ("charge_kw", "discharge_kw", "curtail_kw")
    ]
    return plan_of(case, *flows)


def _linear(
    solver: Solver, problem: Problem, directions: Directions, basis: highspy.HighsBasis | None = None
) -> Optimum | None:
    case = problem.case
    compiled = compile_shape(shape_of(case, relaxed=problem.relaxed))
    bounds = bounds_of(case, relaxed=problem.relaxed, directions=directions)
    arrays = stamp(compiled, numbers_of(case, violation_max=problem.violation_max), bounds, problem.objective)
    answer = solver.optimum(arrays, basis=basis)
    if answer is None:
        return None
    plan = read_plan(case, compiled, answer.x)
    return Optimum(plan, problem, directions, compiled, arrays, answer, milp=False, gap=0.0)


def _with_binaries(solver: Solver, problem: Problem, steps: Mask) -> Optimum | None:
    """Choose directions with binaries in some steps, then solve the LP of those directions."""
    case = problem.case
    compiled = compile_shape(shape_of(case, relaxed=problem.relaxed, exclusive=True))
    bounds = bounds_of(case, relaxed=problem.relaxed)
    arrays = stamp(compiled, numbers_of(case, violation_max=problem.violation_max), bounds, problem.objective)
    integral = np.zeros(compiled.column_count, bool)
    for family in ("is_importing", "is_charging"):
        if family in compiled.columns:
            integral[compiled.columns[family]] = steps
    answer = solver.optimum(arrays, integral=integral)
    if answer is None:
        return None
    best = _linear(solver, problem, _directions(compiled, answer, steps))
    if best is None:
        raise SolverFailed("the directions of a MILP must have an LP answer")
    return replace(best, milp=True, gap=answer.gap)


def _directions(compiled: Compiled, answer: Answer, steps: Mask) -> Directions:
    importing = answer.x[compiled.columns["is_importing"]] > 0.5  # noqa: PLR2004 -- halfway between no and yes
    no_battery = np.zeros_like(importing)
    charging = no_battery
    if "is_charging" in compiled.columns:
        charging = answer.x[compiled.columns["is_charging"]] > 0.5  # noqa: PLR2004 -- as above
    return Directions(
        charge=steps & ~charging, discharge=steps & charging, import_=steps & ~importing, export=steps & importing
    )


def _capped(case: Case, least_violation: float) -> Problem:
    cap = max(0.0, least_violation) * (1.0 + VIOLATION_SLACK) + VIOLATION_SLACK
    return Problem(case, relaxed=True, violation_max=cap)
