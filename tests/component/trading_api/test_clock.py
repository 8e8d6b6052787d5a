"""The market's time over HTTP: everybody sees it, and the operator sets a simulated one's speed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.clock import Pace, SharedClock, write_pace
from tests.component.trading_api.trading_api_bench import NOON, SECRETS, ApiBench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ApiBench]:
    bench = ApiBench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def clock(tmp_path: Path) -> SharedClock:
    write_pace(tmp_path / "clock.json", Pace(NOON, 60.0, None))
    return SharedClock(tmp_path / "clock.json")


@pytest.fixture
def client(bench: ApiBench, clock: SharedClock) -> Iterator[TestClient]:
    with TestClient(bench.app(simulated_clock=clock), raise_server_exceptions=False) as client:
        yield client


def as_(who: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {SECRETS[who]}"}


@pytest.mark.parametrize("who", ["hanbit", "operator", "planner"])
def test_everybody_sees_the_time_and_the_gates_that_close_next(client: TestClient, who: str) -> None:
    answer = client.get("/api/v1/clock", headers=as_(who)).json()

    # At noon in Korea, with a lead of 15 minutes, the gate of 12:15 has just closed.
    assert answer["now"] == "2026-05-20T03:00:00Z"
    assert answer["next_gates"][0] == {
        "delivery_start": "2026-05-20T03:30:00Z",
        "gate_closure": "2026-05-20T03:15:00Z",
    }
    assert len(answer["next_gates"]) == 4


def test_the_operator_sets_the_speed_and_the_audit_chain_says_so(client: TestClient, clock: SharedClock) -> None:
    answer = client.put("/api/v1/clock", json={"speed": 10}, headers=as_("operator"))

    assert answer.status_code == 200
    assert clock.rate == 10.0
    newest = client.get("/api/v1/audit", headers=as_("operator")).json()["items"][0]
    assert (newest["action"], newest["result"]) == ("clock.speed", "x10")


@pytest.mark.parametrize("speed", [0, 0.5, 61, -1, None, "fast", [10]])
def test_a_speed_that_is_no_persons_is_refused_and_changes_nothing(
    client: TestClient, clock: SharedClock, speed: Any
) -> None:
    answer = client.put("/api/v1/clock", json={"speed": speed}, headers=as_("operator"))

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "speed")
    assert clock.rate == 60.0


def test_nobody_else_sets_it(client: TestClient, clock: SharedClock) -> None:
    codes = [
        client.put("/api/v1/clock", json={"speed": 10}, headers=as_(who)).status_code for who in ("hanbit", "planner")
    ]

    assert (codes, clock.rate) == ([403, 403], 60.0)


def test_the_worlds_clock_can_not_be_set(bench: ApiBench) -> None:
    with bench.client("operator") as client:
        answer = client.put("/api/v1/clock", json={"speed": 10})
        audited = client.get("/api/v1/audit").json()["items"]

    assert (answer.status_code, answer.json()["code"], audited) == (409, "clock_not_settable", [])


def test_a_clock_whose_file_is_gone_is_not_set_and_leaves_no_trace(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "clock.lock").mkdir()

    answer = client.put("/api/v1/clock", json={"speed": 10}, headers=as_("operator"))

    assert (answer.status_code, answer.json()["code"]) == (409, "clock_not_settable")
    assert client.get("/api/v1/audit", headers=as_("operator")).json()["items"] == []
