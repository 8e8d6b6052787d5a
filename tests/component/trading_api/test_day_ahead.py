"""Orders and blocks of the day-ahead auction over HTTP, and what the market makes of them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.events.commands import CalendarChangeRequested
from shared.events.market import BlockDecided, CalendarChanged, DayAheadCleared, OrderAccepted, OrderLapsed
from shared.events.orders import BlockSubmitted, OrderCancelRequested, OrderSubmitted
from shared.events.records import Calendar
from tests.component.market.market_facts import LEAD, a_seal
from tests.component.market.market_facts import a_bench as a_market
from tests.component.trading_api.trading_api_bench import COMPLEX, ApiBench, an_order

# 13:00 in Korea on the 20th closes the auction of the 21st; the bench begins at noon.
GATE = datetime(2026, 5, 20, 4, tzinfo=UTC)
MORNING = "2026-05-21T00:00:00Z"
QUARTER_LATER = "2026-05-21T00:15:00Z"
CALENDAR = Calendar(
    effective_from=GATE - timedelta(days=1),
    gate_closure_lead_s=1_800,
    price_jeon_per_kwh_min=0,
    price_jeon_per_kwh_max=50_000,
    order_quantity_wh_max=100_000,
    day_ahead_gate_s=13 * 3_600,
)
ASKED = {"requested_at": GATE - timedelta(days=2), "operator": "kim"}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ApiBench]:
    bench = ApiBench(tmp_path)
    bench.give(CalendarChanged(complex_id=COMPLEX, calendar_version=1, calendar=CALENDAR, **ASKED))
    yield bench
    bench.close()


def a_block(**changes: Any) -> dict[str, Any]:
    return {
        "client_order_id": "batch-1",
        "delivery_start": MORNING,
        "side": "buy",
        "price_krw_per_kwh": "120",
        "quantity_kwh": ["10", "5.5"],
        **changes,
    }


def test_a_block_meets_the_orders_of_tomorrow_and_everyone_learns_why(
    bench: ApiBench, seojin: TestClient, tmp_path: Path
) -> None:
    market = a_market(f"sqlite:///{tmp_path / 'market'}")
    market.give(CalendarChangeRequested(complex_id=COMPLEX, calendar=CALENDAR, **ASKED))
    with bench.client("hanbit") as hanbit:
        sells = [
            an_order(client_order_id=name, delivery_start=start, side="sell", price_krw_per_kwh="100", quantity_kwh=kwh)
            for name, start, kwh in (("s1", MORNING, "10"), ("s2", QUARTER_LATER, "8"))
        ]
        taken = [hanbit.post("/api/v1/orders", json={**sell, "auction": "day_ahead"}) for sell in sells]
        block = seojin.post("/api/v1/blocks", json=a_block())
        assert [answer.status_code for answer in (*taken, block)] == [201, 201, 201]
        assert (block.json()["auction"], block.json()["quantity_kwh"]) == ("day_ahead", "15.500")
        assert block.json()["block_kwh"] == ["10.000", "5.500"]

        bench.run()
        for event in (*bench.published(OrderSubmitted), *bench.published(BlockSubmitted)):
            market.give(event, producer="trading_api")
        for writer in ("scheduler", "trading_api"):
            market.give(a_seal(writer, GATE + LEAD), producer=writer)
        bench.give(*(one for kind in (OrderAccepted, DayAheadCleared, BlockDecided) for one in market.published(kind)))

        # Only s1 is filled whole: of s2's 8 kWh the block takes 5.5. The midpoint of 100 and 120 is 110 at the hub.
        whole, part = (hanbit.get(f"/api/v1/orders/{answer.json()['order_id']}").json() for answer in taken)
        assert (whole["status"], part["status"], part["filled_kwh"]) == ("filled", "part_filled", "5.500")
        filled = seojin.get(f"/api/v1/orders/{block.json()['order_id']}").json()
        assert (filled["status"], filled["filled_kwh"]) == ("filled", "15.500")
        assert filled["paid_krw"] == sum(event.paid_krw for event in market.published(BlockDecided)) > 0
        assert filled["why"]["en"].startswith("The whole block was filled (a gain of ")
        day = {one["delivery_start"]: one for one in seojin.get("/api/v1/day-ahead").json()["items"]}
        assert len(day) == 96
        assert (day[MORNING]["volume_kwh"], day[QUARTER_LATER]["volume_kwh"]) == ("10.000", "5.500")
        assert {float(trade["quantity_kwh"]) for trade in seojin.get("/api/v1/trades").json()["items"]} == {10.0, 5.5}


def test_a_block_is_the_same_again_and_another_body_is_not(seojin: TestClient) -> None:
    first = seojin.post("/api/v1/blocks", json=a_block())

    assert seojin.post("/api/v1/blocks", json=a_block()).status_code == 200
    assert seojin.post("/api/v1/blocks", json=a_block(quantity_kwh=["5.5", "10"])).status_code == 409
    assert seojin.get(f"/api/v1/orders/{first.json()['order_id']}").json()["status"] == "received"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity_kwh": []}, "quantity_kwh"),
        ({"quantity_kwh": ["10", "0"]}, "quantity_kwh"),
        ({"quantity_kwh": ["10", "1.2345"]}, "quantity_kwh"),
        ({"quantity_kwh": "10"}, "quantity_kwh"),
        ({"quantity_kwh": ["10", "101"]}, "quantity_kwh"),
        # 23:45 in Korea: its second quarter of an hour is the next day's.
        ({"delivery_start": "2026-05-21T14:45:00Z"}, ""),
        ({"auction": "day_ahead"}, "auction"),
    ],
)
def test_a_block_beyond_a_rule_is_a_problem(bench: ApiBench, seojin: TestClient, changes: Any, field: str) -> None:
    answer = seojin.post("/api/v1/blocks", json=a_block(**changes))
    bench.run()

    assert answer.status_code == 422
    assert all(error["field"].startswith(field) for error in answer.json()["errors"])
    assert bench.published(BlockSubmitted) == []


def test_the_gate_of_the_day_before_counts_and_a_dry_run_names_it(bench: ApiBench, seojin: TestClient) -> None:
    order = {**an_order(delivery_start=MORNING), "auction": "day_ahead"}
    assert seojin.post("/api/v1/orders?dry_run=true", json=order).json()["gate_closure"] == "2026-05-20T04:00:00Z"
    taken = seojin.post("/api/v1/orders", json=order).json()["order_id"]

    bench.run(until=GATE)

    late = seojin.post("/api/v1/blocks", json=a_block())
    assert (late.status_code, late.json()["gate_closure"]) == (409, "2026-05-20T04:00:00Z")
    assert seojin.delete(f"/api/v1/orders/{taken}").status_code == 409
    # The interval's own auction is still to come.
    assert seojin.post("/api/v1/orders", json=an_order(client_order_id="b", delivery_start=MORNING)).status_code == 201


def test_a_block_is_taken_back_whole_and_never_changed(bench: ApiBench, seojin: TestClient) -> None:
    order_id = seojin.post("/api/v1/blocks", json=a_block()).json()["order_id"]

    changed = seojin.patch(f"/api/v1/orders/{order_id}", json={"price_krw_per_kwh": "130"})
    taken_back = seojin.delete(f"/api/v1/orders/{order_id}")
    bench.run()

    assert (changed.status_code, changed.json()["type"]) == (409, "urn:sandan:problem:block-not-amendable")
    assert taken_back.status_code == 202
    assert [event.order_id for event in bench.published(OrderCancelRequested)] == [order_id]


def test_the_calendar_of_the_day_befores_beginning_rules_its_auction_whenever_an_order_comes(
    bench: ApiBench, seojin: TestClient
) -> None:
    # It is noon; from 10:00 on there is no day-ahead auction, which holds from the auction of the 22nd on.
    changed = replace(CALENDAR, effective_from=GATE - timedelta(hours=3), day_ahead_gate_s=None)
    bench.give(CalendarChanged(complex_id=COMPLEX, calendar_version=2, calendar=changed, **ASKED))

    tomorrow = seojin.post("/api/v1/blocks", json=a_block())
    after = seojin.post("/api/v1/blocks", json=a_block(client_order_id="x", delivery_start="2026-05-22T00:00:00Z"))

    assert tomorrow.status_code == 201
    assert (after.status_code, after.json()["type"]) == (409, "urn:sandan:problem:no-day-ahead-auction")
    assert seojin.delete(f"/api/v1/orders/{tomorrow.json()['order_id']}").status_code == 202


def test_an_order_whose_auction_was_done_away_with_can_be_taken_back_and_expires_with_its_reason(
    bench: ApiBench, seojin: TestClient
) -> None:
    start = "2026-05-22T00:00:00Z"
    kept, back = (
        seojin.post("/api/v1/blocks", json=a_block(client_order_id=name, delivery_start=start)).json()["order_id"]
        for name in ("kept", "back")
    )
    changed = replace(CALENDAR, effective_from=GATE + timedelta(hours=1), day_ahead_gate_s=None)
    bench.give(CalendarChanged(complex_id=COMPLEX, calendar_version=2, calendar=changed, **ASKED))

    taken_back = seojin.delete(f"/api/v1/orders/{back}")
    member = seojin.get(f"/api/v1/orders/{kept}").json()["participant_id"]
    facts = {"participant_id": member, "delivery_start": datetime(2026, 5, 22, tzinfo=UTC)}
    bench.give(OrderLapsed(complex_id=COMPLEX, order_id=kept, reason="no_day_ahead_auction", **facts))

    assert taken_back.status_code == 202
    expired = seojin.get(f"/api/v1/orders/{kept}", headers={"Accept-Language": "en"}).json()
    assert (expired["status"], expired["reason"]) == ("expired", "no_day_ahead_auction")
    assert "calendar was changed" in expired["why"]["en"]


def test_a_complex_without_a_day_ahead_auction_says_so(tmp_path: Path) -> None:
    bench = ApiBench(tmp_path)
    with bench.client("seojin") as seojin:
        refused = seojin.post("/api/v1/blocks", json=a_block())
    bench.close()

    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:sandan:problem:no-day-ahead-auction"
