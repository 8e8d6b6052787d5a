from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optimizers.ess.case import Schedule, Violation
from optimizers.ess.check import BrokenPromise, check
from optimizers.ess.schedule import solve
from tests.unit.ess.cases import a_battery, a_case

CASE = a_case(
    [100, 100],
    pv_kw=[20, 20],
    buy=[100, 300],
    demand_charge_krw_per_kw=5.0,
    battery=a_battery(soc_initial=0.0, soc_max=0.9),
    import_limit_kw=200.0,
    export_limit_kw=50.0,
)


def changed(field: str, step: int, by: float) -> Schedule:
    schedule = solve(CASE)
    series = getattr(schedule, field).copy()
    series[step] += by
    changes: dict[str, Any] = {field: series}
    return replace(schedule, **changes)


def test_honest_schedule_passes() -> None:
    check(CASE, solve(CASE))


@pytest.mark.parametrize(
    ("field", "step", "by", "message"),
    [
        ("import_kw", 0, 1.0, "supply"),
        ("export_kw", 0, -1.0, "export_kw"),
        ("curtail_kw", 0, 1.0, "supply"),
        ("discharge_kw", 0, np.nan, "discharge_kw"),
        ("soc_kwh", 1, 1.0, "soc_kwh"),
    ],
)
def test_flow_that_breaks_a_law_is_found(field: str, step: int, by: float, message: str) -> None:
    with pytest.raises(BrokenPromise, match=message):
        check(CASE, changed(field, step, by))


def test_opposite_flows_are_found() -> None:
    schedule = solve(CASE)
    circling = replace(schedule, import_kw=schedule.import_kw + 5.0, export_kw=schedule.export_kw + 5.0)

    with pytest.raises(BrokenPromise, match="must not flow together"):
        check(CASE, circling)


def test_limit_that_gives_way_unsaid_is_found() -> None:
    tighter = replace(CASE, import_limit_kw=100.0)

    with pytest.raises(BrokenPromise, match="import_limit_kw"):
        check(tighter, solve(CASE))


def test_converter_beyond_its_power_is_found() -> None:
    weaker = replace(CASE, battery=a_battery(soc_initial=0.0, max_charge_kw=10.0))

    with pytest.raises(BrokenPromise, match="charge_kw"):
        check(weaker, solve(CASE))


def test_violation_that_did_not_happen_is_found() -> None:
    boasting = replace(solve(CASE), status="relaxed", violations=(Violation("import_limit_kw", 0, 10.0, "kW"),))

    with pytest.raises(BrokenPromise, match="import_limit_kw"):
        check(CASE, boasting)


def test_status_that_hides_nothing_but_says_relaxed_is_found() -> None:
    with pytest.raises(BrokenPromise, match="status"):
        check(CASE, replace(solve(CASE), status="relaxed"))


@pytest.mark.parametrize("field", ["cost_krw", "peak_kw"])
def test_wrong_total_is_found(field: str) -> None:
    schedule = solve(CASE)
    totals: dict[str, Any] = {field: getattr(schedule, field) + 1.0}

    with pytest.raises(BrokenPromise, match=field):
        check(CASE, replace(schedule, **totals))
