from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.pacing import Leash
from shared.clock import Pace, SharedClock, parse_pace, wall_now, write_pace

MIDNIGHT = datetime(2026, 5, 19, 15, tzinfo=UTC)
LONG_AGO = timedelta(hours=10)
# The first interval needs its set-points a minute before it begins.
FIRST_STOP = MIDNIGHT - timedelta(minutes=1)


def a_leash(folder: Path, setpoints_per_interval: int, forecasts_per_interval: int = 0) -> tuple[SharedClock, Leash]:
    """Return a clock that stands before its first interval, and its leash."""
    path = folder / "clock.json"
    write_pace(path, Pace(MIDNIGHT - timedelta(hours=1), 60.0, wall_now() - LONG_AGO, until=FIRST_STOP))
    clock = SharedClock(path)
    return clock, Leash(clock, MIDNIGHT, setpoints_per_interval, forecasts_per_interval)


def test_clock_stands_before_an_interval_whose_batteries_were_not_all_told(tmp_path: Path) -> None:
    clock, leash = a_leash(tmp_path, 4)

    # 4 of the day's second interval's 4 are missing 1: it begins at 00:15.
    leash.follow(7, 0)

    assert clock.now() <= MIDNIGHT + timedelta(minutes=14)


def test_clock_stands_in_an_interval_whose_sites_were_not_all_forecast(tmp_path: Path) -> None:
    clock, leash = a_leash(tmp_path, 4, 20)

    # All set-points are there, and the forecasts of two intervals and a half: the third one ends at 00:45.
    leash.follow(4 * 96, 50)

    assert clock.speed > 0
    until = parse_pace((tmp_path / "clock.json").read_text(), where="clock.json").until
    assert until == MIDNIGHT + timedelta(minutes=44)


@pytest.mark.parametrize(("setpoints_per_interval", "confirmed"), [(4, 4 * 96), (0, 0)])
def test_clock_of_a_day_that_is_told_to_its_end_stops_there(
    tmp_path: Path, setpoints_per_interval: int, confirmed: int
) -> None:
    clock, leash = a_leash(tmp_path, setpoints_per_interval)

    leash.follow(confirmed, 0)

    assert clock.speed == 60.0
    # A minute before 00:15 of the next day, which is not yet a metered interval's end.
    assert leash.end == MIDNIGHT + timedelta(days=1, minutes=14)


def test_day_goes_on_without_a_setpoint_that_never_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.pacing.HOLD_S_MAX", -1.0)
    clock, leash = a_leash(tmp_path, 4)
    leash.follow(0, 0)
    assert clock.now() == FIRST_STOP

    # It is seen standing, then given up, then the clock goes on to a minute before the second interval.
    for _ in range(3):
        leash.follow(0, 0)

    assert clock.speed > 0
    assert (leash.gone_without, leash.gave_up) == (1, False)


def test_day_whose_books_do_not_come_at_its_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.pacing.HOLD_S_MAX", -1.0)
    path = tmp_path / "clock.json"
    over = MIDNIGHT + timedelta(days=2)
    write_pace(path, Pace(over, 60.0, None))
    leash = Leash(SharedClock(path), MIDNIGHT, 4, 0)

    for _ in range(3):
        leash.follow(4 * 96, 0)

    assert leash.gave_up
