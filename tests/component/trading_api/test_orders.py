from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from shared.events.commands import MarketHaltRequested
from shared.events.market import AuctionCleared, OrderAccepted
from shared.events.orders import OrderCancelRequested, OrdersSealed, OrderSubmitted
from shared.events.records import Fill, Side
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, NOON, ApiBench, an_order

DELIVERY = datetime(2026, 5, 20, 3, 30, tzinfo=UTC)


def test_an_order_is_stamped_numbered_and_published_once_it_is_acknowledged(
    bench: ApiBench, hanbit: TestClient
) -> None:
    answer = hanbit.post("/api/v1/orders", json=an_order())
    bench.run()

    assert answer.status_code == 201
    assert answer.json()["status"] == "received"
    [submitted] = bench.published(OrderSubmitted)
    assert submitted.order_id == answer.json()["order_id"]
    assert (submitted.price_jeon_per_kwh, submitted.quantity_wh) == (13_025, 12_345)
    assert (submitted.submitted_at, submitted.sequence, submitted.writer) == (NOON, 1, "trading_api")


def test_the_same_order_again_is_the_same_order_and_another_body_is_refused(
    bench: ApiBench, hanbit: TestClient
) -> None:
    first = hanbit.post("/api/v1/orders", json=an_order())

    again = hanbit.post("/api/v1/orders", json=an_order(price_krw_per_kwh=130.250))
    other = hanbit.post("/api/v1/orders", json=an_order(price_krw_per_kwh="130.26"))
    bench.run()

    assert (again.status_code, again.json()) == (200, first.json())
    assert (other.status_code, other.json()["type"]) == (409, "urn:sandan:problem:client-order-id-reused")
    assert len(bench.published(OrderSubmitted)) == 1


def test_two_factories_may_use_the_same_client_order_id(bench: ApiBench, hanbit: TestClient) -> None:
    first = hanbit.post("/api/v1/orders", json=an_order())

    with bench.client("seojin") as seojin:
        second = seojin.post("/api/v1/orders", json=an_order())

    assert second.status_code == 201
    assert second.json()["order_id"] != first.json()["order_id"]


def test_a_dry_run_says_what_would_happen_and_leaves_nothing(bench: ApiBench, hanbit: TestClient) -> None:
    answer = hanbit.post("/api/v1/orders?dry_run=true", json=an_order())
    bench.run()

    # 130.25 KRW/kWh x 12.345 kWh = 1607.93625 KRW
    assert answer.json() == {
        "dry_run": True,
        "would_be": "received",
        "gate_closure": "2026-05-20T03:15:00Z",
        "value_krw": "1608.00",
    }
    assert hanbit.get("/api/v1/orders").json()["items"] == []
    assert bench.published(OrderSubmitted) == []


@pytest.mark.parametrize(
    ("after", "status"), [(timedelta(minutes=15, microseconds=-1), 201), (timedelta(minutes=15), 409)]
)
def test_the_gate_closes_a_lead_before_delivery_to_the_microsecond(
    bench: ApiBench, hanbit: TestClient, after: timedelta, status: int
) -> None:
    bench.clock.advance(after)

    answer = hanbit.post("/api/v1/orders", json=an_order())

    assert answer.status_code == status


def test_an_order_after_the_seal_is_refused_although_the_clock_was_set_back(
    bench: ApiBench, hanbit: TestClient
) -> None:
    bench.run(until=NOON + timedelta(minutes=15))
    bench.clock.instant = NOON

    answer = hanbit.post("/api/v1/orders", json=an_order())

    assert (answer.status_code, answer.json()["code"]) == (409, "gate_closed")
    assert [seal.delivery_start for seal in bench.published(OrdersSealed)][-1] == DELIVERY


def test_the_market_s_word_shows_in_the_order(bench: ApiBench, hanbit: TestClient) -> None:
    order_id = hanbit.post("/api/v1/orders", json=an_order()).json()["order_id"]
    here = {"complex_id": COMPLEX, "order_id": order_id, "participant_id": HANBIT, "delivery_start": DELIVERY}

    bench.give(OrderAccepted(**here))
    accepted = hanbit.get(f"/api/v1/orders/{order_id}").json()["status"]
    bench.give(an_auction(order_id, filled_wh=5_000))
    # The market's two topics are read in any order: a late acceptance does not undo the end.
    bench.give(OrderAccepted(**here))
    ended = hanbit.get("/api/v1/orders", params={"client_order_id": "morning-1"}).json()["items"][0]

    assert accepted == "accepted"
    assert (ended["status"], ended["filled_kwh"], ended["paid_krw"]) == ("part_filled", "5.000", 600)


def test_a_cancellation_is_asked_once_and_refused_after_the_gate(bench: ApiBench, hanbit: TestClient) -> None:
    first = hanbit.post("/api/v1/orders", json=an_order()).json()["order_id"]
    second = hanbit.post("/api/v1/orders", json=an_order(client_order_id="morning-2")).json()["order_id"]

    asked = [hanbit.delete(f"/api/v1/orders/{first}") for _ in range(2)]
    bench.run(until=NOON + timedelta(minutes=15))
    late = hanbit.delete(f"/api/v1/orders/{second}")

    assert [answer.status_code for answer in asked] == [202, 202]
    assert asked[0].json()["cancel_requested_at"] == "2026-05-20T03:00:00Z"
    assert [wish.order_id for wish in bench.published(OrderCancelRequested)] == [first]
    assert (late.status_code, late.json()["code"]) == (409, "gate_closed")


def test_all_open_orders_are_taken_back_at_once(bench: ApiBench, hanbit: TestClient) -> None:
    for number in range(3):
        hanbit.post("/api/v1/orders", json=an_order(client_order_id=f"o-{number}"))

    asked = hanbit.delete("/api/v1/orders")
    bench.run()

    assert [one["client_order_id"] for one in asked.json()["items"]] == ["o-0", "o-1", "o-2"]
    assert len(bench.published(OrderCancelRequested)) == 3


def an_auction(order_id: str, *, filled_wh: int) -> AuctionCleared:
    fill = Fill(
        order_id=order_id,
        participant_id=HANBIT,
        side=Side.BUY,
        quantity_wh=12_345,
        price_jeon_per_kwh=13_025,
        filled_wh=filled_wh,
        paid_krw=600,
        received_krw=0,
    )
    return AuctionCleared(
        complex_id=COMPLEX,
        auction_id=f"{COMPLEX}:2026-05-20T03:30",
        delivery_start=DELIVERY,
        cleared_at=DELIVERY - timedelta(minutes=15),
        status="cleared",
        price_jeon_per_kwh=12_000,
        price_low_jeon_per_kwh=11_000,
        price_high_jeon_per_kwh=13_000,
        volume_wh=filled_wh,
        fees_krw=0,
        feeder_price_jeon_per_kwh={"F1": 12_000},
        book_hash="0" * 64,
        fills=(fill,),
        trades=(),
    )


def test_after_the_clock_went_back_an_hour_each_word_is_stamped_after_the_ones_before(
    bench: ApiBench, hanbit: TestClient
) -> None:
    first = hanbit.post("/api/v1/orders", json=an_order(client_order_id="first"))
    bench.clock.advance(timedelta(hours=-1))

    hanbit.post("/api/v1/orders", json=an_order(client_order_id="second"))
    hanbit.delete(f"/api/v1/orders/{first.json()['order_id']}")
    with bench.client("operator") as operator:
        operator.post("/api/v1/market/halt", json={"reason": "the clock went back"})
    bench.run()

    orders, [cancel] = bench.published(OrderSubmitted), bench.published(OrderCancelRequested)
    [halt] = bench.published(MarketHaltRequested)
    stamps = [*(order.submitted_at for order in orders), cancel.requested_at, halt.requested_at]
    assert [stamp - NOON for stamp in stamps] == [n * timedelta(microseconds=1) for n in range(4)]
