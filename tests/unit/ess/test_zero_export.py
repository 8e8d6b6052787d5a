"""Sites that may not export: whatever the sun, the load and the battery, there is a plan, and none breaks less."""

import highspy
import numpy as np
import pytest

from optimizers.ess.case import Case
from optimizers.ess.case_json import case_from_json
from optimizers.ess.check import check
from optimizers.ess.schedule import solve
from tests.unit.ess.reference import _Problem
from tests.unit.ess.test_against_reference import violation_of

STEPS = 24
IN_SUITE, IN_ALL = 6, 60
# Where the independent search has not ended by then, it proves nothing.
NODES_MAX = 3_000


def a_site(seed: int, steps: int = STEPS) -> Case:
    """Return a site with more or less sun than load, a battery of any size, and no way to sell."""
    draw = np.random.default_rng(seed)
    day = np.arange(steps) / steps
    peak_kw = float(draw.uniform(50, 400))
    sun_kw = np.maximum(0, np.sin((day - 0.25) * 2 * np.pi)) * peak_kw * draw.uniform(0.3, 1, steps)
    load_kw = draw.uniform(0, 1) * peak_kw * draw.uniform(0.2, 1, steps) * (draw.random() < 0.8)
    capacity_kwh = float(draw.uniform(50, 1_000))
    return case_from_json(
        {
            "step_minutes": 1_440 // steps,
            "load_kw": [round(float(kw), 3) for kw in load_kw],
            "pv_kw": [round(float(kw), 3) for kw in sun_kw],
            "price_buy_krw_per_kwh": np.where(day < 0.35, 94.0, np.where(day < 0.75, 199.1, 146.9)).tolist(),
            "price_sell_krw_per_kwh": float(draw.choice([0.0, 80.0, 150.0])),
            "demand_charge_krw_per_kw": float(draw.choice([0.0, 3_000.0])),
            "prior_peak_kw": float(draw.choice([0.0, peak_kw])),
            "battery": {
                "capacity_kwh": round(capacity_kwh, 1),
                "max_charge_kw": round(capacity_kwh * float(draw.uniform(0.1, 0.6)), 1),
                "max_discharge_kw": round(capacity_kwh * float(draw.uniform(0.1, 0.6)), 1),
                "charge_efficiency": float(draw.choice([0.9, 0.95, 1.0])),
                "discharge_efficiency": float(draw.choice([0.9, 0.95, 1.0])),
                "soc_min": 0.1,
                "soc_max": 0.9,
                "soc_initial": round(float(draw.uniform(0.1, 0.9)), 2),
                "soc_final_min": round(float(draw.uniform(0.1, 0.9)), 2),
                "cycle_cost_krw_per_kwh": float(draw.choice([0.0, 20.0, 40.0])),
            },
            "import_limit_kw": None if draw.random() < 0.7 else round(peak_kw * float(draw.uniform(0.3, 1)), 1),
            "export_limit_kw": 0.0,
            "pv_curtailable": False,
            "demand_window_minutes": 1_440 // steps,
        }
    )


def least_violation(case: Case) -> float | None:
    """Return the least violation that an independent MILP proves, if it does."""
    problem = _Problem(case)
    problem.highs.setOptionValue("mip_max_nodes", NODES_MAX)
    problem.highs.minimize(problem.violation)
    proved = problem.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(problem.highs.getInfo().objective_function_value) if proved else None


@pytest.mark.parametrize(
    "seed",
    [*range(IN_SUITE), *(pytest.param(seed, marks=pytest.mark.matrix) for seed in range(IN_SUITE, IN_ALL))],
)
def test_any_site_that_may_not_export_has_a_plan_that_breaks_no_more_than_it_must(seed: int) -> None:
    case = a_site(seed)

    schedule = solve(case)

    check(case, schedule)
    best = least_violation(case)
    if best is not None:
        assert violation_of(case, schedule) == pytest.approx(best, rel=1e-6, abs=1e-6)
