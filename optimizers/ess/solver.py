"""Hand a stamped case to HiGHS and read its answer back."""

from collections.abc import Hashable
from dataclasses import dataclass
from time import perf_counter

import highspy
import numpy as np

from optimizers.ess.compiled import Arrays
from shared.arrays import Flags, Floats

# Tighter than HiGHS' 1e-7 and 1e-6, so that a plan can be checked to 1e-6 after its numbers are cleaned.
FEASIBILITY_TOLERANCE = 1e-9
# For many sites the last digits of the duals take a quarter of the time.
LARGE_TOLERANCE = 1e-7
# HiGHS' own for a MILP. Tighter ones it can't keep: at 1e-9 it cut off the best answer and proved another one optimal.
# The LP of the directions that a MILP chose gives exact flows.
MILP_FEASIBILITY_TOLERANCE, MILP_INTEGRALITY_TOLERANCE = 1e-7, 1e-6
# The cost of a MILP must equal an independent one to 1e-6.
RELATIVE_GAP = 1e-8
# Plenty for days of quarter hours in which opposite flows pay in every step (seconds); a week of those would take hours
# to prove the last 0.01 %, and then the gap says so. Counted in nodes, so that no answer depends on a machine's speed.
MILP_NODES_MAX = 2_000
# Two sums of the same numbers differ by less, whatever their size in won.
DUST = 1e-3
CHOOSE, DEVEX = -1, 1  # HiGHS' numbers for these dual edge weight strategies
CONTRADICTORY = (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible)
DECIDED = (highspy.HighsModelStatus.kOptimal, *CONTRADICTORY)


class SolverFailed(Exception):  # noqa: N818 -- it says what happened
    """HiGHS ended with neither an optimum nor a proof that there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class SolvedArrays:
    """An optimum of the arrays.

    Args:
        objective: Least value of the objective.
        x: Value of each column.
        reduced_costs: Of each column; zeros for a MILP.
        row_activity: Value of each row.
        row_duals: What one more unit on the right of each row costs; zeros for a MILP.
        gap: Gap that was proved, to the objective or to 1 where that is less; 0 for an LP, more than `RELATIVE_GAP` for
            a MILP that ended early.
        basis: Where a later solve of the same shape may start.
    """

    objective: float
    x: Floats
    reduced_costs: Floats
    row_activity: Floats
    row_duals: Floats
    gap: float
    basis: highspy.HighsBasis


class _QuietHighs(highspy.Highs):
    """HiGHS without Python callbacks: setting those up prints a banner on stdout before any option can forbid it."""

    def __init__(self) -> None:
        super(highspy.Highs, self).__init__()


class Solver:
    """One HiGHS instance, silent and on one core, with the time it has spent and where its answers ended.

    Args:
        large: Its problems are of many sites: what is quickest for one site isn't for them.

    Attributes:
        seconds: Time spent in HiGHS since the solver was made; it measures, nothing is decided by it.
    """

    def __init__(self, *, large: bool = False) -> None:
        # A site's LP is small and without slack rows, so presolve costs more than it saves; a fleet or a MILP needs it.
        self._presolve = "choose" if large else "off"
        self._dual_tolerance = LARGE_TOLERANCE if large else FEASIBILITY_TOLERANCE
        self.seconds = 0.0
        self._ends: dict[Hashable, highspy.HighsBasis] = {}
        self._highs = _QuietHighs()
        options: dict[str, bool | int | float] = {
            "output_flag": False,
            "log_to_console": False,
            # A process may solve many sites at once, each on its own core.
            "threads": 1,
            "mip_feasibility_tolerance": MILP_INTEGRALITY_TOLERANCE,
            "mip_rel_gap": RELATIVE_GAP,
            # On one site's sparse, banded problem it takes 30 % less time than the default's steepest edge.
            "simplex_dual_edge_weight_strategy": CHOOSE if large else DEVEX,
        }
        for name, setting in options.items():
            self._highs.setOptionValue(name, setting)

    def optimum(
        self, arrays: Arrays, *, basis: highspy.HighsBasis | None = None, series: Hashable = None
    ) -> SolvedArrays | None:
        """Minimise; None when the rows and bounds contradict each other.

        Args:
            arrays: The problem.
            basis: Where to start, if known.
            series: Problems of one series have the same rows and columns: each starts where the last one ended.
        """
        began = perf_counter()
        highs = self._highs
        self._tune(self._presolve, FEASIBILITY_TOLERANCE, self._dual_tolerance)
        _pass(highs, arrays)
        start = self._ends.get(series) if basis is None else basis
        if start is not None:
            highs.setBasis(start)
        highs.run()
        if highs.getModelStatus() not in DECIDED:
            # Numbers many magnitudes apart: presolve may bring them together where the plain simplex gives up.
            highs.clearSolver()
            highs.setOptionValue("presolve", "on")
            highs.run()
        answer = self._answer(arrays)
        if series is not None and answer is not None:
            self._ends[series] = answer.basis
        self.seconds += perf_counter() - began
        return answer

    def whole_optimum(
        self,
        arrays: Arrays,
        integral: Flags,
        *,
        known: Floats | None = None,
        nodes_max: int | None = None,
    ) -> SolvedArrays | None:
        """Minimise with some columns whole; None when the rows and bounds contradict each other.

        Args:
            arrays: The problem.
            integral: Columns that must be whole.
            known: Values of those columns that leave an answer, so that there is one however early the search ends; for
                all columns, of which only the whole ones count.
            nodes_max: How far to search; `MILP_NODES_MAX` where it is None.
        """
        began = perf_counter()
        highs, answer = self._highs, None
        highs.setOptionValue("mip_max_nodes", MILP_NODES_MAX if nodes_max is None else nodes_max)
        for presolve in ("choose", "off"):
            self._tune(presolve, MILP_FEASIBILITY_TOLERANCE, MILP_FEASIBILITY_TOLERANCE)
            _pass(highs, arrays, integral)
            if known is not None:
                places = np.flatnonzero(integral).astype(np.int32)
                highs.setSolution(len(places), places, known[places])
            highs.run()
            answer = self._answer(arrays, milp=True)
            # With presolve HiGHS may find a better answer than the known one, and return the known one with its value.
            if answer is None or known is None or answer.objective <= highs.getInfo().objective_function_value + DUST:
                break
        self.seconds += perf_counter() - began
        return answer

    def _tune(self, presolve: str, primal_tolerance: float, dual_tolerance: float) -> None:
        self._highs.setOptionValue("presolve", presolve)
        self._highs.setOptionValue("primal_feasibility_tolerance", primal_tolerance)
        self._highs.setOptionValue("dual_feasibility_tolerance", dual_tolerance)

    def _answer(self, arrays: Arrays, *, milp: bool = False) -> SolvedArrays | None:
        highs = self._highs
        status = highs.getModelStatus()
        if status in CONTRADICTORY:
            # Every flow that could grow without end costs something or is bounded, so it is never unbounded.
            return None
        information = highs.getInfo()
        ended_early = milp and information.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        if status != highspy.HighsModelStatus.kOptimal and not ended_early:
            raise SolverFailed(f"HiGHS must end optimal or infeasible, was {highs.modelStatusToString(status)}")
        solution = highs.getSolution()
        x = np.array(solution.col_value)
        objective = float(arrays.cost @ x)
        # HiGHS' own gap is infinite around an objective of 0.
        gap = abs(objective - information.mip_dual_bound) / max(1.0, abs(objective)) if milp else 0.0
        return SolvedArrays(
            objective=objective,
            x=x,
            reduced_costs=np.array(solution.col_dual),
            row_activity=np.array(solution.row_value),
            row_duals=np.array(solution.row_dual),
            gap=gap,
            basis=highs.getBasis(),
        )


def _pass(highs: highspy.Highs, arrays: Arrays, integral: Flags | None = None) -> None:
    columns = len(arrays.cost)
    rows = len(arrays.row_lower)
    types = np.zeros(columns, np.int32) if integral is None else integral.astype(np.int32)
    highs.passModel(
        columns,
        rows,
        len(arrays.coefficients),
        int(highspy.MatrixFormat.kColwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        arrays.cost,
        arrays.lower,
        arrays.upper,
        arrays.row_lower,
        arrays.row_upper,
        arrays.starts,
        arrays.indices,
        arrays.coefficients,
        types,
    )
