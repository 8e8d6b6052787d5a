"""A clock that is stepped an hour forward for 18 seconds: nothing is done by it for good, and all goes on after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from shared.clock import ClockStepped
from shared.events.orders import OrdersSealed, OrderSubmitted
from shared.runtime.clock_guard import GuardedClock, Notes
from shared.runtime.runloop import PASSING_FAULTS, RunLoop
from simulation.clock import ManualClock
from tests.component.trading_api.trading_api_bench import NOON, SECRETS, ApiBench, an_order

HOUR = timedelta(hours=1)


@dataclass
class Exchange:
    """The trading API behind a guarded clock, and time that passes by hand."""

    bench: ApiBench
    wall: ManualClock
    loop: RunLoop
    hanbit: TestClient
    elapsed_s: float = 0.0

    def pass_time(self, span: timedelta) -> None:
        """Let time pass, and the clock with it."""
        self.wall.advance(span)
        self.elapsed_s += span.total_seconds()

    def order(self, client_order_id: str) -> tuple[int, str]:
        """Submit an order for half past one; return the answer's status and what became of it."""
        body = an_order(client_order_id=client_order_id, delivery_start="2026-05-20T04:30:00Z")
        answer = self.hanbit.post("/api/v1/orders", json=body)
        return answer.status_code, answer.json().get("code") or answer.json()["status"]

    def sealed(self) -> list[timedelta]:
        """Return which intervals were sealed, from noon on."""
        return [seal.delivery_start - NOON for seal in self.bench.published(OrdersSealed)]


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    with an_exchange(tmp_path) as exchange:
        yield exchange


@contextmanager
def an_exchange(folder: Path) -> Iterator[Exchange]:
    """Open the exchange at noon."""
    bench, wall = ApiBench(folder), ManualClock(NOON, is_simulated=False)
    clock = GuardedClock(wall, Notes(folder, "trading_api", "boot"), lambda: opened.elapsed_s)
    loop = RunLoop(bench.service, bench.bus, bench.engine, clock)
    headers = {"Authorization": f"Bearer {SECRETS['hanbit']}"}
    app = bench.app(clock=clock)
    with TestClient(app, headers=headers, raise_server_exceptions=False) as hanbit:
        opened = Exchange(bench, wall, loop, hanbit)
        loop.step(0)
        yield opened
    bench.close()


def test_while_the_clock_is_an_hour_ahead_nothing_is_sealed_or_stamped_and_reads_go_on(exchange: Exchange) -> None:
    assert exchange.order("before") == (201, "received")
    before = exchange.sealed()
    exchange.wall.advance(HOUR)

    for _ in range(3):
        exchange.pass_time(timedelta(seconds=6))
        with pytest.raises(PASSING_FAULTS, match="sandan clock confirm"):
            exchange.loop.step(0)

    refused = exchange.hanbit.post("/api/v1/orders", json=an_order())
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert refused.json()["code"] == "clock_stepped"
    assert exchange.hanbit.get("/api/v1/overview").json()["clock"]["now"] == "2026-05-20T03:00:18Z"
    assert exchange.hanbit.get("/health/ready").json()["clock"] is False
    assert exchange.sealed() == before


def test_once_the_clock_is_back_everything_goes_on_by_itself(exchange: Exchange) -> None:
    exchange.order("before")
    exchange.wall.advance(HOUR)
    assert exchange.order("during") == (503, "clock_stepped")
    exchange.pass_time(timedelta(seconds=18))
    exchange.wall.advance(-HOUR)

    assert exchange.order("during") == (201, "received")
    assert exchange.order("before") == (200, "received")
    exchange.loop.step(0)

    # At noon the interval of 12:15 was the newest whose gate (15 minutes before) had closed; it is still that.
    assert exchange.sealed() == [timedelta(minutes=15)]
    stamps = [order.submitted_at - NOON for order in exchange.bench.published(OrderSubmitted)]
    assert stamps == [timedelta(0), timedelta(seconds=18)]


def test_a_clock_that_went_back_an_hour_stops_nobody(exchange: Exchange) -> None:
    exchange.order("before")
    exchange.wall.advance(-HOUR)

    assert exchange.order("after") == (201, "received")
    exchange.loop.step(0)

    assert exchange.sealed() == [timedelta(minutes=15)]
    stamps = [order.submitted_at - NOON for order in exchange.bench.published(OrderSubmitted)]
    assert stamps == [timedelta(0), timedelta(microseconds=1)]


def test_a_stepped_clock_is_a_fault_that_passes() -> None:
    assert ClockStepped in PASSING_FAULTS
