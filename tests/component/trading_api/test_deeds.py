"""What operators ask the market for: what can be judged at once is refused at once, the rest has an outcome to read."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from shared.events.commands import CalendarChangeRequested, MarketHaltRequested
from shared.events.market import DeedDecided
from shared.events.wire import decode
from tests.component.trading_api.trading_api_bench import COMPLEX, NOON, ApiBench

CALENDAR = {
    "effective_from": "2026-05-20T06:00:00Z",
    "gate_closure_lead_s": 1_800,
    "price_krw_per_kwh_min": "0",
    "price_krw_per_kwh_max": "300",
    "order_quantity_kwh_max": "5000",
}
DEEDS: list[tuple[str, dict[str, Any] | None, str, str]] = [
    ("/market/halt", {"reason": "storm"}, "market.halt", COMPLEX),
    ("/market/resume", None, "market.resume", COMPLEX),
    ("/market/calendar", CALENDAR, "calendar.change", COMPLEX),
    ("/participants/hanbit-machining/suspend", {"reason": "x"}, "participant.suspend", "hanbit-machining"),
    ("/participants/hanbit-machining/resume", None, "participant.resume", "hanbit-machining"),
    (
        "/limits",
        {"participant_id": "hanbit-machining", "open_orders_max": 3, "credit_limit_krw": None},
        "limits.change",
        "hanbit-machining",
    ),
]


def decided(bench: ApiBench, deed_id: str, outcome: str, detail: str | None = None) -> None:
    bench.give(DeedDecided(complex_id=COMPLEX, deed_id=deed_id, outcome=outcome, detail=detail), producer="market")


@pytest.mark.parametrize(("path", "body", "action", "target"), DEEDS, ids=[deed[2] for deed in DEEDS])
def test_each_deed_has_an_id_whose_outcome_can_be_read(
    bench: ApiBench, operator: TestClient, path: str, body: dict[str, Any] | None, action: str, target: str
) -> None:
    asked = operator.post(f"/api/v1{path}", json=body)
    deed_id = asked.json()["deed_id"]
    where = asked.headers["Location"]
    pending = operator.get(where).json()
    bench.clock.instant = NOON + timedelta(seconds=2)
    decided(bench, deed_id, "done")

    assert (asked.status_code, where) == (202, f"/api/v1/deeds/{deed_id}")
    assert pending == {
        "deed_id": deed_id,
        "action": action,
        "object": target,
        "operator": "operator",
        "requested_at": "2026-05-20T03:00:00Z",
        "outcome": "pending",
        "detail": None,
        "decided_at": None,
    }
    done = {"outcome": "done", "decided_at": "2026-05-20T03:00:02Z"}
    assert operator.get(where).json() == {**pending, **done}
    assert operator.get("/api/v1/deeds").json()["items"] == [{**pending, **done}]


def test_the_id_is_that_of_the_request_as_the_market_hears_it(bench: ApiBench, operator: TestClient) -> None:
    asked = operator.post("/api/v1/market/halt", json={"reason": "storm"})
    bench.run()

    heard = [decode(message) for message in bench.bus.messages("trading_api.orders.v1")]
    [request] = [one for one in heard if isinstance(one.event, MarketHaltRequested)]
    assert request.event_id == UUID(asked.json()["deed_id"])


def test_what_the_market_refuses_says_by_which_rule(bench: ApiBench, operator: TestClient) -> None:
    asked = operator.post("/api/v1/market/calendar", json=CALENDAR)
    decided(bench, asked.json()["deed_id"], "refused", "must hold after the version before it")

    deed = operator.get(asked.headers["Location"]).json()

    assert (deed["outcome"], deed["detail"]) == ("refused", "must hold after the version before it")


@pytest.mark.parametrize(
    ("change", "field", "rule", "value"),
    [
        (
            {"effective_from": "2026-05-20T03:14:00Z"},
            "effective_from",
            "must hold at the earliest 15 minutes after the request",
            "2026-05-20T03:14:00Z",
        ),
        (
            {"gate_closure_lead_s": 60},
            "gate_closure_lead_s",
            "gate closure must be at least 15 minutes before delivery",
            "60",
        ),
        ({"opening_lead_s": 1_800}, "opening_lead_s", "opening must come before gate closure", "1800"),
        ({"price_krw_per_kwh_min": "301"}, "price_krw_per_kwh_min", "price limits must be in order", "301.00"),
        (
            {"day_ahead_gate_s": 86_400},
            "day_ahead_gate_s",
            "the day-ahead gate must close before that of the day's first interval",
            "86400",
        ),
    ],
)
def test_a_calendar_that_can_be_judged_is_refused_at_once(
    bench: ApiBench, operator: TestClient, change: dict[str, Any], field: str, rule: str, value: str
) -> None:
    answer = operator.post("/api/v1/market/calendar", json={**CALENDAR, **change})
    bench.run()

    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["field"], error["rule"], error["value"]) == (field, rule, value)
    assert bench.published(CalendarChangeRequested) == []
    assert operator.get("/api/v1/deeds").json()["items"] == operator.get("/api/v1/audit").json()["items"] == []


def test_an_unknown_deed_is_not_there(bench: ApiBench, operator: TestClient) -> None:
    decided(bench, "5e8f295c-0b8f-57b5-b345-1836260580ba", "done")

    assert operator.get("/api/v1/deeds/5e8f295c-0b8f-57b5-b345-1836260580ba").status_code == 404


def test_a_rule_of_the_calendar_is_told_in_korean(bench: ApiBench) -> None:
    with bench.client("operator") as operator:
        answer = operator.post(
            "/api/v1/market/calendar", json={**CALENDAR, "gate_closure_lead_s": 60}, headers={"Accept-Language": "ko"}
        )

    assert answer.json()["errors"][0]["rule"] == "마감은 인도 15분 전 이상이어야 합니다"
