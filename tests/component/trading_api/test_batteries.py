"""A day of batteries: billed with and without them, and held to their plans."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.events.fems import DeviceObserved, IntervalMetered, MeterKind, Quality
from shared.events.records import SettledLine
from shared.events.scheduler import ScheduleSolved
from shared.events.settlement import IntervalSettled
from shared.intervals import INTERVAL
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, ApiBench

FIRST = datetime(2026, 5, 20, 3, 30, tzinfo=UTC)
SECOND = FIRST + INTERVAL
DAY = "/api/v1/batteries?day=2026-05-20"


def a_reading(start: datetime, kind: MeterKind, *, import_wh: int, export_wh: int) -> IntervalMetered:
    return IntervalMetered(
        complex_id=COMPLEX,
        meter_id="hanbit-ess" if kind is MeterKind.ESS else f"{HANBIT}.grid",
        participant_id=HANBIT,
        meter_kind=kind,
        delivery_start=start,
        import_wh=import_wh,
        export_wh=export_wh,
        quality=Quality.MEASURED,
    )


def a_settlement(start: datetime) -> IntervalSettled:
    """Return a settled interval in which a kWh cost 170 KRW and brought 90."""
    line = SettledLine(
        participant_id=HANBIT,
        metered_import_wh=12_000,
        metered_export_wh=0,
        bought_wh=0,
        sold_wh=0,
        grid_import_wh=12_000,
        grid_export_wh=0,
        grid_import_price_jeon_per_kwh=17_000,
        grid_export_price_jeon_per_kwh=9_000,
        trade_paid_krw=0,
        trade_received_krw=0,
        grid_paid_krw=2_040,
        grid_received_krw=0,
        cost_without_krw=2_890,
    )
    return IntervalSettled(
        complex_id=COMPLEX,
        delivery_start=start,
        settled_at=start + INTERVAL,
        ledger_entries=1,
        ledger_sum_krw=0,
        lines=(line,),
    )


def a_plan(start: datetime, soc_wh: int) -> ScheduleSolved:
    """Return a plan of one interval that ends with a charge."""
    return ScheduleSolved(
        complex_id=COMPLEX,
        schedule_id=f"{start:%H%M}",
        device_id="hanbit-ess",
        participant_id=HANBIT,
        solved_at=start - INTERVAL,
        first_delivery_start=start,
        status="optimal",
        charge_w=(0,),
        discharge_w=(20_000,),
        soc_wh=(soc_wh,),
        reasons=("sell_at_price",),
        energy_value_krw_per_kwh=(100.0,),
        solve_seconds=0.1,
    )


def a_charge(at: datetime, soc_wh: int) -> DeviceObserved:
    return DeviceObserved(
        complex_id=COMPLEX,
        device_id="hanbit-ess",
        participant_id=HANBIT,
        meter_kind=MeterKind.ESS,
        observed_at=at,
        import_w=0,
        export_w=20_000,
        soc_wh=soc_wh,
        capacity_wh=1_000_000,
        reachable=True,
    )


def test_a_day_is_billed_with_and_without_the_battery_and_held_to_its_plan(bench: ApiBench) -> None:
    for start in (FIRST, SECOND):
        bench.give(a_settlement(start), a_reading(start, MeterKind.GRID, import_wh=12_000, export_wh=0))
        bench.give(a_reading(start, MeterKind.ESS, import_wh=0, export_wh=5_000))
    bench.give(a_plan(FIRST, 400_000), a_plan(SECOND, 395_000))
    # The last word of an interval counts, in whatever order they come: 396 kWh half way, where 397.5 was planned.
    bench.give(a_charge(SECOND - timedelta(seconds=1), 401_000), a_charge(SECOND + INTERVAL / 2, 396_000))
    bench.give(a_charge(SECOND + INTERVAL / 3, 396_500))

    with bench.client("operator") as operator, bench.client("seojin") as seojin:
        hanbit = next(one for one in operator.get(DAY).json()["items"] if one["participant_id"] == HANBIT)
        assert seojin.get(DAY).json()["items"] == []

    # 24 kWh at 170; without the battery's 10 kWh it would have been 34. To give them back takes 10 / 0.96 / 0.96 =
    # 10.851 kWh at 170, 1,844.6 KRW: more than the 1,700 that they spared.
    assert (hanbit["cost_with_krw"], hanbit["cost_without_krw"], hanbit["saving_krw"]) == (4_080, 5_780, -145)
    assert (hanbit["recharge_kwh"], hanbit["stored_value_krw"]) == ("10.851", -1_845)
    assert hanbit["battery_shift_krw"] == -145
    assert "leaving the batteries idle" in hanbit["basis"]["en"]
    assert "배터리를 쓰지 않았을 때" in hanbit["basis"]["ko"]
    assert hanbit["stored_change_kwh"] == "-5.000"
    assert hanbit["soc_off_plan_max"] == pytest.approx(1.5 / 1_000)


def test_what_a_battery_gave_before_the_day_is_not_of_the_day_and_what_it_held_at_midnight_is(bench: ApiBench) -> None:
    midnight = datetime(2026, 5, 19, 15, tzinfo=UTC)
    bench.give(a_charge(midnight - timedelta(minutes=1), 410_000), a_charge(FIRST, 401_000))

    with bench.client("operator") as operator:
        hanbit = next(one for one in operator.get(DAY).json()["items"] if one["participant_id"] == HANBIT)

    # From 410 kWh a minute before the day to 401; nothing planned, so no gap.
    assert (hanbit["stored_change_kwh"], hanbit["soc_off_plan_max"]) == ("-9.000", None)


def test_a_day_without_facts_has_no_bill_and_no_gap(bench: ApiBench) -> None:
    with bench.client("hanbit") as hanbit:
        [own] = hanbit.get(DAY).json()["items"]
        basis = own.pop("basis", {})

    assert {language for language, words in basis.items() if words} == {"ko", "en"}
    assert own == {
        "participant_id": HANBIT,
        "cost_with_krw": 0,
        "cost_without_krw": 0,
        "recharge_kwh": "0.000",
        "stored_value_krw": 0,
        "battery_shift_krw": 0,
        "saving_krw": 0,
        "stored_change_kwh": "0.000",
        "soc_off_plan_max": None,
    }
