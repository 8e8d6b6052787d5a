"""How fast one ESS is scheduled, as ratios to HiGHS without this project, within one run: python benchmarks/ess.py.

The raw side is the same linear program written straight into arrays with numpy, HiGHS' own settings, one thread. It is
timed from the case's numbers to the solution's. Absolute times depend on the machine; a missed ratio fails the run.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import highspy
import numpy as np
import numpy.typing as npt

from optimizers.ess.case import Battery, Case
from optimizers.ess.compiled import compile_shape
from optimizers.ess.formulate import shape_of
from optimizers.ess.optimum import best_plan
from optimizers.ess.schedule import Rolling, solve
from optimizers.ess.solver import Solver
from shared.arrays import Floats

KNOWN_SHAPE_RATIO_MAX = 1.3
ROLLING_RATIO_MAX = 1.6
ROLLING_STEPS = 40
PRICE_TOLERANCE = 1e-7


def a_case(steps: int, *, seed: int = 0) -> Case:
    """A factory with sun, a three-band tariff, a demand charge and a 1 MWh battery; the same each run."""
    random = np.random.default_rng(seed)
    hour = (np.arange(steps) * 0.25) % 24
    dear = ((hour >= 10) & (hour < 12)) | ((hour >= 13) & (hour < 17))
    buy = np.where(dear, 200.0, np.where((hour >= 9) & (hour < 23), 140.0, 90.0))
    battery = Battery(
        capacity_kwh=1_000.0,
        max_charge_kw=250.0,
        max_discharge_kw=250.0,
        charge_efficiency=0.95,
        discharge_efficiency=0.95,
        soc_min=0.1,
        soc_max=0.9,
        soc_initial=0.5,
        soc_final_min=0.5,
        cycle_cost_krw_per_kwh=10.0,
    )
    return Case(
        step_minutes=15.0,
        load_kw=300.0 + 200.0 * np.exp(-(((hour - 14.0) / 4.0) ** 2)) + random.normal(0.0, 20.0, steps),
        pv_kw=400.0 * np.clip(np.sin((hour - 6.0) / 12.0 * np.pi), 0.0, None) * random.uniform(0.6, 1.0, steps),
        price_buy_krw_per_kwh=buy,
        price_sell_krw_per_kwh=0.6 * buy,
        demand_charge_krw_per_kw=8_320.0,
        prior_peak_kw=400.0,
        battery=battery,
    )


@dataclass
class Raw:
    """The same program by hand. Columns: import, export, charge, discharge, soc (a step each), peak; then ramps."""

    cost: Floats
    lower: Floats
    upper: Floats
    row_lower: Floats
    row_upper: Floats
    starts: npt.NDArray[np.int32]
    indices: npt.NDArray[np.int32]
    coefficients: Floats


def raw_program(case: Case, *, ramps: bool = False) -> Raw:
    """Write a case into arrays."""
    battery = case.battery
    assert battery is not None
    steps, hours = case.steps, case.step_h
    t = np.arange(steps)
    imports, exports, charge, discharge, soc = (t + k * steps for k in range(5))
    peak, up, down = 5 * steps, 5 * steps + 1 + t, 6 * steps + 1 + t
    balance, storage, demand, ramp = (t + k * steps for k in range(4))
    one = np.ones(steps)
    entries = [
        (balance, imports, one),
        (balance, exports, -one),
        (balance, charge, -one),
        (balance, discharge, one),
        (storage, soc, one),
        (storage[1:], soc[:-1], -one[1:]),
        (storage, charge, -hours * battery.charge_efficiency * one),
        (storage, discharge, hours / battery.discharge_efficiency * one),
        (demand, np.full(steps, peak), one),
        (demand, imports, -one),
    ]
    if ramps:
        entries += [
            (ramp, charge, one),
            (ramp, discharge, -one),
            (ramp[1:], charge[:-1], -one[1:]),
            (ramp[1:], discharge[:-1], one[1:]),
            (ramp, up, -one),
            (ramp, down, one),
        ]
    rows, columns, values = (np.concatenate(part) for part in zip(*entries, strict=True))
    zero = np.zeros(steps)
    initial = zero.copy()
    initial[0] = battery.soc_initial * battery.capacity_kwh
    floor = zero + battery.soc_min * battery.capacity_kwh
    floor[-1] = max(floor[-1], battery.soc_final_min * battery.capacity_kwh)
    more = np.full(2 * steps, np.inf) if ramps else np.zeros(0)
    cost = (
        hours * case.price_buy_krw_per_kwh,
        -hours * case.price_sell_krw_per_kwh,
        zero,
        zero + hours * battery.cycle_cost_krw_per_kwh,
        zero,
        [case.demand_charge_krw_per_kw],
        0.0 * np.ones_like(more),
    )
    upper = (
        zero + np.inf,
        zero + np.inf,
        zero + battery.max_charge_kw,
        zero + battery.max_discharge_kw,
        zero + battery.soc_max * battery.capacity_kwh,
        [np.inf],
        more,
    )
    equal = (case.load_kw - case.pv_kw, initial)
    flat = [zero] if ramps else []
    by_row = np.argsort(rows, kind="stable")
    return Raw(
        cost=np.concatenate(cost),
        lower=np.concatenate((zero, zero, zero, zero, floor, [case.prior_peak_kw], np.zeros_like(more))),
        upper=np.concatenate(upper),
        row_lower=np.concatenate((*equal, zero, *flat)),
        row_upper=np.concatenate((*equal, zero + np.inf, *flat)),
        starts=np.searchsorted(rows[by_row], np.arange((4 if ramps else 3) * steps + 1)).astype(np.int32),
        indices=columns[by_row].astype(np.int32),
        coefficients=values[by_row],
    )


def raw_highs() -> highspy.Highs:
    """Return HiGHS as it comes, but silent and on one thread."""
    highs = highspy.Highs()  # type: ignore[no-untyped-call] # its constructor is not annotated
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    return highs


def raw_solve(highs: highspy.Highs, raw: Raw) -> tuple[Floats, Floats, Floats]:
    """Solve arrays; return columns, reduced costs and row duals."""
    highs.passModel(
        len(raw.cost),
        len(raw.row_lower),
        len(raw.coefficients),
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        raw.cost,
        raw.lower,
        raw.upper,
        raw.row_lower,
        raw.row_upper,
        raw.starts,
        raw.indices,
        raw.coefficients,
        np.zeros(len(raw.cost), np.int32),
    )
    highs.run()
    return _solution(highs)


def _solution(highs: highspy.Highs) -> tuple[Floats, Floats, Floats]:
    found = highs.getSolution()
    return np.array(found.col_value), np.array(found.col_dual), np.array(found.row_dual)


def raw_least_cost_krw(case: Case) -> float:
    """Solve a case for cost, from nothing."""
    raw = raw_program(case)
    x, _, _ = raw_solve(raw_highs(), raw)
    return float(raw.cost @ x)


def raw_smooth_krw(case: Case) -> float:
    """Solve a case for cost and then, on the optimal face, for the least ramps."""
    raw = raw_program(case)
    highs = raw_highs()
    x, reduced, duals = raw_solve(highs, raw)
    calm = raw_program(case, ramps=True)
    columns, rows = len(raw.cost), len(raw.row_lower)
    held, priced = np.abs(reduced) > PRICE_TOLERANCE, np.flatnonzero(duals > PRICE_TOLERANCE)
    calm.lower[:columns][held] = calm.upper[:columns][held] = x[held]
    calm.row_upper[:rows][priced] = calm.row_lower[:rows][priced]
    calm.cost[:] = 0.0
    calm.cost[columns:] = 1.0
    smooth, _, _ = raw_solve(highs, calm)
    return float(raw.cost @ smooth[:columns])


class RawRolling:
    """Raw HiGHS that keeps its program and basis, and only changes numbers."""

    def __init__(self) -> None:
        self._highs = raw_highs()
        self._known = False

    def solve_krw(self, case: Case) -> float:
        """Re-solve with a case's numbers."""
        raw = raw_program(case)
        if not self._known:
            self._known = True
            return float(raw.cost @ raw_solve(self._highs, raw)[0])
        columns, rows = (np.arange(len(part), dtype=np.int32) for part in (raw.cost, raw.row_lower))
        self._highs.changeColsCost(len(columns), columns, raw.cost)
        self._highs.changeColsBounds(len(columns), columns, raw.lower, raw.upper)
        self._highs.changeRowsBounds(len(rows), rows, raw.row_lower, raw.row_upper)  # type: ignore[attr-defined] # missing in its stubs
        self._highs.run()
        return float(raw.cost @ _solution(self._highs)[0])


def horizons(steps: int) -> list[Case]:
    """Return one site's horizons as they roll by a step, each from where the last plan would have left the battery."""
    whole = a_case(steps + ROLLING_STEPS)
    found: list[Case] = []
    for start in range(ROLLING_STEPS):
        part = slice(start, start + steps)
        assert whole.battery is not None
        soc_initial = whole.battery.soc_initial
        if found:
            left_kwh = solve(found[-1]).soc_kwh[0]
            soc_initial = float(np.clip(left_kwh / whole.battery.capacity_kwh, 0.1, 0.9))
        found.append(
            replace(
                whole,
                load_kw=whole.load_kw[part],
                pv_kw=whole.pv_kw[part],
                price_buy_krw_per_kwh=whole.price_buy_krw_per_kwh[part],
                price_sell_krw_per_kwh=whole.price_sell_krw_per_kwh[part],
                battery=replace(whole.battery, soc_initial=soc_initial),
            )
        )
    return found


def best_s(runs: list[Callable[[], object]], *, repeats: int) -> list[float]:
    """Return the shortest time of each run [s]; they take turns, so that a busy machine hits all alike."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats):
        for run, spent in zip(runs, times, strict=True):
            started = time.perf_counter()
            run()
            spent.append(time.perf_counter() - started)
    return [min(spent) for spent in times]


def known_shape(steps: int, *, repeats: int) -> list[bool]:
    """Compare a case of a known shape with raw HiGHS; returns whether each ratio was kept."""
    case = a_case(steps)
    schedule = solve(case)
    assert abs(raw_least_cost_krw(case) / schedule.cost_krw - 1) < 1e-6
    assert abs(raw_smooth_krw(case) / schedule.cost_krw - 1) < 1e-6
    least_s, raw_least_s, whole_s, raw_smooth_s = best_s(
        [
            lambda: best_plan(Solver(), case),
            lambda: raw_least_cost_krw(case),
            lambda: solve(case),
            lambda: raw_smooth_krw(case),
        ],
        repeats=repeats,
    )
    return [
        _line(f"{steps} steps, least cost", least_s, least_s / raw_least_s, KNOWN_SHAPE_RATIO_MAX, "raw least cost"),
        _line(f"{steps} steps, solve()", whole_s, whole_s / raw_smooth_s, KNOWN_SHAPE_RATIO_MAX, "raw, smoothed"),
        _line(f"{steps} steps, solve()", whole_s, whole_s / raw_least_s, None, "raw least cost"),
    ]


def rolling(steps: int) -> list[bool]:
    """Compare re-solves of a rolling horizon with raw warm re-solves; returns whether each ratio was kept."""
    cases = horizons(steps)

    def least() -> None:
        solver = Solver()
        for case in cases:
            best_plan(solver, case)

    def whole() -> None:
        site = Rolling()
        for case in cases:
            site.solve(case)

    def raw() -> None:
        site = RawRolling()
        for case in cases:
            site.solve_krw(case)

    least_s, whole_s, raw_s = (spent / len(cases) for spent in best_s([least, whole, raw], repeats=5))
    return [
        _line(f"{steps} steps, re-solve", least_s, least_s / raw_s, ROLLING_RATIO_MAX, "raw warm re-solve"),
        _line(f"{steps} steps, Rolling.solve()", whole_s, whole_s / raw_s, None, "raw warm re-solve"),
    ]


def first_compile(steps: int) -> None:
    """Say what a shape costs the first time."""
    shape = shape_of(a_case(steps))
    compile_shape.cache_clear()
    started = time.perf_counter()
    compile_shape(shape)
    compile_shape(shape.smoothed())
    print(f"ess  {f'{steps} steps, first compile':<28} {(time.perf_counter() - started) * 1e3:9.2f} ms   once a shape")


def main() -> int:
    """Print the ratios and return 1 where one is missed."""
    solve(a_case(4))  # the libraries load here
    kept: list[bool] = []
    for steps, repeats in ((96, 60), (672, 15)):
        first_compile(steps)
        kept += known_shape(steps, repeats=repeats)
        kept += rolling(steps)
    return 0 if all(kept) else 1


def _line(what: str, seconds: float, ratio: float, limit: float | None, against: str) -> bool:
    kept = limit is None or ratio <= limit
    verdict = "" if limit is None else f"   limit {limit} {'ok' if kept else 'MISSED'}"
    print(f"ess  {what:<28} {seconds * 1e3:9.2f} ms   x{ratio:.2f} of {against}{verdict}")
    return kept


if __name__ == "__main__":
    sys.exit(main())
