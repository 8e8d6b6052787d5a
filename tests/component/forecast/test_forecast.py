"""The forecast service on the memory bus: what it issues, when, and from what."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from services.forecast import handlers, store
from shared.complex.complexes import Complexes, load_complexes
from shared.complex.model import Complex
from shared.errors import BadInput
from shared.events.commands import LoadPlanStated
from shared.events.deadletters import MessageSetAside
from shared.events.fems import IntervalMetered, MeterKind, Quality
from shared.events.forecast import AccuracyMeasured, ForecastIssued, ForecastKind
from shared.events.records import LoadPlan, PlanKind
from shared.intervals import INTERVAL, day_start, delivery_starts
from shared.metering import history
from shared.paths import DEMO_COMPLEX
from tests.component.harness import Bench

DAY = date(2026, 5, 20)
MORNING = day_start(DAY) + timedelta(hours=9)
GRID_WH, PV_WH = 20_000, 5_000


@pytest.fixture(scope="module")
def complexes() -> Complexes:
    return load_complexes([DEMO_COMPLEX])


def a_bench(complexes: Complexes, folder: Path, now: datetime = MORNING) -> Bench:
    return Bench(handlers.service(complexes), store.METADATA, folder, now)


def metered(one: Complex, delivery_start: datetime, *, without: tuple[str, ...] = ()) -> list[IntervalMetered]:
    """Every factory draws 80 kW; every roof gives 20 kW, every battery takes 20 kW."""
    import_wh = {MeterKind.GRID: GRID_WH, MeterKind.PV: 0, MeterKind.ESS: PV_WH}
    export_wh = {MeterKind.GRID: 0, MeterKind.PV: PV_WH, MeterKind.ESS: 0}
    return [
        IntervalMetered(
            complex_id=one.complex_id,
            meter_id=device.device_id,
            participant_id=device.participant_id,
            meter_kind=device.kind,
            delivery_start=delivery_start,
            import_wh=import_wh[device.kind],
            export_wh=export_wh[device.kind],
            quality=Quality.MEASURED,
        )
        for device in one.devices
        if device.device_id not in without
    ]


def an_archive(path: Path, one: Complex, days: Iterable[date]) -> Path:
    lines = [",".join(history.COLUMNS)]
    for day in days:
        for start in delivery_starts(day):
            lines += [
                f"{event.complex_id},{event.meter_id},{event.participant_id},{event.meter_kind.value},"
                f"{start.isoformat()},{event.import_wh},{event.export_wh}"
                for event in metered(one, start)
            ]
    path.write_text("\n".join(lines) + "\n")
    return path


def the_load(bench: Bench, participant_id: str) -> ForecastIssued:
    """Return the newest load forecast of a factory."""
    return [one for one in bench.published(ForecastIssued) if one.site_id == participant_id][-1]


def test_interval_begins_each_roof_and_factory_gets_one_forecast_of_96_steps(
    complexes: Complexes, tmp_path: Path
) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)

    bench.run()
    bench.run(MORNING + timedelta(minutes=14, seconds=59))

    issued = bench.published(ForecastIssued)
    roofs = {site.site_id for participant in one.participants for site in participant.pv}
    assert {event.site_id for event in issued if event.kind is ForecastKind.PV} == roofs
    assert {event.site_id for event in issued if event.kind is ForecastKind.LOAD} == set(one.by_participant)
    assert len(issued) == len(roofs) + len(one.participants)
    assert {event.first_delivery_start for event in issued} == {MORNING}
    assert {len(event.p50_kw) for event in issued} == {96}


def test_forecasts_without_any_history_are_wide_and_ordered(complexes: Complexes, tmp_path: Path) -> None:
    bench = a_bench(complexes, tmp_path)

    bench.run()

    for event in bench.published(ForecastIssued):
        steps = zip(event.p10_kw, event.p50_kw, event.p90_kw, strict=True)
        assert all(0 <= p10_kw <= p50_kw <= p90_kw for p10_kw, p50_kw, p90_kw in steps)
    # hanbit-machining: contract 1000 kW; the prior's shares are 0.05, 0.3 and 0.8 of it.
    load = the_load(bench, "hanbit-machining")
    assert (load.p10_kw[0], load.p50_kw[0], load.p90_kw[0]) == (50.0, 300.0, 800.0)


def test_process_that_was_down_issues_the_newest_interval_only(complexes: Complexes, tmp_path: Path) -> None:
    bench = a_bench(complexes, tmp_path)
    bench.run()

    bench.run(MORNING + timedelta(hours=5, minutes=7))

    starts = {event.first_delivery_start for event in bench.published(ForecastIssued)}
    assert starts == {MORNING, MORNING + timedelta(hours=5)}


def test_killed_process_does_not_issue_an_interval_again(complexes: Complexes, tmp_path: Path) -> None:
    bench = a_bench(complexes, tmp_path)
    bench.run()
    before = len(bench.published(ForecastIssued))

    bench.service = handlers.service(complexes)
    bench.restart()
    bench.run(MORNING + timedelta(minutes=1))

    assert len(bench.published(ForecastIssued)) == before


def test_load_is_what_the_meters_of_a_factory_add_up_to(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)
    archive = an_archive(tmp_path / "archive.csv", one, (DAY - timedelta(days=n) for n in range(14, 0, -1)))
    with bench.engine.begin() as db:
        history.import_history(db, complexes, archive)

    bench.run()

    # hanbit: 80 kW from the grid + 20 kW from the roof - 20 kW into the battery; daesung has a grid meter only;
    # miraero a roof, no battery: 80 + 20.
    assert the_load(bench, "hanbit-machining").p50_kw == (80.0,) * 96
    assert the_load(bench, "daesung-casting").p50_kw == (80.0,) * 96
    assert the_load(bench, "miraero-forging").p50_kw == (100.0,) * 96


def test_reading_taken_in_live_moves_the_next_forecast(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)
    bench.run()
    usual = the_load(bench, "daesung-casting")

    # 80 kW, where the prior of a contract of 2500 kW expects 750 kW.
    bench.give(*metered(one, MORNING))
    bench.run(MORNING + INTERVAL)

    live = the_load(bench, "daesung-casting")
    assert live.p50_kw[0] < usual.p50_kw[0]
    # A day ahead nothing of it is left: 750 kW.
    assert live.p50_kw[-1] == pytest.approx(750.0, abs=1.0)


def test_load_is_unknown_while_one_of_a_factorys_meters_is_missing(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)

    bench.give(*metered(one, MORNING, without=("hanbit-roof",)))
    bench.run(MORNING + INTERVAL)

    assert the_load(bench, "hanbit-machining").p50_kw[0] == 300.0  # the prior still
    assert the_load(bench, "daesung-casting").p50_kw[0] < 750.0


def test_reading_that_comes_late_or_again_counts_once_with_its_last_figures(
    complexes: Complexes, tmp_path: Path
) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)
    first = metered(one, MORNING)
    corrected = [event.model_copy(update={"import_wh": 2 * event.import_wh}) for event in first]

    bench.give(*first)
    bench.run(MORNING + INTERVAL)
    bench.give(*corrected)

    with bench.engine.begin() as db:
        readings = history.readings_of(db, one.complex_id, [MORNING])
    assert len(readings) == len(one.devices)
    assert {reading.import_wh for reading in readings} == {2 * GRID_WH, 0, 2 * PV_WH}


def test_memory_is_rebuilt_from_the_database_after_a_kill(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    (tmp_path / "alive").mkdir()
    (tmp_path / "killed").mkdir()
    alive, killed = a_bench(complexes, tmp_path / "alive"), a_bench(complexes, tmp_path / "killed")
    for bench in (alive, killed):
        bench.run()
        bench.give(*metered(one, MORNING))

    killed = Bench(handlers.service(complexes), store.METADATA, tmp_path / "killed", MORNING)
    for bench in (alive, killed):
        bench.run(MORNING + INTERVAL)

    assert the_load(killed, "daesung-casting").p50_kw == the_load(alive, "daesung-casting").p50_kw


def test_reading_of_a_feeder_is_passed_over(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)
    changes = {"meter_id": "head", "participant_id": one.feeders[0].feeder_id, "meter_kind": MeterKind.FEEDER}

    bench.give(metered(one, MORNING)[0].model_copy(update=changes))

    assert bench.bus.messages("forecast.dead_letters.v1") == []
    with bench.engine.begin() as db:
        assert not history.has_readings(db, one.complex_id)


def test_reading_of_an_unknown_meter_is_set_aside(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)
    stranger = metered(one, MORNING)[0].model_copy(update={"meter_id": "nobody.grid"})

    bench.give(stranger)

    with bench.engine.begin() as db:
        assert not history.has_readings(db, one.complex_id)
    assert len(bench.bus.messages("forecast.dead_letters.v1")) == 1


def test_batch_that_was_rolled_back_and_taken_again_leaves_the_same_memory(
    complexes: Complexes, tmp_path: Path
) -> None:
    [one] = complexes.values()
    (tmp_path / "plain").mkdir()
    (tmp_path / "rolled_back").mkdir()
    plain, rolled_back = (a_bench(complexes, tmp_path / name) for name in ("plain", "rolled_back"))
    readings = metered(one, MORNING)
    stranger = readings[0].model_copy(update={"meter_id": "nobody.grid"})

    # The stranger breaks the batch's transaction after the others were handled; they come again one by one.
    plain.give(*readings)
    rolled_back.give(*readings, stranger)
    for bench in (plain, rolled_back):
        bench.run(MORNING + INTERVAL)

    forecasts = [
        [(event.site_id, event.p50_kw) for event in bench.published(ForecastIssued)] for bench in (plain, rolled_back)
    ]
    assert sorted(forecasts[0]) == sorted(forecasts[1])


def test_two_complexes_in_one_process_do_not_see_each_other(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    described = yaml.safe_load(DEMO_COMPLEX.read_text())
    other = Complex.model_validate({**described, "complex_id": "other-complex"})
    bench = a_bench(Complexes(one, other), tmp_path)

    bench.give(*metered(other, MORNING))
    bench.run(MORNING + INTERVAL)

    newest = {event.complex_id: event.p50_kw[0] for event in bench.published(ForecastIssued) if is_new_load(event)}
    # 80 kW were metered in the other complex only; here the prior of 2500 kW contract power still speaks.
    assert newest[one.complex_id] == 750.0
    assert newest[other.complex_id] < 750.0


def is_new_load(event: ForecastIssued) -> bool:
    return event.site_id == "daesung-casting" and event.first_delivery_start == MORNING + INTERVAL


def test_complex_without_any_roof_gets_load_forecasts(tmp_path: Path) -> None:
    described = yaml.safe_load(DEMO_COMPLEX.read_text())
    described["participants"] = [{**factory, "pv": []} for factory in described["participants"]]
    roofless = Complex.model_validate(described)
    bench = a_bench(Complexes(roofless), tmp_path)

    bench.run()

    assert {event.kind for event in bench.published(ForecastIssued)} == {ForecastKind.LOAD}


def test_archive_is_taken_in_once_and_not_over_live_readings(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)
    archive = an_archive(tmp_path / "archive.csv", one, [DAY - timedelta(days=1)])

    with bench.engine.begin() as db:
        taken = [history.import_history(db, complexes, archive) for _ in range(2)]

    # 96 intervals of 26 meters, then nothing.
    assert taken == [96 * len(one.devices), 0]


def test_broken_archive_leaves_nothing_behind(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)
    archive = an_archive(tmp_path / "archive.csv", one, [DAY - timedelta(days=1)])
    lines = archive.read_text().splitlines()
    lines[-1] = lines[-1].rsplit(",", 1)[0] + ",-1"
    archive.write_text("\n".join(lines))

    rule = rf"row {len(lines)}: export_wh must be a whole number"
    with pytest.raises(BadInput, match=rule) as refused, bench.engine.begin() as db:
        history.import_history(db, complexes, archive)

    assert refused.value.value == "-1"
    with bench.engine.begin() as db:
        assert not history.has_readings(db, one.complex_id)


def test_readings_that_nothing_is_learned_from_any_more_are_dropped(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)
    bench.give(*metered(one, MORNING - timedelta(days=218, minutes=15)), *metered(one, MORNING - timedelta(days=217)))

    bench.run(MORNING + INTERVAL)

    with bench.engine.begin() as db:
        kept = history.readings_since(db, one.complex_id, MORNING - timedelta(days=400))
    assert {reading.delivery_start for reading in kept} == {MORNING - timedelta(days=217)}


def test_every_hour_the_forecasts_are_held_against_what_came(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)
    bench.run()
    for step in range(9):
        start = MORNING + step * INTERVAL
        bench.run(start + INTERVAL)
        bench.give(*metered(one, start))
    bench.restart()
    bench.run(MORNING + timedelta(hours=3))

    events = bench.published(AccuracyMeasured)
    assert {event.measured_at for event in events} == {MORNING + timedelta(hours=n) for n in (1, 2, 3)}
    last = {event.kind: event for event in events[-2:]}
    load = {site.site_id: site for site in last[ForecastKind.LOAD].sites}
    assert set(load) == {*one.by_participant, None}
    # Nine intervals came before the third hour: nine forecasts were a quarter of an hour old, eight half an hour.
    first, second = load["hanbit-machining"].leads[:2]
    assert (first.lead_hours, first.forecasts) == ("0-0.25", 9)
    assert second.forecasts == 8 + 7 + 6


def test_sites_that_one_message_does_not_hold_are_dealt_out_over_several(
    complexes: Complexes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [one] = complexes.values()
    monkeypatch.setattr("services.forecast.handlers.accuracy.SITES_A_MESSAGE", 5)
    bench = a_bench(complexes, tmp_path)
    bench.run()
    for step in range(4):
        bench.run(MORNING + (step + 1) * INTERVAL)
        bench.give(*metered(one, MORNING + step * INTERVAL))

    loads = [event.sites for event in bench.published(AccuracyMeasured) if event.kind is ForecastKind.LOAD]
    # Twelve factories, and all of them together.
    assert [len(sites) for sites in loads] == [5, 5, 3]
    assert {site.site_id for sites in loads for site in sites} == {*one.by_participant, None}


def test_late_reading_is_waited_for_an_hour_and_then_left_out(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)
    bench.run()
    bench.run(MORNING + INTERVAL)
    bench.give(*metered(one, MORNING, without=("hanbit-machining.grid",)))

    bench.run(MORNING + timedelta(hours=1))
    assert bench.published(AccuracyMeasured) == []
    for quarter in range(5, 9):
        bench.run(MORNING + quarter * INTERVAL)

    event = next(found for found in bench.published(AccuracyMeasured) if found.kind is ForecastKind.LOAD)
    load = {site.site_id: site.leads for site in event.sites}
    assert load["hanbit-machining"] == load[None] == ()
    assert load["daesung-casting"][0].forecasts == 1


def a_shutdown(participant_id: str, **changes: object) -> LoadPlan:
    """Return a shutdown from 10:00 to 12:00, stated at 9:00 with 20 kW running on."""
    plan = LoadPlan(
        plan_id="shut",
        participant_id=participant_id,
        kind=PlanKind.SHUTDOWN,
        begin=MORNING + timedelta(hours=1),
        end=MORNING + timedelta(hours=3),
        expected_w=20_000,
        stated_at=MORNING,
        version=1,
    )
    return replace(plan, **changes)  # type: ignore[arg-type]  # names and kinds are those of the record


def test_stated_plan_moves_the_next_forecast_of_its_factory_alone(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)
    bench.run()
    other = the_load(bench, "hanbit-machining")

    bench.give(LoadPlanStated(complex_id=one.complex_id, plan=a_shutdown("daesung-casting")))
    bench.run(MORNING + INTERVAL)

    # The prior of a contract of 2500 kW is 750 kW. From 9:15 on, 10:00 to 12:00 are steps 3 to 10.
    load = the_load(bench, "daesung-casting")
    assert load.p50_kw == (750.0,) * 3 + (20.0,) * 8 + (750.0,) * 85
    assert the_load(bench, "hanbit-machining").p50_kw == other.p50_kw


def test_plan_that_is_withdrawn_moves_nothing_any_more_and_a_repeat_changes_nothing(
    complexes: Complexes, tmp_path: Path
) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)
    plan = a_shutdown("daesung-casting")
    withdrawn = replace(plan, version=2, is_withdrawn=True)

    bench.give(*(LoadPlanStated(complex_id=one.complex_id, plan=each) for each in (plan, withdrawn, plan)))
    bench.run(MORNING + INTERVAL)

    assert the_load(bench, "daesung-casting").p50_kw == (750.0,) * 96


def test_plan_of_an_unknown_factory_is_set_aside(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)

    bench.give(LoadPlanStated(complex_id=one.complex_id, plan=a_shutdown("nobody")))

    [letter] = bench.published(MessageSetAside)
    assert "participant_id must be a participant of" in letter.reason


def test_factory_that_left_leaves_plans_that_nobody_heeds(complexes: Complexes, tmp_path: Path) -> None:
    [one] = complexes.values()
    bench = a_bench(complexes, tmp_path)
    bench.give(LoadPlanStated(complex_id=one.complex_id, plan=a_shutdown("daesung-casting")))
    described = yaml.safe_load(DEMO_COMPLEX.read_text())
    described["participants"] = [
        each for each in described["participants"] if each["participant_id"] != "daesung-casting"
    ]

    bench.service = handlers.service(Complexes(Complex.model_validate(described)))
    bench.restart()
    bench.run(MORNING + INTERVAL)

    newest = {event.site_id for event in bench.published(ForecastIssued) if event.first_delivery_start > MORNING}
    assert "daesung-casting" not in newest
    assert "hanbit-machining" in newest
