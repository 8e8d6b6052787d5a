import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.clock import Pace, SharedClock, WallClock, clock_from, parse_pace, wall_now, write_pace
from shared.errors import BadInput

START = datetime(2026, 5, 19, 15, tzinfo=UTC)
EPOCH = datetime(2026, 11, 23, 9, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def set_pace(path: Path, pace: Pace, stamp_ns: int) -> None:
    """Write a clock file as if it had been changed at a given time."""
    write_pace(path, pace)
    os.utime(path, ns=(stamp_ns, stamp_ns))


def test_a_pace_multiplies_wall_time_since_its_epoch() -> None:
    pace = Pace(start=START, speed=300.0, epoch=EPOCH)

    # 3 wall seconds at 300x are 15 minutes.
    assert pace.at(EPOCH + timedelta(seconds=3)) == START + timedelta(minutes=15)
    assert pace.at(EPOCH) == START
    assert pace.at(EPOCH - timedelta(hours=1)) == START


def test_a_pace_without_an_epoch_stands_still() -> None:
    assert Pace(start=START, speed=300.0, epoch=None).at(EPOCH) == START


def test_a_pace_with_an_end_stands_there_until_it_is_moved() -> None:
    pace = Pace(START, 60.0, EPOCH, until=START + timedelta(minutes=10))

    # Ten minutes at 60x are 10 s.
    assert pace.at(EPOCH + timedelta(seconds=9)) == START + timedelta(minutes=9)
    assert not pace.stands(EPOCH + timedelta(seconds=9))
    assert pace.at(EPOCH + timedelta(seconds=25)) == START + timedelta(minutes=10)
    assert pace.stands(EPOCH + timedelta(seconds=25))


def test_a_pace_that_stood_goes_on_from_there_without_a_leap() -> None:
    pace = Pace(START, 60.0, EPOCH, until=START + timedelta(minutes=10))
    late = EPOCH + timedelta(seconds=25)

    further = pace.going_until(START + timedelta(hours=1), late)

    assert further.at(late) == START + timedelta(minutes=10)
    assert further.at(late + timedelta(seconds=5)) == START + timedelta(minutes=15)
    assert further.going_until(None, late).at(late + timedelta(seconds=300)) == START + timedelta(hours=5, minutes=10)


def test_a_pace_whose_end_is_moved_in_time_runs_through() -> None:
    pace = Pace(START, 60.0, EPOCH, until=START + timedelta(minutes=10))

    further = pace.going_until(START + timedelta(hours=1), EPOCH + timedelta(seconds=5))

    assert further.at(EPOCH + timedelta(seconds=25)) == START + timedelta(minutes=25)


def test_an_end_before_the_start_turns_no_time_back() -> None:
    assert Pace(START, 60.0, EPOCH, until=START - timedelta(hours=1)).at(EPOCH + timedelta(seconds=5)) == START


def test_processes_that_share_a_file_share_the_time_and_follow_its_changes(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    set_pace(path, Pace(START, 60.0, None), 1)
    one, other = clock_from(path), SharedClock(path)
    assert (one.now(), other.now(), one.speed) == (START, START, 0.0)

    set_pace(path, Pace(START, 60.0, wall_now() - timedelta(seconds=10)), 2)

    # It has run for 10 s and a little at 60x: ten minutes, and it goes on.
    assert one.now() >= START + timedelta(minutes=10)
    assert one.now() <= other.now() <= one.now()
    assert other.speed == 60.0


def test_a_pace_changes_its_speed_without_a_leap_and_stands_where_it_stood() -> None:
    pace = Pace(START, 60.0, EPOCH, until=START + timedelta(minutes=20))

    slower = pace.going_at(10.0, EPOCH + timedelta(seconds=5))

    assert slower.at(EPOCH + timedelta(seconds=5)) == START + timedelta(minutes=5)
    assert slower.at(EPOCH + timedelta(seconds=11)) == START + timedelta(minutes=6)
    assert slower.at(EPOCH + timedelta(hours=1)) == START + timedelta(minutes=20)
    # One that stands, for a person or at its end, stands on.
    assert Pace(START, 60.0, None).going_at(10.0, EPOCH) == Pace(START, 10.0, None)
    late = EPOCH + timedelta(hours=1)
    assert pace.going_at(10.0, late).at(late + timedelta(minutes=1)) == START + timedelta(minutes=20)


def test_who_drives_a_clock_and_who_sets_its_speed_undo_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_pace(path, Pace(START, 60.0, None))
    driver, person = SharedClock(path), SharedClock(path)

    def drive() -> None:
        for number in range(100):
            driver.go_until(START + timedelta(minutes=number))

    def set_speed() -> None:
        for number in range(100):
            person.go_at(1.0 + number)

    threads = [threading.Thread(target=work) for work in (drive, set_speed)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert parse_pace(path.read_text(), where="clock.json") == Pace(START, 100.0, None, START + timedelta(minutes=99))


def test_a_clock_file_says_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    pace = Pace(START, 7.5, EPOCH, until=START + timedelta(hours=1))

    write_pace(path, pace)

    assert parse_pace(path.read_text(), where="x") == pace
    assert [entry.name for entry in tmp_path.iterdir()] == ["clock.json"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "clock must be JSON with start, speed and epoch"),
        ("[]", "clock must be JSON with start, speed and epoch"),
        ('{"start": "2026-05-20T00:00:00+09:00", "speed": 1}', "clock must be JSON with start, speed and epoch"),
        ('{"start": "noon", "speed": 1, "epoch": null}', "clock must be JSON with start, speed and epoch"),
        ('{"start": "2026-05-20T00:00:00", "speed": 1, "epoch": null}', "start, epoch, until must carry a UTC offset"),
        ('{"start": "2026-05-20T00:00:00Z", "speed": 0, "epoch": null}', r"speed must be in \(0, 10000\], was 0.0"),
        ('{"start": "2026-05-20T00:00:00Z", "speed": NaN, "epoch": null}', r"speed must be in \(0, 10000\], was nan"),
        ('{"start": "2026-05-20T00:00:00Z", "speed": 1e9, "epoch": null}', r"speed must be in \(0, 10000\]"),
    ],
)
def test_a_bad_clock_file_is_refused_with_its_name_and_rule(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "clock.json"
    path.write_text(text)

    with pytest.raises(BadInput, match=f"clock.json: {problem}"):
        SharedClock(path)


def test_a_missing_clock_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"SANDAN_CLOCK_FILE must name a clock file, was '.*nowhere.json'"):
        clock_from(tmp_path / "nowhere.json")


def test_without_a_file_the_wall_clock_tells_the_time() -> None:
    clock = clock_from(None)

    assert isinstance(clock, WallClock)
    assert clock.now() > LONG_AGO
    assert clock.now().tzinfo is UTC
