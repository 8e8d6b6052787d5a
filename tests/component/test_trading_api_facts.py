from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import create_model
from starlette.testclient import TestClient

from shared.events.base import Envelope, Event, named_id
from shared.events.commands import StudyCancelRequested, StudyRequested
from shared.events.deadletters import MessageSetAside
from shared.events.fems import DeviceObserved, IntervalMetered, MeterKind, Quality, SetpointConfirmed, SetpointRefused
from shared.events.forecast import ForecastIssued, ForecastKind
from shared.events.market import AuctionCleared, Fill, MarketHalted, OrderRejected, Trade
from shared.events.orders import OrderSubmitted, Side
from shared.events.planner import StudyCompleted, StudyProgressed, StudyResult
from shared.events.scheduler import SetpointIssued
from shared.events.settlement import IntervalResettled, IntervalSettled, ReadingIgnored, SettledLine, StatementIssued
from shared.intervals import INTERVAL
from tests.component.trading_api_bench import COMPLEX, HANBIT, NOON, SEOJIN, ApiBench

DELIVERY = datetime(2026, 5, 20, 3, 30, tzinfo=UTC)
# The last interval of 19 May in Korea, and the first of 21 May.
DAY_BEFORE, DAY_AFTER = datetime(2026, 5, 19, 14, 45, tzinfo=UTC), datetime(2026, 5, 20, 15, tzinfo=UTC)


@pytest.fixture
def bench(tmp_path: Path) -> ApiBench:
    return ApiBench(tmp_path)


@pytest.fixture
def operator(bench: ApiBench) -> Iterator[TestClient]:
    with bench.client("operator") as client:
        yield client


def a_reading(
    start: datetime = DELIVERY, meter_id: str = f"{HANBIT}.grid", participant_id: str = HANBIT
) -> IntervalMetered:
    return IntervalMetered(
        complex_id=COMPLEX,
        meter_id=meter_id,
        participant_id=participant_id,
        meter_kind=MeterKind.GRID,
        delivery_start=start,
        import_wh=12_345,
        export_wh=0,
        quality=Quality.MEASURED,
    )


def an_order(order_id: str, participant_id: str, side: Side, start: datetime = DELIVERY) -> OrderSubmitted:
    return OrderSubmitted(
        complex_id=COMPLEX,
        order_id=order_id,
        client_order_id=order_id,
        participant_id=participant_id,
        delivery_start=start,
        side=side,
        price_jeon_per_kwh=12_000,
        quantity_wh=10_000,
        submitted_at=NOON,
        writer="scheduler",
        sequence=1,
    )


def a_trade(price_jeon: int | None, volume_wh: int, start: datetime = DELIVERY) -> AuctionCleared:
    """Return an auction in which hanbit buys from seojin, at 120 KRW/kWh if that is the price."""
    name = f"{start:%H%M}"
    orders: list[tuple[str, str, Side]] = [(f"b{name}", HANBIT, Side.BUY), (f"s{name}", SEOJIN, Side.SELL)]
    fills = tuple(
        Fill(
            order_id=order_id,
            participant_id=participant_id,
            side=side,
            quantity_wh=10_000,
            price_jeon_per_kwh=12_000,
            filled_wh=volume_wh,
            paid_krw=1_200 if side is Side.BUY else 0,
            received_krw=1_200 if side is Side.SELL else 0,
        )
        for order_id, participant_id, side in orders
    )
    trade = Trade(
        trade_id=f"t{name}",
        buy_order_id=f"b{name}",
        sell_order_id=f"s{name}",
        buyer_id=HANBIT,
        seller_id=SEOJIN,
        quantity_wh=volume_wh,
        paid_krw=1_200,
        received_krw=1_200,
    )
    return AuctionCleared(
        complex_id=COMPLEX,
        auction_id=f"{COMPLEX}:{name}",
        delivery_start=start,
        cleared_at=start - INTERVAL,
        status="cleared",
        price_jeon_per_kwh=price_jeon,
        price_low_jeon_per_kwh=None,
        price_high_jeon_per_kwh=None,
        volume_wh=volume_wh,
        fees_krw=0,
        feeder_price_jeon_per_kwh={"F1": price_jeon},
        book_hash="0" * 64,
        fills=fills,
        trades=(trade,) if volume_wh else (),
    )


def a_settlement(start: datetime = DELIVERY) -> IntervalSettled:
    line = {
        "metered_import_wh": 12_345,
        "metered_export_wh": 0,
        "bought_wh": 10_000,
        "sold_wh": 0,
        "grid_import_wh": 2_345,
        "grid_export_wh": 0,
        "grid_import_price_jeon_per_kwh": 17_000,
        "grid_export_price_jeon_per_kwh": 9_000,
        "trade_paid_krw": 1_200,
        "trade_received_krw": 0,
        "grid_paid_krw": 399,
        "grid_received_krw": 100,
        "cost_without_krw": 2_099,
    }
    return IntervalSettled(
        complex_id=COMPLEX,
        delivery_start=start,
        settled_at=start + INTERVAL,
        ledger_entries=6,
        ledger_sum_krw=0,
        lines=(SettledLine(participant_id=HANBIT, **line), SettledLine(participant_id=SEOJIN, **line)),
    )


def a_statement() -> StatementIssued:
    return StatementIssued(
        complex_id=COMPLEX,
        statement_id="st-1",
        participant_id=HANBIT,
        trading_day=date(2026, 5, 20),
        intervals=96,
        bought_wh=10_000,
        sold_wh=0,
        grid_import_wh=2_345,
        grid_export_wh=0,
        trade_paid_krw=1_200,
        trade_received_krw=0,
        grid_paid_krw=399,
        grid_received_krw=0,
        cost_with_krw=1_599,
        cost_without_krw=2_099,
        saving_krw=500,
    )


def an_observation(participant_id: str) -> DeviceObserved:
    return DeviceObserved(
        complex_id=COMPLEX,
        device_id=f"{participant_id}.grid",
        participant_id=participant_id,
        meter_kind=MeterKind.GRID,
        observed_at=NOON,
        import_w=100_000,
        export_w=0,
        reachable=True,
    )


def setpoint_facts(name: str) -> dict[str, Any]:
    return {
        "complex_id": COMPLEX,
        "setpoint_id": name,
        "device_id": "hanbit-ess",
        "delivery_start": DELIVERY,
        "setpoint_w": -50_000,
    }


def a_forecast() -> ForecastIssued:
    return ForecastIssued(
        complex_id=COMPLEX,
        site_id="hanbit-roof",
        participant_id=HANBIT,
        kind=ForecastKind.PV,
        issued_at=NOON,
        first_delivery_start=NOON,
        model="clear-sky",
        p10_kw=(1.04,),
        p50_kw=(2.0,),
        p90_kw=(3.0,),
        mean_kw=(2.06,),
    )


def a_letter(complex_id: str) -> MessageSetAside:
    return MessageSetAside(
        complex_id=complex_id,
        service="market",
        topic="scheduler.orders.v1",
        partition=0,
        offset=7,
        key="k",
        reason="body must be JSON",
        set_aside_at=NOON,
        headers=(),
        body_base64="",
    )


def test_the_report_counts_a_korean_day_by_delivery_and_weighs_its_price_by_volume(
    bench: ApiBench, operator: TestClient
) -> None:
    for start in (DAY_BEFORE, DELIVERY, DELIVERY + INTERVAL, DAY_AFTER):
        bench.give(a_reading(start), a_settlement(start))
    bench.give(
        an_order("b0330", HANBIT, Side.BUY),
        an_order("s0330", SEOJIN, Side.SELL),
        a_trade(12_000, 10_000),
        a_trade(15_000, 5_000, DELIVERY + INTERVAL),
        a_trade(None, 0, DELIVERY + 2 * INTERVAL),
        a_forecast(),
        a_statement(),
        SetpointIssued(
            **setpoint_facts("p1"),
            participant_id=HANBIT,
            expires_at=DELIVERY,
            issued_at=NOON,
            charge_w_max=250_000,
            discharge_w_max=250_000,
        ),
        SetpointConfirmed(**setpoint_facts("p1"), participant_id=HANBIT, confirmed_at=NOON),
    )

    report = operator.get("/api/v1/report?day=2026-05-20").json()

    # (10 kWh x 120 + 5 kWh x 150) / 15 kWh = 130 KRW/kWh; a participant paid 1200 + 399 - 100 = 1499 an interval.
    assert report == {
        "day": "2026-05-20",
        "factories": 12,
        "intervals": 2,
        "readings": 2,
        "forecasts": 1,
        "schedules": 0,
        "setpoints_confirmed": 1,
        "orders": 2,
        "auctions_cleared": 3,
        "trades": 2,
        "traded_kwh": "15.000",
        "average_price_krw_per_kwh": "130.00",
        "ledger_entries": 12,
        "ledger_sum_krw": 0,
        "cost_without_krw": 8_396,
        "cost_with_krw": 5_996,
        "saving_krw": 2_400,
        "intervals_settled": 2,
        "statements": 1,
        "late_events": 0,
        "dead_letters": 0,
    }


def test_a_corrected_interval_counts_as_corrected(bench: ApiBench, operator: TestClient) -> None:
    settled = a_settlement()
    [line, _] = settled.lines
    corrected = line.model_copy(update={"grid_paid_krw": 409})
    again = IntervalResettled(
        complex_id=COMPLEX,
        delivery_start=DELIVERY,
        resettled_at=DELIVERY + 2 * INTERVAL,
        meter_id=f"{HANBIT}.grid",
        ledger_entries=7,
        ledger_sum_krw=0,
        lines=(corrected,),
    )
    bench.give(settled, again, a_statement(), a_statement().model_copy(update={"revision": 1}))

    report = operator.get("/api/v1/report?day=2026-05-20").json()

    # 1200 + 399 - 100 = 1499 before; 10 more now, and the other participant's 1499.
    assert [report[name] for name in ("ledger_entries", "intervals_settled", "cost_with_krw")] == [7, 1, 3_008]
    assert [one["revision"] for one in operator.get("/api/v1/statements").json()["items"]] == [1]


def test_a_day_without_trades_has_no_average_price(operator: TestClient) -> None:
    report = operator.get("/api/v1/report?day=2026-05-20").json()

    assert (report["traded_kwh"], report["average_price_krw_per_kwh"]) == ("0.000", None)


def test_late_events_and_dead_letters_are_counted_whosever_they_are(bench: ApiBench, operator: TestClient) -> None:
    here = {"complex_id": COMPLEX, "participant_id": HANBIT, "delivery_start": DELIVERY, "detail": ""}
    bench.give(
        OrderRejected(**here, order_id="o1", reason="gate_closed"),
        OrderRejected(**here, order_id="o2", reason="auction_over"),
        OrderRejected(**here, order_id="o3", reason="market_halted"),
        SetpointRefused(**setpoint_facts("p1"), reason="expired", detail=""),
        SetpointRefused(**setpoint_facts("p2"), reason="out_of_bounds", detail=""),
        ReadingIgnored(complex_id=COMPLEX, meter_id="m", delivery_start=DELIVERY, reason="settled"),
    )
    bench.give(a_letter(COMPLEX), a_letter("unknown"), a_letter("elsewhere"), producer="market")

    report = operator.get("/api/v1/report?day=2026-05-20").json()

    # Two orders, one set-point and one reading were late; the third letter is another complex's.
    assert (report["late_events"], report["dead_letters"]) == (4, 2)


def test_a_factory_sees_its_own_side_of_a_trade_and_its_own_facts(bench: ApiBench, operator: TestClient) -> None:
    bench.give(
        an_order("b0330", HANBIT, Side.BUY),
        an_order("s0330", SEOJIN, Side.SELL),
        a_trade(12_000, 10_000),
        a_reading(),
        a_reading(meter_id=f"{SEOJIN}.grid", participant_id=SEOJIN),
        a_statement(),
        a_forecast(),
    )

    with bench.client("seojin") as seojin:
        [trade] = seojin.get("/api/v1/trades").json()["items"]
        auction = seojin.get("/api/v1/auctions/2026-05-20T12:30:00%2B09:00").json()
        counts = {
            name: [len(client.get(f"/api/v1/{name}").json()["items"]) for client in (seojin, operator)]
            for name in ("orders", "readings", "statements", "forecasts", "auctions")
        }

    assert (trade["seller_id"], trade["received_krw"]) == (SEOJIN, 1_200)
    assert [trade[name] for name in ("buyer_id", "buy_order_id", "paid_krw")] == [None, None, None]
    assert (auction["price_krw_per_kwh"], auction["volume_kwh"]) == ("120.00", "10.000")
    assert [(order["order_id"], order["status"]) for order in auction["own_orders"]] == [("s0330", "filled")]
    assert counts == {
        "orders": [1, 2],
        "readings": [1, 2],
        "statements": [0, 1],
        "forecasts": [0, 1],
        "auctions": [1, 1],
    }


def test_the_complex_as_a_factory_sees_it_has_only_itself(bench: ApiBench, operator: TestClient) -> None:
    with bench.client("seojin") as seojin:
        seen = seojin.get("/api/v1/complex").json()

    assert [one["participant_id"] for one in seen["participants"]] == [SEOJIN]
    assert len(operator.get("/api/v1/complex").json()["participants"]) == 12


def test_pages_hold_every_row_once_in_order(bench: ApiBench, operator: TestClient) -> None:
    bench.give(*(a_reading(DELIVERY + n * INTERVAL, f"m{m}") for n in range(3) for m in range(3)))

    seen: list[tuple[str, str]] = []
    cursor = None
    for _ in range(5):
        page = operator.get("/api/v1/readings", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [(row["delivery_start"], row["meter_id"]) for row in page["items"]]
        cursor = page["next_cursor"]

    assert cursor is None
    assert len(seen) == 9
    assert seen == sorted(set(seen), reverse=True)


def test_events_of_different_topics_may_come_in_any_order(bench: ApiBench, operator: TestClient) -> None:
    bench.give(a_trade(12_000, 10_000))
    bench.give(an_order("b0330", HANBIT, Side.BUY))

    found = operator.get("/api/v1/orders/b0330").json()

    assert (found["status"], found["filled_kwh"]) == ("filled", "10.000")


def test_optional_fields_that_events_gain_later_do_not_stop_the_read_model(
    bench: ApiBench, operator: TestClient
) -> None:
    given: list[Event] = [
        an_order("b0330", HANBIT, Side.BUY),
        a_trade(12_000, 10_000),
        a_settlement(),
        a_statement(),
        ReadingIgnored(complex_id=COMPLEX, meter_id="m", delivery_start=DELIVERY, reason="settled"),
        an_observation(HANBIT),
    ]
    for number, event in enumerate(given):
        envelope = Envelope(
            event_id=named_id("later", number), occurred_at=NOON, source="test", event=with_a_field_more(event)
        )
        with bench.engine.begin() as db:
            bench.service.handlers[type(event)](envelope, db)

    counts = operator.get("/api/v1/report?day=2026-05-20").json()
    assert [counts[name] for name in ("orders", "trades", "intervals_settled", "statements")] == [1, 1, 1, 1]


def with_a_field_more(event: Event) -> Event:
    return create_model("Later", __base__=type(event), more=(int, 7)).model_validate(event.model_dump())


def test_a_halt_shows_at_a_glance(bench: ApiBench, operator: TestClient) -> None:
    bench.give(MarketHalted(complex_id=COMPLEX, halted_at=NOON, reason="fire drill", operator="ops"))

    assert operator.get("/api/v1/overview").json()["market"] == {"halted": True, "reason": "fire drill"}


def test_a_glance_at_a_day_just_over_still_shows_that_day(bench: ApiBench, operator: TestClient) -> None:
    bench.clock.instant = DAY_AFTER + timedelta(minutes=10)
    just_over = operator.get("/api/v1/overview").json()["day"]
    bench.clock.instant = DAY_AFTER + timedelta(minutes=15)

    assert (just_over, operator.get("/api/v1/overview").json()["day"]) == ("2026-05-20", "2026-05-21")


def test_a_study_is_asked_for_followed_and_answered(bench: ApiBench) -> None:
    asked = {"trading_day": "2026-05-20", "battery_scales": [0, 2], "pv_scales": [1]}
    with bench.client("planner") as planner:
        answer = planner.post("/api/v1/studies", json=asked)
        bench.run()
        where = answer.headers["location"]
        early = planner.get(f"{where}/results")
        study_id = answer.json()["study_id"]
        bench.give(StudyProgressed(complex_id=COMPLEX, study_id=study_id, done=1, total=2))
        halfway = planner.get(where).json()
        bench.give(StudyCompleted(complex_id=COMPLEX, study_id=study_id, results=(a_result(0), a_result(2))))
        bench.give(StudyProgressed(complex_id=COMPLEX, study_id=study_id, done=2, total=2))
        done = planner.get(where).json()
        results = planner.get(f"{where}/results").json()["items"]

    assert (answer.status_code, early.status_code) == (202, 409)
    [wish] = bench.published(StudyRequested)
    assert (wish.study_id, wish.battery_scales, wish.tariff_options) == (study_id, (0.0, 2.0), ("as-is",))
    assert [(one["status"], one["done"], one["total"]) for one in (halfway, done)] == [
        ("running", 1, 2),
        ("completed", 2, 2),
    ]
    assert [(one["battery_scale"], one["cost_krw"], one["grid_import_kwh"]) for one in results] == [
        (0.0, 1_000, "5.000"),
        (2.0, 1_000, "5.000"),
    ]


def test_a_study_no_longer_wanted_is_cancelled_once(bench: ApiBench) -> None:
    with bench.client("planner") as planner:
        where = planner.post("/api/v1/studies", json={"trading_day": "2026-05-20"}).headers["location"]
        statuses = [planner.delete(where).json()["status"] for _ in range(2)]
        bench.run()

    assert statuses == ["cancelled", "cancelled"]
    assert len(bench.published(StudyCancelRequested)) == 1


def a_result(battery_scale: float) -> StudyResult:
    return StudyResult(
        battery_scale=battery_scale,
        pv_scale=1,
        tariff_option="as-is",
        cost_krw=1_000,
        grid_import_wh=5_000,
        grid_export_wh=0,
    )


def test_the_process_is_ready_once_its_loop_has_gone_round(bench: ApiBench, operator: TestClient) -> None:
    before = operator.get("/health/ready")

    bench.run()
    after = operator.get("/health/ready")

    assert (before.status_code, before.json()["broker"], before.headers["retry-after"]) == (503, False, "2")
    assert (after.status_code, after.json()) == (200, {"ready": True, "database": True, "broker": True})
