from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.fems import handlers, store
from shared.complex.complexes import Complexes
from shared.complex.model import load_complex
from shared.db.engine import reading
from shared.events.fems import SetpointRefused
from shared.events.scheduler import SetpointIssued
from shared.paths import DEMO_COMPLEX
from tests.component.harness import Bench

COMPLEX = load_complex(DEMO_COMPLEX)
NOW = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
START = NOW + timedelta(minutes=15)


def a_bench(folder: Path) -> Bench:
    return Bench(handlers.service(Complexes(COMPLEX)), store.METADATA, folder, NOW)


def a_setpoint(setpoint_id: str = "s1", /, **changes: object) -> SetpointIssued:
    facts: dict[str, object] = {
        "complex_id": COMPLEX.complex_id,
        "setpoint_id": setpoint_id,
        "device_id": "hanbit-ess",
        "participant_id": "hanbit-machining",
        "delivery_start": START,
        "expires_at": START + timedelta(minutes=15),
        "issued_at": NOW,
        "setpoint_w": -100_000,
        "charge_w_max": 250_000,
        "discharge_w_max": 250_000,
    }
    return SetpointIssued.model_validate(facts | changes)


def pending_ids(bench: Bench) -> list[str]:
    with reading(bench.engine) as db:
        return [command.setpoint.setpoint_id for command in store.pending_setpoints(db, COMPLEX.complex_id)]


def test_good_set_point_waits_to_be_written(tmp_path: Path) -> None:
    bench = a_bench(tmp_path)

    bench.give(a_setpoint())

    assert pending_ids(bench) == ["s1"]
    assert bench.published(SetpointRefused) == []
    bench.close()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"setpoint_w": -250_001}, "out_of_bounds"),
        ({"discharge_w_max": 99_999}, "out_of_bounds"),
        ({"device_id": "hanbit-roof"}, "unknown_device"),
    ],
)
def test_bad_set_point_is_refused_with_the_reason(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    bench = a_bench(tmp_path)

    bench.give(a_setpoint(**changes))

    assert [event.reason for event in bench.published(SetpointRefused)] == [reason]
    assert pending_ids(bench) == []
    bench.close()


def test_set_point_of_a_complex_that_is_not_served_is_passed_over(tmp_path: Path) -> None:
    bench = a_bench(tmp_path)

    bench.give(a_setpoint(complex_id="elsewhere"))

    assert bench.published(SetpointRefused) == []
    assert bench.bus.messages("fems.dead_letters.v1") == []
    bench.close()


def test_set_point_given_twice_under_one_id_is_refused_the_second_time(tmp_path: Path) -> None:
    bench = a_bench(tmp_path)

    bench.give(a_setpoint(), a_setpoint())

    assert [event.reason for event in bench.published(SetpointRefused)] == ["repeated"]
    assert pending_ids(bench) == ["s1"]
    bench.close()


def test_refused_set_point_does_not_stand_in_the_way_of_the_next(tmp_path: Path) -> None:
    bench = a_bench(tmp_path)

    bench.give(a_setpoint("s1", setpoint_w=300_000), a_setpoint("s2"))

    assert pending_ids(bench) == ["s2"]
    bench.close()


def test_older_set_point_for_an_interval_comes_too_late_after_a_newer_one(tmp_path: Path) -> None:
    bench = a_bench(tmp_path)

    bench.give(a_setpoint("new", issued_at=NOW), a_setpoint("old", issued_at=NOW - timedelta(seconds=1)))

    refused = bench.published(SetpointRefused)
    assert [(event.setpoint_id, event.reason) for event in refused] == [("old", "out_of_order")]
    bench.close()


def test_kill_between_batches_loses_no_set_point(tmp_path: Path) -> None:
    bench = a_bench(tmp_path)
    bench.give(a_setpoint())

    bench.restart()
    bench.run()

    assert pending_ids(bench) == ["s1"]
    bench.close()
