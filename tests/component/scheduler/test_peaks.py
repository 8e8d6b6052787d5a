"""The scheduler knows what a kW of demand costs, and starts from what a converter really did."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from services.scheduler import handlers, store
from shared.complex.complexes import Complexes
from shared.complex.model import load_complex
from shared.events.base import Event
from shared.events.fems import DeviceObserved, IntervalMetered, MeterKind, Quality
from shared.events.forecast import ForecastIssued, ForecastKind
from shared.events.scheduler import ScheduleSolved, SetpointIssued
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, KST
from shared.paths import DEMO_COMPLEX
from tests.component.harness import Bench

COMPLEX = load_complex(DEMO_COMPLEX)
LEAD = COMPLEX.market.gate_closure_lead
# The interval planned: a Wednesday in May, 14:00 in Korea.
FIRST = datetime(2026, 5, 20, 14, 0, tzinfo=KST)
GATE = FIRST - LEAD
# Late enough that the round waits for nothing more.
LATE = GATE + INTERVAL / 2
FACTORY = COMPLEX.by_participant["hanbit-machining"]
ESS = FACTORY.ess[0]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    alone = COMPLEX.model_copy(update={"participants": (FACTORY,)})
    made = Bench(handlers.service(Complexes(alone)), store.METADATA, tmp_path, GATE)
    yield made
    made.close()


def a_load(hours_kw: dict[int, float], otherwise_kw: float) -> ForecastIssued:
    """A factory whose load differs in some hours of the Korean day."""
    starts = [GATE + n * INTERVAL for n in range(INTERVALS_PER_DAY)]
    load_kw = tuple(hours_kw.get(start.hour, otherwise_kw) for start in starts)
    return ForecastIssued(
        complex_id=COMPLEX.complex_id,
        site_id=FACTORY.participant_id,
        participant_id=FACTORY.participant_id,
        kind=ForecastKind.LOAD,
        issued_at=GATE,
        first_delivery_start=GATE,
        model="made-up",
        p10_kw=load_kw,
        p50_kw=load_kw,
        p90_kw=load_kw,
        mean_kw=load_kw,
    )


def observed(at: datetime, soc_wh: int, *, charge_w: int = 0) -> DeviceObserved:
    return DeviceObserved(
        complex_id=COMPLEX.complex_id,
        device_id=ESS.device_id,
        participant_id=FACTORY.participant_id,
        meter_kind=MeterKind.ESS,
        observed_at=at,
        import_w=charge_w,
        export_w=0,
        soc_wh=soc_wh,
        capacity_wh=1_000_000,
        reachable=True,
    )


def metered(delivery_start: datetime, import_wh: int) -> IntervalMetered:
    return IntervalMetered(
        complex_id=COMPLEX.complex_id,
        meter_id=FACTORY.grid_meter_id,
        participant_id=FACTORY.participant_id,
        meter_kind=MeterKind.GRID,
        delivery_start=delivery_start,
        import_wh=import_wh,
        export_wh=0,
        quality=Quality.MEASURED,
    )


def the_plan(bench: Bench, *facts: Event) -> ScheduleSolved:
    bench.give(*facts)
    bench.run(until=LATE)
    return bench.published(ScheduleSolved)[-1]


def test_plan_shaves_the_peak_of_the_month_down_to_what_is_billed_anyway(bench: Bench) -> None:
    # 30 % of 1,000 kW is billed whatever happens; from 15:00 to 17:00 the factory draws 400 kW.
    plan = the_plan(bench, a_load({15: 400.0, 16: 400.0}, 200.0), observed(GATE, 800_000))

    assert (plan.prior_peak_w, plan.peak_without_battery_w) == (300_000, 400_000)
    assert plan.peak_w == 300_000
    assert plan.peak_months == ("2026-05",)


def test_demand_that_was_metered_need_not_be_shaved_again(bench: Bench) -> None:
    # 87.5 kWh in a quarter hour of this afternoon are 350 kW; 100 kWh at night don't count.
    midday, night = FIRST.replace(hour=13, minute=0), FIRST.replace(hour=3)

    plan = the_plan(
        bench, a_load({15: 400.0}, 200.0), observed(GATE, 800_000), metered(midday, 87_500), metered(night, 100_000)
    )

    assert plan.prior_peak_w == 350_000


def test_kw_that_counts_in_no_bill_costs_nothing(bench: Bench) -> None:
    # 200 kW all day are below what is billed anyway.
    plan = the_plan(bench, a_load({}, 200.0), observed(GATE, 400_000))

    assert plan.peak_value_krw_per_kw == 0.0 or plan.peak_w == plan.prior_peak_w


def test_converter_that_does_not_follow_is_an_alarm_once_and_the_next_plan_starts_from_what_it_did(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    # Dear hours ahead and a full store: the battery is told to discharge.
    the_plan(bench, a_load({}, 600.0), observed(GATE, 900_000))
    told = bench.published(SetpointIssued)[-1]
    assert told.setpoint_w < 0
    caplog.set_level(logging.WARNING)

    # In that interval it is seen idle, twice, with all that it had.
    for minutes in (5, 9):
        bench.run(until=FIRST + timedelta(minutes=minutes))
        bench.give(observed(bench.clock.instant, 900_000))
    alarms = [record for record in caplog.records if record.getMessage() == "converter does not follow its set-point"]
    bench.run(until=FIRST + timedelta(minutes=10))
    later = bench.published(ScheduleSolved)[-1]

    assert [vars(record)["off_w"] for record in alarms] == [-told.setpoint_w]
    assert later.deviation_w == -told.setpoint_w
    # Nothing is lost before the plan's first interval, in which a quarter hour's discharge takes 1/0.96 of it.
    assert later.soc_wh[0] == pytest.approx(900_000 - later.discharge_w[0] / 4 / 0.96, abs=2)
