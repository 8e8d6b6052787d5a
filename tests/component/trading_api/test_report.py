"""A trading day in numbers."""

from dataclasses import replace

from starlette.testclient import TestClient

from shared.events.fems import MeterKind, SetpointConfirmed, SetpointRefused
from shared.events.market import OrderRejected
from shared.events.records import Side
from shared.events.scheduler import SetpointIssued
from shared.events.settlement import IntervalResettled, ReadingIgnored
from shared.intervals import INTERVAL
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, NOON, SEOJIN, ApiBench
from tests.component.trading_api.trading_api_facts import (
    DAY_AFTER,
    DAY_BEFORE,
    DELIVERY,
    a_forecast,
    a_letter,
    a_reading,
    a_settlement,
    a_statement,
    a_trade,
    an_order,
    setpoint_facts,
)

BATTERIES = "/api/v1/batteries?day=2026-05-20"


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
    bases = {name: report.pop(f"{name}_basis", {}) for name in ("saving", "battery_shift", "trading_gain")}

    assert {language for basis in bases.values() for language, words in basis.items() if words} == {"ko", "en"}
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
        "stored_value_krw": 0,
        "battery_shift_krw": 0,
        "trading_gain_krw": 2_400,
        "saving_krw": 2_400,
        "intervals_settled": 2,
        "statements": 1,
        "late_events": 0,
        "dead_letters": 0,
    }


def test_energy_that_a_battery_gave_and_did_not_take_back_is_no_saving_anywhere(
    bench: ApiBench, operator: TestClient
) -> None:
    [line, _] = a_settlement().lines
    # 10 kWh less drawn, as the battery gave them: 2.345 kWh at 170 where it would have been 12.345.
    discharged = replace(line, metered_import_wh=2_345, bought_wh=0, trade_paid_krw=0, grid_received_krw=0)
    gave = a_reading(meter_id="hanbit-ess").model_copy(
        update={"meter_kind": MeterKind.ESS, "import_wh": 0, "export_wh": 10_000}
    )
    bench.give(gave, a_settlement().model_copy(update={"lines": (discharged,)}))

    report = operator.get("/api/v1/report?day=2026-05-20").json()
    # It cost 399 where it would have been 2,099; to charge 10 / 0.9216 = 10.851 kWh again costs 1,844.6 at 170.
    assert report["saving_krw"] == -145
    glance = operator.get("/api/v1/overview?day=2026-05-20").json()["saving"]
    [of_battery] = [one for one in operator.get(BATTERIES).json()["items"] if one["participant_id"] == HANBIT]

    assert (report["cost_with_krw"], report["cost_without_krw"], report["stored_value_krw"]) == (399, 2_099, -1_845)
    assert glance["saving_krw"] == of_battery["battery_shift_krw"] == -145
    assert (report["trading_gain_krw"], glance["trading_gain_krw"]) == (0, 0)


def test_a_corrected_interval_counts_as_corrected(bench: ApiBench, operator: TestClient) -> None:
    settled = a_settlement()
    [line, _] = settled.lines
    corrected = replace(line, grid_paid_krw=409)
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


def test_each_interval_of_a_day_is_counted_by_what_was_heard_of_it(bench: ApiBench, operator: TestClient) -> None:
    later = DELIVERY + INTERVAL
    bench.give(
        *(a_settlement(start) for start in (DAY_BEFORE, DELIVERY, DAY_AFTER)),
        a_trade(12_000, 10_000),
        a_trade(None, 0, later),
        a_forecast(),
        SetpointConfirmed(**setpoint_facts("p1"), participant_id=HANBIT, confirmed_at=NOON),
        SetpointRefused(**setpoint_facts("p2"), reason="expired", detail=""),
        a_statement(),
    )

    answer = operator.get("/api/v1/report/intervals?day=2026-05-20")

    assert answer.status_code == 200
    told = answer.json()
    assert (told["day"], told["statements"], told["batteries_measured"]) == ("2026-05-20", 1, 0)
    assert len(told["items"]) == 96
    counted = {one["delivery_start"]: [*one.values()][1:] for one in told["items"] if any([*one.values()][1:])}
    # Forecasts, schedules, set-points confirmed and refused, auctions, settled; the days beside have none in it.
    assert counted == {
        "2026-05-20T03:00:00Z": [1, 0, 0, 0, 0, 0],
        "2026-05-20T03:30:00Z": [0, 0, 1, 1, 1, 1],
        "2026-05-20T03:45:00Z": [0, 0, 0, 0, 1, 0],
    }
