"""Fifty sites with batteries behind one feeder against raw HiGHS, as a ratio within one run.

Raw is the same program written into arrays with numpy, HiGHS' own settings, one thread, timed from numbers to solution.
"""

import sys
import time
from dataclasses import replace

import numpy as np

from benchmarks.ess import KNOWN_SHAPE_RATIO_MAX, Raw, a_case, best_s, raw_highs, raw_program, raw_solve
from optimizers.ess.case import Case
from optimizers.ess.compiled import compile_fleet
from optimizers.ess.fleet import FeederCap, Fleet, FleetSolver

SITES, STEPS = 50, 96
# Below the sum of what the sites would draw alone, so that the feeder binds and they must agree.
CAP_KW = 14_000.0


def sites() -> tuple[Case, ...]:
    """Fifty factories, each with its own noise and prices a little apart; the same each run."""
    found = []
    for s in range(SITES):
        case = a_case(STEPS, seed=s)
        found.append(replace(case, price_buy_krw_per_kwh=case.price_buy_krw_per_kwh * (1.0 + 0.001 * s)))
    return tuple(found)


def raw_fleet(cases: tuple[Case, ...]) -> Raw:
    """Write the sites' programs into one, with the feeder's rows below."""
    parts = [raw_program(case) for case in cases]
    columns, rows = len(parts[0].cost), len(parts[0].row_lower)
    t = np.arange(STEPS)
    imports = np.concatenate([s * columns + t for s in range(SITES)]).reshape(SITES, STEPS).T
    feeder = np.concatenate((imports, imports + STEPS), axis=1)
    signs = np.tile(np.concatenate((np.ones(SITES), -np.ones(SITES))), STEPS)
    ends = sum(len(part.indices) for part in parts)
    counts = np.concatenate([np.diff(part.starts) for part in parts] + [np.full(STEPS, 2 * SITES)])
    assert counts[: SITES * rows].sum() == ends
    return Raw(
        cost=np.concatenate([part.cost for part in parts]),
        lower=np.concatenate([part.lower for part in parts]),
        upper=np.concatenate([part.upper for part in parts]),
        row_lower=np.concatenate([*(part.row_lower for part in parts), np.full(STEPS, -np.inf)]),
        row_upper=np.concatenate([*(part.row_upper for part in parts), np.full(STEPS, CAP_KW)]),
        starts=np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
        indices=np.concatenate([*(part.indices + s * columns for s, part in enumerate(parts)), feeder.ravel()]).astype(
            np.int32
        ),
        coefficients=np.concatenate([*(part.coefficients for part in parts), signs]),
    )


def main() -> int:
    """Print the ratios and return 1 where the limit is missed."""
    cases = sites()
    fleet = Fleet(sites=cases, feeders=(FeederCap(tuple(range(SITES)), import_limit_kw=CAP_KW),))
    compile_fleet.cache_clear()
    started = time.perf_counter()
    answer = FleetSolver().solve(fleet)
    first_s = time.perf_counter() - started

    def raw_krw() -> float:
        raw = raw_fleet(cases)
        return float(raw.cost @ raw_solve(raw_highs(), raw)[0])

    assert abs(raw_krw() / answer.cost_krw - 1) < 1e-6
    assert answer.status == "optimal"
    print(f"ess  {SITES} sites, first solve (compiles)  {first_s:8.2f} s    once a shape")
    whole_s, raw_s = best_s([lambda: FleetSolver().solve(fleet), raw_krw], repeats=5)
    ratio = whole_s / raw_s
    kept = ratio <= KNOWN_SHAPE_RATIO_MAX
    verdict = f"limit {KNOWN_SHAPE_RATIO_MAX} {'ok' if kept else 'MISSED'}"
    print(f"ess  {SITES} sites, solve()                 {whole_s * 1e3:8.0f} ms   x{ratio:.2f} of raw   {verdict}")
    warm = FleetSolver()
    warm.solve(fleet)
    [warm_s] = best_s([lambda: warm.solve(fleet)], repeats=3)
    print(f"ess  {SITES} sites, re-solve unchanged      {warm_s * 1e3:8.0f} ms   x{warm_s / raw_s:.2f} of raw")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
