"""The planner on the memory bus with real Dask workers: studies taken in, worked off, answered once."""

import threading
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from services.planner import handlers, store
from services.planner.domain.scenarios import Outcome, Scenario
from services.planner.domain.sites import SiteDay
from services.planner.handlers.cluster import Cluster, Work
from services.planner.handlers.studies import RETRY_AFTER
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.events.commands import StudyCancelRequested, StudyRequested
from shared.events.fems import IntervalMetered, MeterKind, Quality
from shared.events.planner import StudyCompleted, StudyFailed, StudyProgressed
from shared.intervals import day_start, delivery_starts
from shared.paths import DEMO_COMPLEX
from tests.component.harness import Bench

DAY = date(2026, 5, 20)
NEXT_MORNING = day_start(DAY) + timedelta(hours=33)
FACTORIES = ("hanbit-machining", "daesung-casting")


class PatientCluster(Cluster):
    """The same cluster, except that it finishes work before it hands it out, so that no test waits on a clock."""

    def submit(self, site: SiteDay, scenarios: Sequence[Scenario]) -> Work:
        """Evaluate a site."""
        work = super().submit(site, scenarios)
        work.future.exception()
        return work


class LateCluster(PatientCluster):
    """A cluster whose scheduler does not answer the first time."""

    answers = False

    def submit(self, site: SiteDay, scenarios: Sequence[Scenario]) -> Work:
        """Evaluate a site, but not at first."""
        if not self.answers:
            self.answers = True
            raise OSError("no scheduler at tcp://127.0.0.1:1")
        return super().submit(site, scenarios)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    one = PatientCluster()
    yield one
    one.close()


@pytest.fixture(scope="module")
def small() -> Complex:
    """Return a complex of two factories: one with roof and battery, one with neither."""
    described = yaml.safe_load(DEMO_COMPLEX.read_text())
    described["participants"] = [one for one in described["participants"] if one["participant_id"] in FACTORIES]
    return Complex.model_validate(described)


def a_bench(small: Complex, cluster: Cluster, folder: Path) -> Bench:
    service = handlers.service(Complexes(small), cluster)
    return Bench(service, store.METADATA, folder, NEXT_MORNING)


def a_metered_day(small: Complex, *, day: date = DAY, intervals: int = 96) -> list[IntervalMetered]:
    """Both factories draw 100 kW all day; hanbit's roof gives 40 kW, its battery rests."""
    figures = {MeterKind.GRID: (25_000, 0), MeterKind.PV: (0, 10_000), MeterKind.ESS: (0, 0)}
    return [
        IntervalMetered(
            complex_id=small.complex_id,
            meter_id=device.device_id,
            participant_id=device.participant_id,
            meter_kind=device.kind,
            delivery_start=start,
            import_wh=figures[device.kind][0],
            export_wh=figures[device.kind][1],
            quality=Quality.MEASURED,
        )
        for start in delivery_starts(day)[:intervals]
        for device in small.devices
    ]


def a_study(small: Complex, study_id: str = "S1", **asked: object) -> StudyRequested:
    wish = {"battery_scales": (0.0, 1.0), "pv_scales": (0.0, 1.0), "tariff_options": ("as-is",), **asked}
    return StudyRequested.model_validate(
        {
            "complex_id": small.complex_id,
            "study_id": study_id,
            "requested_at": NEXT_MORNING,
            "requested_by": "planner@example.com",
            "trading_day": DAY,
            **wish,
        }
    )


def test_study_of_a_metered_day_is_answered_in_the_order_asked(
    small: Complex, cluster: Cluster, tmp_path: Path
) -> None:
    bench = a_bench(small, cluster, tmp_path)
    bench.give(*a_metered_day(small))

    bench.give(a_study(small))

    [answer] = bench.published(StudyCompleted)
    asked = [(result.battery_scale, result.pv_scale, result.tariff_option) for result in answer.results]
    assert asked == [(0.0, 0.0, "as-is"), (0.0, 1.0, "as-is"), (1.0, 0.0, "as-is"), (1.0, 1.0, "as-is")]
    # hanbit consumes 100 + 40 kW and daesung 100 kW: 240 kW x 24 h without sun, 40 kW less with it.
    assert [result.grid_import_wh for result in answer.results[:2]] == [5_760_000, 4_800_000]
    without, with_sun, with_battery, with_both = (result.cost_krw for result in answer.results)
    assert with_sun < without
    # A Wednesday's bands differ by more than the battery loses.
    assert with_battery < without
    assert with_both < with_sun
    assert bench.published(StudyFailed) == []


def test_study_says_that_it_has_begun(small: Complex, cluster: Cluster, tmp_path: Path) -> None:
    bench = a_bench(small, cluster, tmp_path)
    bench.give(*a_metered_day(small))

    bench.give(a_study(small))

    progress = bench.published(StudyProgressed)[0]
    assert (progress.done, progress.total) == (0, 4)


def test_study_of_a_day_with_gaps_fails_with_the_meter_and_what_it_lacks(
    small: Complex, cluster: Cluster, tmp_path: Path
) -> None:
    bench = a_bench(small, cluster, tmp_path)
    bench.give(*a_metered_day(small, intervals=95))

    bench.give(a_study(small))

    [failure] = bench.published(StudyFailed)
    assert failure.reason == (
        "study: trading_day: hanbit-machining.grid must be metered in all 96 intervals of 2026-05-20, was 95"
    )
    assert bench.published(StudyCompleted) == []


def test_study_with_an_option_that_the_tariff_lacks_fails(small: Complex, cluster: Cluster, tmp_path: Path) -> None:
    bench = a_bench(small, cluster, tmp_path)
    bench.give(*a_metered_day(small))

    bench.give(a_study(small, tariff_options=("IX",)))

    [failure] = bench.published(StudyFailed)
    assert failure.reason == "contract: option must be one of I, II, III, was 'IX'"


@pytest.mark.parametrize(("scales", "count"), [((1.0,) * 201, 201), ((), 0)])
def test_study_with_too_many_or_no_scenarios_fails_with_the_rule(
    small: Complex, cluster: Cluster, tmp_path: Path, scales: tuple[float, ...], count: int
) -> None:
    bench = a_bench(small, cluster, tmp_path)

    bench.give(a_study(small, battery_scales=scales, pv_scales=(1.0,)))

    [failure] = bench.published(StudyFailed)
    assert failure.reason == f"scenarios must be 1 to 200 in number, were {count}"


def test_study_of_a_day_without_known_prices_fails_and_says_until_when_they_are(
    small: Complex, cluster: Cluster, tmp_path: Path
) -> None:
    day = date(2027, 1, 6)
    bench = a_bench(small, cluster, tmp_path)
    bench.give(*a_metered_day(small, day=day))

    bench.give(a_study(small, trading_day=day))

    [failure] = bench.published(StudyFailed)
    assert failure.reason == (
        "tariff kepco_industrial: date must be a day with known prices: eul_2026-04-16 is known until 2026-12-31 "
        "(gathered 2026-11-23), was 2027-01-06"
    )


def test_study_with_a_price_file_that_is_not_there_fails_by_its_name(
    small: Complex, cluster: Cluster, tmp_path: Path
) -> None:
    named = small.model_copy(update={"sell_back": "my_own_price"})
    bench = a_bench(named, cluster, tmp_path)
    bench.give(*a_metered_day(named))

    bench.give(a_study(named))

    [failure] = bench.published(StudyFailed)
    assert "my_own_price.yaml: file must be readable" in failure.reason


def test_study_says_which_limits_of_feeders_it_breaks(small: Complex, cluster: Cluster, tmp_path: Path) -> None:
    tight = [
        one.model_copy(update={"import_limit_kw": 239.0, "export_limit_kw": None})
        for one in small.feeders
        if one.feeder_id in set(small.feeder_of.values())
    ]
    limited = small.model_copy(update={"feeders": tuple(tight)})
    bench = a_bench(limited, cluster, tmp_path)
    bench.give(*a_metered_day(limited))

    bench.give(a_study(limited, battery_scales=(0.0,)))

    [answer] = bench.published(StudyCompleted)
    without_sun, with_sun = (result.model_dump().get("feeder_limits_broken") for result in answer.results)
    # Both are on one feeder: 140 + 100 kW without hanbit's roof, 40 kW less with it.
    [feeder] = set(small.feeder_of.values())
    broken = {"direction": "import", "limit_w": 239_000, "highest_w": 240_000, "intervals": 96}
    assert (without_sun, with_sun) == (({"feeder_id": feeder, **broken},), ())


def test_study_asked_for_again_is_answered_once(small: Complex, cluster: Cluster, tmp_path: Path) -> None:
    bench = a_bench(small, cluster, tmp_path)
    bench.give(*a_metered_day(small))

    bench.give(a_study(small))
    bench.give(a_study(small))

    assert len(bench.published(StudyCompleted)) == 1


def test_two_studies_are_both_answered(small: Complex, cluster: Cluster, tmp_path: Path) -> None:
    bench = a_bench(small, cluster, tmp_path)
    bench.give(*a_metered_day(small))

    bench.give(a_study(small, "S1"), a_study(small, "S2", pv_scales=(2.0,)))
    for _ in range(3):  # each round ends one step: collect S1, begin S2, collect S2
        bench.run()

    assert {answer.study_id for answer in bench.published(StudyCompleted)} == {"S1", "S2"}


def test_cancelled_study_gets_no_answer(small: Complex, cluster: Cluster, tmp_path: Path) -> None:
    bench = a_bench(small, cluster, tmp_path)
    bench.give(*a_metered_day(small))
    cancel = StudyCancelRequested(complex_id=small.complex_id, study_id="S1", requested_at=NEXT_MORNING)

    bench.give(a_study(small), cancel)
    bench.run()

    assert bench.published(StudyCompleted) == []
    assert bench.published(StudyFailed) == []


def test_study_waits_for_a_scheduler_that_is_away_and_is_answered_later(small: Complex, tmp_path: Path) -> None:
    late = LateCluster()
    bench = a_bench(small, late, tmp_path)
    bench.give(*a_metered_day(small))

    bench.give(a_study(small))
    bench.run(NEXT_MORNING + timedelta(seconds=59))
    before = len(bench.published(StudyCompleted))
    bench.run(NEXT_MORNING + timedelta(seconds=60))
    bench.run()
    late.close()

    assert (before, len(bench.published(StudyCompleted))) == (0, 1)
    assert bench.published(StudyFailed) == []


def test_a_planner_that_finds_no_scheduler_leaves_nothing_behind_at_its_tries(small: Complex, tmp_path: Path) -> None:
    bench = a_bench(small, Cluster("tcp://127.0.0.1:1", connect_wait_s=0.1), tmp_path)
    bench.give(*a_metered_day(small))
    bench.give(a_study(small, battery_scales=(0.0,), pv_scales=(0.0,)))

    before = set(threading.enumerate())
    for _ in range(3):
        bench.run(bench.clock.now() + RETRY_AFTER)

    # Each of Dask's clients has a thread of this name.
    assert [one for one in threading.enumerate() if one not in before and one.name == "IO loop"] == []
    bench.close()


def test_killed_planner_takes_its_study_up_again_without_what_was_done(
    small: Complex, cluster: Cluster, tmp_path: Path
) -> None:
    # A scheduler that nobody runs: the study is taken in, and the process dies before any site is evaluated.
    away = Cluster("tcp://127.0.0.1:1", connect_wait_s=0.1)
    bench = a_bench(small, away, tmp_path)
    bench.give(*a_metered_day(small))
    bench.give(a_study(small, battery_scales=(0.0,), pv_scales=(0.0,)))
    with bench.engine.begin() as db:
        study = store.oldest_open(db)
        assert study is not None
        store.add_site(db, study, "daesung-casting", [Outcome(1_000_000, (7_000,) + (0,) * 95, (0,) * 96)])

    again = a_bench(small, cluster, tmp_path)
    again.run()
    again.run()

    [answer] = again.published(StudyCompleted)
    # hanbit is evaluated anew, 140 kW x 24 h; daesung's 7 kWh are what was kept.
    assert [result.grid_import_wh for result in answer.results] == [3_360_000 + 7_000]
    again.run()
    assert len(again.published(StudyCompleted)) == 1


def test_study_of_a_complex_that_is_served_no_longer_fails_and_the_next_has_its_turn(
    small: Complex, tmp_path: Path
) -> None:
    late, other = LateCluster(), small.model_copy(update={"complex_id": "other-complex"})
    bench = Bench(handlers.service(Complexes(small, other), late), store.METADATA, tmp_path, NEXT_MORNING)
    bench.give(*a_metered_day(small), *a_metered_day(other))
    bench.give(a_study(small, "S1"), a_study(other, "S2"))

    # As after a restart with another set of complex files.
    bench.close()
    bench = Bench(handlers.service(Complexes(other), late), store.METADATA, tmp_path, NEXT_MORNING)
    bench.run(NEXT_MORNING + timedelta(seconds=60))
    bench.run()
    late.close()

    failures = [(failure.study_id, failure.reason) for failure in bench.published(StudyFailed)]
    assert failures == [("S1", f"complex {small.complex_id} is served no longer")]
    assert [answer.study_id for answer in bench.published(StudyCompleted)] == ["S2"]
