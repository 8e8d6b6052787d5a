"""Amendments, reasons, the calendar and limits, as callers see them."""

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from shared.events.commands import CalendarChangeRequested, LimitsChangeRequested
from shared.events.market import AmendmentRejected, AuctionCleared, CalendarChanged, LimitsChanged, OrderAmended
from shared.events.orders import OrderAmendRequested
from shared.events.records import Fill, FillReason, Side
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, NOON, ApiBench, an_order

DELIVERY = NOON + timedelta(minutes=30)
CALENDAR = {
    "effective_from": "2026-05-20T04:00:00Z",
    "gate_closure_lead_s": 1800,
    "price_krw_per_kwh_min": "-50",
    "price_krw_per_kwh_max": "600",
    "order_quantity_kwh_max": "100",
    "tick_krw_per_kwh": "0.10",
}


def an_order_id(client: TestClient) -> str:
    order_id: str = client.post("/api/v1/orders", json=an_order()).json()["order_id"]
    return order_id


def test_an_amendment_is_asked_for_and_shows_the_markets_word(bench: ApiBench, hanbit: TestClient) -> None:
    order_id = an_order_id(hanbit)

    asked = hanbit.patch(f"/api/v1/orders/{order_id}", json={"quantity_kwh": "10"})
    bench.run()

    assert (asked.status_code, asked.json()["amendment"], asked.json()["quantity_kwh"]) == (202, "requested", "12.345")
    [wish] = bench.published(OrderAmendRequested)
    assert (wish.price_jeon_per_kwh, wish.quantity_wh, wish.sequence) == (13_025, 10_000, 2)
    facts = {"complex_id": COMPLEX, "order_id": order_id, "participant_id": HANBIT, "delivery_start": DELIVERY}
    bench.give(OrderAmended(**facts, price_jeon_per_kwh=13_025, quantity_wh=10_000, keeps_priority=True))
    amended = hanbit.get(f"/api/v1/orders/{order_id}").json()
    assert (amended["amendment"], amended["quantity_kwh"]) == ("accepted", "10.000")
    # The order as it was first handed in is still the same order, whatever it has become.
    assert hanbit.post("/api/v1/orders", json=an_order()).status_code == 200

    bench.give(AmendmentRejected(**facts, reason="price_off_tick", detail="price must be a multiple"))
    refused = hanbit.get(f"/api/v1/orders/{order_id}").json()
    assert (refused["amendment"], refused["quantity_kwh"]) == ("rejected", "10.000")
    assert refused["amendment_detail"] == "price_off_tick: price must be a multiple"


@pytest.mark.parametrize(
    ("body", "after", "status"),
    [
        ({}, timedelta(0), 422),
        ({"quantity_kwh": "0"}, timedelta(0), 422),
        ({"price_krw_per_kwh": "9999"}, timedelta(0), 422),
        ({"price_krw_per_kwh": "1.234"}, timedelta(0), 422),
        ({"side": "sell"}, timedelta(0), 422),
        ({"quantity_kwh": "1"}, timedelta(minutes=15), 409),
    ],
)
def test_an_amendment_beyond_a_rule_is_a_problem(
    bench: ApiBench, hanbit: TestClient, body: dict[str, str], after: timedelta, status: int
) -> None:
    order_id = an_order_id(hanbit)
    bench.clock.advance(after)

    answer = hanbit.patch(f"/api/v1/orders/{order_id}", json=body)
    bench.run()

    assert answer.status_code == status
    assert bench.published(OrderAmendRequested) == []


def test_anothers_order_can_not_be_amended(bench: ApiBench, hanbit: TestClient) -> None:
    order_id = an_order_id(hanbit)

    with bench.client("seojin") as seojin:
        assert seojin.patch(f"/api/v1/orders/{order_id}", json={"quantity_kwh": "1"}).status_code == 404


def test_an_order_says_why_it_was_not_filled(bench: ApiBench, hanbit: TestClient) -> None:
    order_id = an_order_id(hanbit)
    bench.run()
    fill = Fill(
        order_id=order_id,
        participant_id=HANBIT,
        side=Side.BUY,
        quantity_wh=12_345,
        price_jeon_per_kwh=13_025,
        filled_wh=0,
        paid_krw=0,
        received_krw=0,
        reason=FillReason.OUTBID,
    )
    bench.give(
        AuctionCleared(
            complex_id=COMPLEX,
            auction_id="a",
            delivery_start=DELIVERY,
            cleared_at=NOON,
            status="cleared",
            price_jeon_per_kwh=13_000,
            price_low_jeon_per_kwh=13_000,
            price_high_jeon_per_kwh=13_000,
            volume_wh=1,
            fees_krw=0,
            feeder_price_jeon_per_kwh={"F1": 13_450},
            book_hash="0",
            fills=(fill,),
            trades=(),
            binding_limits={"F1": "import"},
        )
    )

    why = hanbit.get(f"/api/v1/orders/{order_id}").json()["why"]

    assert why["en"].startswith("Your 130.25 was below the price of 134.50 on feeder F1, which was full")
    assert why["ko"] == "주문가 130.25원이 피더 F1(수전 한도까지 찼음)의 가격 134.50원보다 낮아 체결되지 않았습니다."


def test_the_operator_changes_the_calendar_with_an_audit_entry(
    bench: ApiBench, operator: TestClient, hanbit: TestClient
) -> None:
    asked = operator.post("/api/v1/market/calendar", json=CALENDAR)
    bench.run()

    assert asked.status_code == 202
    [wish] = bench.published(CalendarChangeRequested)
    assert (wish.calendar.tick_jeon, wish.calendar.price_jeon_per_kwh_min, wish.requested_at) == (10, -5_000, NOON)
    assert operator.get("/api/v1/audit").json()["items"][0]["action"] == "calendar.change"
    changed = CalendarChanged(
        complex_id=COMPLEX, calendar_version=1, requested_at=NOON, operator="operator", calendar=wish.calendar
    )
    bench.give(changed)
    file_own, version = hanbit.get("/api/v1/market/calendar").json()["versions"]
    assert (file_own["version"], file_own["price_krw_per_kwh_max"], file_own["effective_from"]) == (0, "500.00", None)
    assert (version["version"], version["price_krw_per_kwh_max"], version["tick_krw_per_kwh"]) == (1, "600.00", "0.10")


def test_an_orders_limits_are_those_of_the_calendar_in_force(
    bench: ApiBench, operator: TestClient, hanbit: TestClient
) -> None:
    operator.post("/api/v1/market/calendar", json=CALENDAR)
    bench.run()
    [wish] = bench.published(CalendarChangeRequested)
    facts = {"complex_id": COMPLEX, "calendar_version": 1, "requested_at": NOON, "operator": "operator"}
    bench.give(CalendarChanged(**facts, calendar=wish.calendar))
    dear = an_order(price_krw_per_kwh="600.00", delivery_start="2026-05-20T06:00:00Z")

    before = hanbit.post("/api/v1/orders", json=dear)
    bench.clock.advance(timedelta(hours=1))
    after = hanbit.post("/api/v1/orders", json=dear)

    # The file allows 500 KRW/kWh; from 04:00 UTC, an hour after noon in Korea, it is 600.
    assert (before.status_code, after.status_code) == (422, 201)


def test_an_order_off_the_tick_or_the_lot_in_force_is_refused_where_it_is_handed_in(
    bench: ApiBench, operator: TestClient, hanbit: TestClient
) -> None:
    operator.post("/api/v1/market/calendar", json={**CALENDAR, "tick_krw_per_kwh": "5", "lot_kwh": "0.5"})
    bench.run()
    [wish] = bench.published(CalendarChangeRequested)
    facts = {"complex_id": COMPLEX, "calendar_version": 1, "requested_at": NOON, "operator": "operator"}
    bench.give(CalendarChanged(**facts, calendar=wish.calendar))
    bench.clock.advance(timedelta(hours=1))
    later = {"delivery_start": "2026-05-20T06:00:00Z"}

    off = hanbit.post("/api/v1/orders", json=an_order(**later, price_krw_per_kwh="130.25", quantity_kwh="12.345"))
    on = hanbit.post("/api/v1/orders", json=an_order(**later, price_krw_per_kwh="130", quantity_kwh="12.5"))
    amended = hanbit.patch(f"/api/v1/orders/{on.json()['order_id']}", json={"price_krw_per_kwh": "131"})

    assert (off.status_code, on.status_code, amended.status_code) == (422, 201, 422)
    assert [(error["field"], error["rule"], error["limit"], error["value"]) for error in off.json()["errors"]] == [
        ("price_krw_per_kwh", "must be a multiple of 5.00 KRW/kWh", "5.00", "130.25"),
        ("quantity_kwh", "must be a multiple of 0.500 kWh", "0.500", "12.345"),
    ]


def test_the_operator_limits_a_participant(bench: ApiBench, operator: TestClient) -> None:
    body = {"participant_id": HANBIT, "open_orders_max": 5, "credit_limit_krw": None}

    asked = operator.post("/api/v1/limits", json=body)
    bench.run()

    assert asked.status_code == 202
    [wish] = bench.published(LimitsChangeRequested)
    assert (wish.participant_id, wish.open_orders_max, wish.credit_krw_max) == (HANBIT, 5, None)
    limits = {"open_orders_max": 5, "credit_krw_max": None, "changed_at": NOON, "operator": "operator"}
    bench.give(LimitsChanged(complex_id=COMPLEX, participant_id=HANBIT, **limits))
    [listed] = operator.get("/api/v1/limits").json()["items"]
    assert (listed["participant_id"], listed["open_orders_max"], listed["credit_limit_krw"]) == (HANBIT, 5, None)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("limits", {"participant_id": "stranger", "open_orders_max": 1, "credit_limit_krw": 1}),
        ("limits", {"participant_id": HANBIT, "open_orders_max": -1, "credit_limit_krw": None}),
        ("market/calendar", {**CALENDAR, "traders": ["stranger"]}),
        ("market/calendar", {**CALENDAR, "tick_krw_per_kwh": "0"}),
        ("market/calendar", {**CALENDAR, "gate_closure_lead_s": 0}),
    ],
)
def test_a_rule_that_can_not_be_is_refused(
    bench: ApiBench, operator: TestClient, path: str, body: dict[str, object]
) -> None:
    answer = operator.post(f"/api/v1/{path}", json=body)
    bench.run()

    assert answer.status_code == 422
    assert bench.published(LimitsChangeRequested) + bench.published(CalendarChangeRequested) == []


@pytest.mark.parametrize("path", ["limits", "market/calendar"])
def test_only_operators_change_rules(hanbit: TestClient, path: str) -> None:
    assert hanbit.post(f"/api/v1/{path}", json={}).status_code == 403
