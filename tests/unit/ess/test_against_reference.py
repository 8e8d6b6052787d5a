from collections.abc import Iterator
from math import isclose

from hypothesis import given, settings

from optimizers.ess.case import Case, Schedule
from optimizers.ess.check import check
from optimizers.ess.schedule import solve
from tests.unit.ess.cases import cases
from tests.unit.ess.reference import reference


def violation_of(case: Case, schedule: Schedule) -> float:
    """Σ dt * excess of every step, and the shortage at the end in full, as the interface words it."""

    def weighed() -> Iterator[float]:
        for violation in schedule.violations:
            hours = 1.0 if violation.limit == "soc_final_min" else case.step_minutes / 60.0
            yield hours * violation.excess

    return sum(weighed())


@given(cases())
@settings(deadline=None, max_examples=150)
def test_any_case_costs_what_an_independent_milp_finds(case: Case) -> None:
    schedule = solve(case)

    check(case, schedule)
    best = reference(case)
    assert isclose(violation_of(case, schedule), best.violation, abs_tol=2e-5)
    assert isclose(schedule.cost_krw, best.cost_krw, rel_tol=1e-6, abs_tol=1e-3)


@given(cases())
@settings(deadline=None, max_examples=60)
def test_any_case_without_its_battery_costs_what_an_independent_milp_finds(case: Case) -> None:
    schedule = solve(case)

    best = reference(case.without_battery())
    assert isclose(schedule.cost_without_battery_krw, best.cost_krw, rel_tol=1e-6, abs_tol=1e-3)
