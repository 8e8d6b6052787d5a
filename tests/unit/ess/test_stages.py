import numpy as np
import pytest
from hypothesis import given, settings

from optimizers.ess import solver
from optimizers.ess.case import Case, Schedule
from optimizers.ess.check import check
from optimizers.ess.optimum import best_plan
from optimizers.ess.plan import PowerPlan
from optimizers.ess.schedule import Rolling, solve
from optimizers.ess.solver import Solver
from tests.unit.ess.cases import a_battery, a_case, cases


def ramps_kw(plan: PowerPlan | Schedule) -> float:
    """Sum of the changes of the battery's power, from idle as in all drawn cases."""
    return float(np.abs(np.diff(plan.charge_kw - plan.discharge_kw, prepend=0.0)).sum())


@given(cases())
@settings(deadline=None, max_examples=60)
def test_smoothed_plan_never_ramps_more_than_the_first_optimum(case: Case) -> None:
    first = best_plan(Solver(), case).plan

    assert ramps_kw(solve(case)) <= ramps_kw(first) * (1.0 + 1e-9) + 1e-6


@given(cases(), cases())
@settings(deadline=None, max_examples=40)
def test_re_solve_costs_what_a_first_solve_costs(case: Case, other: Case) -> None:
    rolling = Rolling()
    rolling.solve(other)

    for _ in range(2):
        schedule = rolling.solve(case)

        assert schedule.cost_krw == pytest.approx(solve(case).cost_krw, rel=1e-9, abs=1e-6)


def test_rolling_horizon_keeps_its_plan_while_nothing_changes() -> None:
    # Two cheap hours, then dear ones; an hour passes as planned. What is left of the plan is still the plan.
    rolling = Rolling()
    buy = [50.0, 50.0, 120.0, 300.0, 120.0, 300.0]
    first = rolling.solve(a_case([100] * 6, buy=buy, battery=a_battery(soc_initial=0.0)))

    soc_initial = first.soc_kwh[0] / 100.0
    second = rolling.solve(a_case([100] * 5, buy=buy[1:], battery=a_battery(soc_initial=soc_initial)))

    assert second.soc_kwh == pytest.approx(first.soc_kwh[1:])


def test_milp_that_ends_early_says_how_far_its_proof_got(monkeypatch: pytest.MonkeyPatch) -> None:
    # Paid to consume in every step, in bands of equal prices, with a lossy battery that could burn: each step is a
    # choice, and equal ones are hard to tell apart, more than fits one node.
    monkeypatch.setattr(solver, "MILP_NODES_MAX", 1)
    hours = np.arange(40) * 0.5 + 4.0
    bands = np.where(np.abs(hours - 13.5) < 3.5, 200.0, np.where(np.abs(hours - 16.0) < 7.0, 140.0, 90.0))
    case = a_case(
        (300.0 + 200.0 * np.exp(-(((hours - 14.0) / 4.0) ** 2))).tolist(),
        pv_kw=(320.0 * np.clip(np.sin((hours - 6.0) / 12.0 * np.pi), 0.0, None)).tolist(),
        buy=(-bands).tolist(),
        sell=(-bands - 5.0).tolist(),
        step_minutes=30.0,
        demand_charge_krw_per_kw=8_320.0,
        prior_peak_kw=400.0,
        battery=a_battery(
            capacity_kwh=1_000.0,
            max_charge_kw=250.0,
            max_discharge_kw=250.0,
            charge_efficiency=0.95,
            discharge_efficiency=0.95,
            soc_min=0.1,
            soc_max=0.9,
            soc_final_min=0.5,
            cycle_cost_krw_per_kwh=10.0,
        ),
    )

    schedule = solve(case)

    check(case, schedule)
    assert schedule.solve.method == "milp"
    assert schedule.solve.gap > solver.RELATIVE_GAP


def test_gap_of_a_plan_that_costs_nothing_is_a_number() -> None:
    # A store over its band that could only be emptied by exporting, which the limit forbids; in the second step it
    # covers the load. Burning while paid to consume needs binaries, and the best cost is 0: no gap relative to it.
    case = a_case(
        [0.0, 1.0],
        buy=[-14.5, 72.5],
        sell=[-14.5, 60.4],
        step_minutes=15.0,
        export_limit_kw=0.0,
        battery=a_battery(
            capacity_kwh=1.37,
            max_charge_kw=0.3,
            max_discharge_kw=1.0,
            charge_efficiency=0.95,
            discharge_efficiency=0.93,
            soc_max=0.9,
            soc_initial=0.97,
        ),
    )

    schedule = solve(case)

    assert (schedule.status, schedule.solve.method) == ("relaxed", "milp")
    assert schedule.cost_krw == pytest.approx(0.0, abs=1e-9)
    assert schedule.solve.gap == pytest.approx(0.0, abs=1e-5)
