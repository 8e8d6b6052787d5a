"""What-if studies over HTTP."""

import sqlalchemy as sa

from services.trading_api.studies.tables import STUDY
from services.trading_api.studies.views import study_result_view
from shared.events.commands import StudyCancelRequested, StudyRequested
from shared.events.planner import StudyCompleted, StudyProgressed, StudyResult
from tests.component.trading_api.trading_api_bench import COMPLEX, ApiBench


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


def test_a_study_says_first_what_it_leaves_out_and_which_limits_its_answer_breaks(bench: ApiBench) -> None:
    with bench.client("planner") as planner:
        answer = planner.post("/api/v1/studies", json={"trading_day": "2026-05-20"})
        where, study_id = answer.headers["location"], answer.json()["study_id"]
        limit = {"feeder_id": "F1", "direction": "import", "limit_w": 100_000, "highest_w": 104_004, "intervals": 3}
        broken = StudyResult.model_validate(a_result(0).model_dump() | {"feeder_limits_broken": [limit]})
        bench.give(StudyCompleted(complex_id=COMPLEX, study_id=study_id, results=(broken, a_result(2))))
        study, results = planner.get(where).json(), planner.get(f"{where}/results").json()["items"]

    for shown in (answer.json(), study):
        assert next(iter(shown)) == "not_modelled"
        assert {frozenset(one) for one in shown["not_modelled"]} == {frozenset({"code", "ko", "en"})}
        assert shown["not_modelled"][0]["code"] == "feeder_limits"
    assert [one["feeder_limits_broken"] for one in results] == [
        [{"feeder_id": "F1", "direction": "import", "limit_kw": "100.000", "highest_kw": "104.004", "intervals": 3}],
        [],
    ]


def test_results_that_an_earlier_version_kept_can_still_be_read(bench: ApiBench) -> None:
    with bench.client("planner") as planner:
        where = planner.post("/api/v1/studies", json={"trading_day": "2026-05-20"}).headers["location"]
        kept = study_result_view(a_result(1).model_dump())
        with bench.engine.begin() as db:
            earlier = [{name: one for name, one in kept.items() if name != "feeder_limits_broken"}]
            db.execute(sa.update(STUDY).values(results=earlier, status="completed"))
        results = planner.get(f"{where}/results").json()["items"]

    assert [(one["cost_krw"], one["feeder_limits_broken"]) for one in results] == [(1_000, [])]


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
