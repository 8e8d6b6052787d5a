"""Solve one case: least cost, smoothed, explained and checked."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from optimizers.ess.case import Case, Schedule, SolveRecord
from optimizers.ess.check import check
from optimizers.ess.formulate import numbers_of
from optimizers.ess.optimum import Optimum, best_plan
from optimizers.ess.plan import PowerPlan, cost_krw, idle_plan, peak_value_krw_per_kw, peaks_kw, violations
from optimizers.ess.reasons import reasons_of
from optimizers.ess.smooth import smoothest
from optimizers.ess.solver import Solver
from shared.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """What one more kWh in each step costs (see `Schedule.energy_value_krw_per_kwh`), and what it trades for."""

    energy_krw_per_kwh: Floats
    trade_krw_per_kwh: Floats


def solve(case: Case) -> Schedule:
    """Return the least-cost schedule of a case; it never lacks a plan, see `Schedule.status`.

    The times in the result are measured; nothing else depends on them.

    Raises:
        BrokenPromise: The schedule doesn't keep what the case asks, which is a fault of this program.
    """
    return Rolling().solve(case)


class Rolling:
    """Re-solves one site over and over, each time starting from where the last answer ended.

    The answers' costs are those of `solve`; only the way there is shorter.
    """

    def __init__(self) -> None:
        self._solver = Solver()

    def solve(self, case: Case) -> Schedule:
        """Return the least-cost schedule of a case, as `solve` does."""
        began = perf_counter()
        solving_before = self._solver.seconds
        best = best_plan(self._solver, case)
        plan = smoothest(self._solver, best)
        without = plan_without_battery(self._solver, case)
        seconds_solve = self._solver.seconds - solving_before
        record = SolveRecord(
            method="milp" if best.milp else "lp",
            seconds_build=perf_counter() - began - seconds_solve,
            seconds_solve=seconds_solve,
            gap=best.gap,
            violation_gap=best.violation_gap,
        )
        schedule = described(case, plan, _worth(best), without, record)
        check(case, schedule)
        return schedule


def described(case: Case, plan: PowerPlan, worth: Worth, without: PowerPlan, record: SolveRecord) -> Schedule:
    """Return a plan with its cost, peaks, reasons and violations."""
    broken = violations(case, plan)
    bare = case.without_battery()
    billed_kw = peaks_kw(case, plan).tolist()
    return Schedule(
        status="relaxed" if broken else "optimal",
        cost_krw=cost_krw(case, plan),
        cost_without_battery_krw=cost_krw(bare, without),
        charge_kw=plan.charge_kw,
        discharge_kw=plan.discharge_kw,
        curtail_kw=plan.curtail_kw,
        import_kw=plan.import_kw,
        export_kw=plan.export_kw,
        soc_kwh=plan.soc_kwh,
        peak_kw=billed_kw[0],
        more_peaks_kw=tuple(billed_kw[1:]),
        peak_without_battery_kw=float(peaks_kw(bare, without)[0]),
        peak_value_krw_per_kw=peak_value_krw_per_kw(case, plan),
        energy_value_krw_per_kwh=worth.energy_krw_per_kwh,
        trade_value_krw_per_kwh=worth.trade_krw_per_kwh,
        reasons=reasons_of(case, plan, broken),
        violations=broken,
        solve=record,
    )


def _worth(best: Optimum) -> Worth:
    """Return the duals of the balance, with and without those of the demand windows."""
    case, compiled = best.case, best.compiled
    energy = best.answer.row_duals[compiled.rows["balance"]] / case.step_h
    duals = best.answer.row_duals[compiled.rows["demand"]].reshape(-1, compiled.shape.windows)
    lengths = np.array([len(compiled.shape.window(w)) for w in range(compiled.shape.windows)])
    per_kw = np.repeat(duals / lengths, lengths, axis=1)
    counts = numbers_of(case)["counts_for_peak"].reshape(-1, case.steps)
    return Worth(energy, energy - np.sum(per_kw * counts, axis=0) / case.step_h)


def plan_without_battery(solver: Solver, case: Case) -> PowerPlan:
    """Return the best plan of a case that had no battery."""
    bare = case.without_battery()
    idle = idle_plan(bare)
    # Leaving solar power unused can only pay where a price is negative, or keep an export limit.
    prices = np.concatenate((case.price_buy_krw_per_kwh, case.price_sell_krw_per_kwh))
    if not case.pv_curtailable or (prices.min() >= 0.0 and not violations(bare, idle)):
        return idle
    return best_plan(solver, bare).plan
