"""Plans of consumption: a factory states, changes and withdraws its own, and forecasts hear of each version."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.events.commands import LoadPlanStated
from shared.events.records import LoadPlan, PlanKind
from tests.component.trading_api.trading_api_bench import HANBIT, NOON, ApiBench

PLAN = "/api/v1/load-plans/repair"


def a_shutdown(**changes: Any) -> dict[str, Any]:
    """Return a shutdown of the coming Korean day."""
    return {"kind": "shutdown", "begin": "2026-05-21T00:00+09:00", "end": "2026-05-22T00:00+09:00", **changes}


def stated(bench: ApiBench) -> list[LoadPlan]:
    bench.run()
    return [event.plan for event in bench.published(LoadPlanStated)]


def test_plan_is_stated_with_its_instant_listed_and_published(bench: ApiBench, hanbit: TestClient) -> None:
    answer = hanbit.put(PLAN, json=a_shutdown(expected_kw="12.5"))

    assert answer.status_code == 200
    expected = {
        "plan_id": "repair",
        "participant_id": HANBIT,
        "kind": "shutdown",
        "begin": "2026-05-20T15:00:00Z",
        "end": "2026-05-21T15:00:00Z",
        "expected_kw": "12.5",
        "stated_at": "2026-05-20T03:00:00Z",
        "version": 1,
    }
    assert {**answer.json(), "expected_kw": "12.5"} == expected
    assert hanbit.get("/api/v1/load-plans").json()["items"] == [answer.json()]
    [plan] = stated(bench)
    assert (plan.kind, plan.expected_w, plan.stated_at, plan.version) == (PlanKind.SHUTDOWN, 12_500, NOON, 1)


def test_new_version_carries_its_own_instant_and_a_repeat_is_none(bench: ApiBench, hanbit: TestClient) -> None:
    hanbit.put(PLAN, json=a_shutdown())
    bench.clock.instant = NOON + timedelta(hours=1)

    again = hanbit.put(PLAN, json=a_shutdown())
    changed = hanbit.put(PLAN, json=a_shutdown(kind="shift", expected_kw=300))

    assert again.json()["version"] == 1
    assert changed.json()["version"] == 2
    assert [(plan.version, plan.stated_at - NOON) for plan in stated(bench)] == [
        (1, timedelta(0)),
        (2, timedelta(hours=1)),
    ]


def test_withdrawn_plan_is_published_listed_no_more_and_may_be_stated_again(
    bench: ApiBench, hanbit: TestClient
) -> None:
    hanbit.put(PLAN, json=a_shutdown())

    assert [hanbit.delete(PLAN).json()["version"] for _ in range(2)] == [2, 2]
    assert hanbit.get("/api/v1/load-plans").json()["items"] == []
    assert hanbit.put(PLAN, json=a_shutdown()).json()["version"] == 3

    assert [(plan.version, plan.is_withdrawn) for plan in stated(bench)] == [(1, False), (2, True), (3, False)]


def test_factory_sees_and_touches_its_own_plans_alone(
    bench: ApiBench, hanbit: TestClient, seojin: TestClient, operator: TestClient
) -> None:
    hanbit.put(PLAN, json=a_shutdown())

    assert seojin.get("/api/v1/load-plans").json()["items"] == []
    assert seojin.delete(PLAN).status_code == 404
    assert seojin.put(PLAN, json=a_shutdown()).json()["version"] == 1
    assert len(operator.get("/api/v1/load-plans").json()["items"]) == 2
    assert operator.put(PLAN, json=a_shutdown()).status_code == 403
    assert len(stated(bench)) == 2


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"end": "2026-05-21T00:00+09:00"}, "end must be after begin, by at most 31 days"),
        ({"end": "2026-07-21T00:00+09:00"}, "end must be after begin, by at most 31 days"),
        ({"kind": "batch"}, "expected_kw must be given for a batch"),
        ({"expected_kw": "-1"}, "must be from 0 to"),
        ({"begin": "2026-05-21T00:05+09:00"}, "must be the start of a 15-minute delivery interval"),
        ({"begin": "2026-05-19T00:00Z", "end": "2026-05-20T03:00Z"}, "must be in the future"),
        ({"kind": "holiday"}, "shift"),
    ],
)
def test_plan_that_breaks_a_rule_is_refused(
    bench: ApiBench, hanbit: TestClient, changes: dict[str, Any], rule: str
) -> None:
    answer = hanbit.put(PLAN, json=a_shutdown(**changes))

    assert answer.status_code == 422
    assert rule in answer.text
    assert stated(bench) == []
