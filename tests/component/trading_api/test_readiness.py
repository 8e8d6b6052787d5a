"""Readiness: what the broker last acknowledged, and since when it owes something."""

import pytest
from starlette.testclient import TestClient

from shared.bus.acknowledged import Acknowledged
from shared.bus.port import BusUnavailable
from tests.component.trading_api.serving import until
from tests.component.trading_api.trading_api_bench import ApiBench, an_order


def test_the_process_is_ready_once_its_loop_has_gone_round(bench: ApiBench, operator: TestClient) -> None:
    before = operator.get("/health/ready")

    bench.run()
    until(lambda: bool(operator.get("/health/ready").json()["stream"]))
    after = operator.get("/health/ready")

    assert (before.status_code, before.json()["broker"], before.headers["retry-after"]) == (503, False, "2")
    told = after.json()
    assert after.status_code == 200
    assert [told[name] for name in ("ready", "database", "broker", "stream", "clock")] == [True] * 5
    # The writer's first seals are out.
    assert (before.json()["broker_answered_at"], before.json()["published_at"]) == (None, None)
    assert told["broker_answered_at"] >= told["published_at"] > "2026"
    assert told["outbox_oldest_at"] is None


def test_the_process_is_not_ready_while_the_broker_takes_no_order_and_says_since_when(bench: ApiBench) -> None:
    now_s = 0.0
    bench.bus.acknowledged = Acknowledged(lambda: now_s)
    bench.run()
    with bench.client("hanbit") as hanbit:
        assert hanbit.post("/api/v1/orders", json=an_order()).status_code == 201
    bench.bus.available = False
    said = []
    for now_s in (1.0, 10.9, 11.0):  # noqa: B007 -- the bus reads the clock
        with pytest.raises(BusUnavailable):
            bench.run()
        # Something else of the broker's may still answer.
        bench.bus.acknowledged.answered()
        with bench.client("operator") as anyone:
            said.append(anyone.get("/health/ready").json())
    bench.bus.available = True
    bench.run()
    with bench.client("operator") as anyone:
        after = anyone.get("/health/ready").json()

    assert [one["broker"] for one in said] == [True, True, False]
    assert {one["outbox_oldest_at"] for one in said} == {"2026-05-20T03:00:00Z"}
    assert (after["broker"], after["outbox_oldest_at"]) == (True, None)
