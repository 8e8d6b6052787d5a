"""Find a case's least-cost plan: LP first, binaries only where its answer fails, limits given way only if they must."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from optimizers.ess.case import Case
from optimizers.ess.compiled import Arrays, Compiled, compile_shape, stamp
from optimizers.ess.formulate import Directions, bounds_of, numbers_of, shape_of
from optimizers.ess.model import Shape
from optimizers.ess.plan import PowerPlan, plan_of
from optimizers.ess.solver import SolvedArrays, Solver, SolverFailed
from shared.arrays import Flags, Floats

# Flows below this are the solver's rounding (1e-9) after a few sums, not a decision.
FLOW_TOLERANCE_KW = 1e-6
# Room above the least violation for a MILP to work in; the LP that follows leaves none.
VIOLATION_SLACK = 1e-8
# A price below this is the solver's rounding [objective per unit of a column or row].
PRICE_TOLERANCE = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """A least-cost plan and the LP it was read from.

    Args:
        case: What was solved.
        plan: The plan.
        relaxed: Limits gave way, by the least violation.
        directions: Flows that binaries ruled out, where any were needed.
        compiled: The LP's shape.
        arrays: The LP.
        answer: The LP's answer.
        milp: Binaries were needed.
        gap: Relative gap of the MILP; 0 where none was needed.
        violation_gap: The same of the MILP that found the least violation.
    """

    case: Case
    plan: PowerPlan
    relaxed: bool
    directions: Directions
    compiled: Compiled[Shape]
    arrays: Arrays
    answer: SolvedArrays
    milp: bool = False
    gap: float = 0.0
    violation_gap: float = 0.0


def best_plan(solver: Solver, case: Case) -> Optimum:
    """Return the least-cost plan, or where the limits can't be met the least-cost one of the least violation."""
    kept = _with_one_direction(solver, case)
    return _freed(solver, _relaxed(solver, case) if kept is None else kept)


def opposed(best: Optimum) -> Flags:
    """Return the steps in which an answer needs opposite flows at once.

    Import and export together only ever earn where selling pays more than buying costs; elsewhere the plan has
    already netted them at no cost. Charge and discharge together that are still in the plan burn energy.
    """
    columns, x = best.compiled.columns, best.answer.x
    return flows_opposed(best.case, best.plan, np.minimum(x[columns["import_kw"]], x[columns["export_kw"]]))


def flows_opposed(case: Case, plan: PowerPlan, circling_kw: Floats) -> Flags:
    """Return the steps in which a plan needs opposite flows; `circling_kw` is imported and exported at once."""
    earning = case.price_sell_krw_per_kwh > case.price_buy_krw_per_kwh
    battery_kw = np.minimum(plan.charge_kw, plan.discharge_kw)
    opposed_flows: Flags = (earning & (circling_kw > FLOW_TOLERANCE_KW)) | (battery_kw > FLOW_TOLERANCE_KW)
    return opposed_flows


def read_plan(case: Case, compiled: Compiled[Shape], x: Floats) -> PowerPlan:
    """Read the plan from a solver's columns."""
    zero = np.zeros(case.steps)
    flows = [
        x[compiled.columns[family]] if family in compiled.columns else zero
        for family in ("charge_kw", "discharge_kw", "curtail_kw")
    ]
    return plan_of(case, *flows)


def optimal_face(solved: Arrays, answer: SolvedArrays, wanted: Arrays) -> Arrays:
    """Restrict arrays to the answers that are optimal for others.

    Those are the ones that keep every column with a reduced cost at its bound and every row with a dual at its limit.

    Args:
        solved: The arrays that were solved.
        answer: Their answer.
        wanted: Arrays whose first rows and columns are those of `solved`, with another objective.
    """
    columns, rows = len(solved.cost), len(solved.row_lower)
    lower, upper = wanted.lower.copy(), wanted.upper.copy()
    row_lower, row_upper = wanted.row_lower.copy(), wanted.row_upper.copy()
    at_lower, at_upper = answer.reduced_costs > PRICE_TOLERANCE, answer.reduced_costs < -PRICE_TOLERANCE
    lower[:columns] = np.where(at_upper, solved.upper, np.maximum(solved.lower, lower[:columns]))
    upper[:columns] = np.where(at_lower, solved.lower, np.minimum(solved.upper, upper[:columns]))
    at_lower, at_upper = answer.row_duals > PRICE_TOLERANCE, answer.row_duals < -PRICE_TOLERANCE
    row_lower[:rows] = np.where(at_upper, solved.row_upper, solved.row_lower)
    row_upper[:rows] = np.where(at_lower, solved.row_lower, solved.row_upper)
    return replace(wanted, lower=lower, upper=upper, row_lower=row_lower, row_upper=row_upper)


def _with_one_direction(solver: Solver, case: Case) -> Optimum | None:
    """Return the optimum that keeps every limit, or None where they contradict each other."""
    best = _linear(solver, case, Directions.free(case.steps))
    if best is None:
        return None
    broken = opposed(best)
    if not broken.any():
        return best
    for steps in (broken, np.ones_like(broken)):
        chosen = choose_directions(solver, case, steps, Goal("cost_krw"), relaxed=False)
        if chosen is None:
            return None
        best = in_directions(solver, case, chosen.directions, relaxed=False)
        best = replace(best, milp=True, gap=chosen.answer.gap)
        if not opposed(best).any():
            return best
    raise SolverFailed("binaries in every step must leave one direction in each")


def _relaxed(solver: Solver, case: Case) -> Optimum:
    """Return the least-cost plan of the least violation."""
    best = _lexicographic(solver, case, Directions.free(case.steps))
    if not opposed(best).any():
        return best
    every_step = np.ones(case.steps, bool)
    lowest = choose_directions(solver, case, every_step, Goal("violation"), relaxed=True)
    if lowest is not None:
        cap = max(0.0, lowest.answer.objective) * (1.0 + VIOLATION_SLACK) + VIOLATION_SLACK
        # The least violation leaves little room: the search begins where it was found.
        goal = Goal("cost_krw", violation_max=cap)
        chosen = choose_directions(solver, case, every_step, goal, relaxed=True, known=lowest.plan)
        if chosen is not None:
            best = in_directions(solver, case, chosen.directions, relaxed=True)
            return replace(best, milp=True, gap=chosen.answer.gap, violation_gap=lowest.answer.gap)
    raise SolverFailed("a relaxed case must have a plan, HiGHS found none")


def _freed(solver: Solver, best: Optimum) -> Optimum:
    """Solve again in the directions of an optimum, so that no bound on the site's reach shares a dual of the balance.

    Such bounds stand where selling pays more than buying costs and no direction was chosen (see `bounds_of`).
    """
    case, closed, plan = best.case, best.directions, best.plan
    bounded = (case.price_sell_krw_per_kwh > case.price_buy_krw_per_kwh) & ~closed.import_ & ~closed.export
    if not bounded.any():
        return best
    exporting = plan.export_kw > plan.import_kw
    directions = replace(
        closed, import_=closed.import_ | (bounded & exporting), export=closed.export | (bounded & ~exporting)
    )
    freed = in_directions(solver, case, directions, relaxed=best.relaxed)
    # Of plans of equal cost the second answer may be one that burns energy: then the first stands.
    return (
        best if opposed(freed).any() else replace(freed, milp=best.milp, gap=best.gap, violation_gap=best.violation_gap)
    )


@dataclass(frozen=True, slots=True)
class Goal:
    """What a MILP minimises, and what it may not exceed meanwhile."""

    objective: Literal["violation", "cost_krw", "movement"]
    violation_max: float = np.inf
    cost_krw_max: float = np.inf
    nodes_max: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """A MILP's answer, and the flows that its binaries rule out."""

    answer: SolvedArrays
    directions: Directions
    plan: PowerPlan


def _linear(solver: Solver, case: Case, directions: Directions) -> Optimum | None:
    compiled = compile_shape(shape_of(case))
    arrays = stamp(compiled, numbers_of(case), bounds_of(case, directions=directions), "cost_krw")
    answer = solver.optimum(arrays, series=compiled.shape)
    if answer is None:
        return None
    plan = read_plan(case, compiled, answer.x)
    return Optimum(case, plan, relaxed=False, directions=directions, compiled=compiled, arrays=arrays, answer=answer)


def _lexicographic(solver: Solver, case: Case, directions: Directions) -> Optimum:
    """Minimise the violation, then among its optimal answers the cost."""
    compiled = compile_shape(shape_of(case, relaxed=True))
    bounds = bounds_of(case, relaxed=True, directions=directions)
    numbers = numbers_of(case)
    violating = stamp(compiled, numbers, bounds, "violation")
    lowest = solver.optimum(violating, series=compiled.shape)
    if lowest is not None:
        arrays = optimal_face(violating, lowest, stamp(compiled, numbers, bounds, "cost_krw"))
        answer = solver.optimum(arrays, basis=lowest.basis)
        if answer is not None:
            plan = read_plan(case, compiled, answer.x)
            return Optimum(
                case, plan, relaxed=True, directions=directions, compiled=compiled, arrays=arrays, answer=answer
            )
    raise SolverFailed("a relaxed case must have a plan, HiGHS found none in the directions it was given")


def in_directions(solver: Solver, case: Case, directions: Directions, *, relaxed: bool) -> Optimum:
    """Solve the LP of directions that a plan has: exact flows, and duals.

    Raises:
        SolverFailed: No plan has these directions.
    """
    if relaxed:
        return _lexicographic(solver, case, directions)
    optimum = _linear(solver, case, directions)
    if optimum is None:
        raise SolverFailed("directions that have a plan must have an LP answer")
    return optimum


def choose_directions(
    solver: Solver, case: Case, steps: Flags, goal: Goal, *, relaxed: bool, known: PowerPlan | None = None
) -> Chosen | None:
    """Choose directions with binaries in some steps.

    Args:
        solver: The solver.
        case: The case.
        steps: Where directions must be chosen.
        goal: What to minimise, under which caps.
        relaxed: Limits may give way.
        known: A plan that keeps the caps, for where the search ends early.
    """
    shape = shape_of(case, relaxed=relaxed, exclusive=True)
    compiled = compile_shape(shape.smoothed() if goal.objective == "movement" else shape)
    numbers = numbers_of(case, violation_max=goal.violation_max, cost_krw_max=goal.cost_krw_max)
    arrays = stamp(compiled, numbers, bounds_of(case, relaxed=relaxed), goal.objective)
    integral = np.zeros(compiled.column_count, bool)
    for family in ("is_importing", "is_charging"):
        if family in compiled.columns:
            integral[compiled.columns[family]] = steps
    whole = None if known is None else _binaries(compiled, known)
    answer = solver.whole_optimum(arrays, integral, known=whole, nodes_max=goal.nodes_max)
    if answer is None:
        return None
    return Chosen(answer, _directions(compiled, answer, steps), read_plan(case, compiled, answer.x))


def _binaries(compiled: Compiled[Shape], plan: PowerPlan) -> Floats:
    """Return the values of all columns with the binaries that a plan's directions have."""
    whole = np.zeros(compiled.column_count)
    whole[compiled.columns["is_importing"]] = plan.import_kw > plan.export_kw
    if "is_charging" in compiled.columns:
        whole[compiled.columns["is_charging"]] = plan.charge_kw > plan.discharge_kw
    return whole


def _directions(compiled: Compiled[Shape], answer: SolvedArrays, steps: Flags) -> Directions:
    importing = answer.x[compiled.columns["is_importing"]] > 0.5  # noqa: PLR2004 -- halfway between no and yes
    charging = np.zeros_like(importing)
    if "is_charging" in compiled.columns:
        charging = answer.x[compiled.columns["is_charging"]] > 0.5  # noqa: PLR2004 -- as above
    return Directions(
        charge=steps & ~charging, discharge=steps & charging, import_=steps & ~importing, export=steps & importing
    )
