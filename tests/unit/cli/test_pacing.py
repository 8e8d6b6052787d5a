from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.pacing import Leash, Owed, Seen
from shared.clock import Pace, SharedClock, parse_pace, wall_now, write_pace

MIDNIGHT = datetime(2026, 5, 19, 15, tzinfo=UTC)
BEGIN = MIDNIGHT - timedelta(hours=1)
LONG_AGO = timedelta(hours=10)
BATTERIES = ("b1", "b2", "b3", "b4")
METERS = ("m1", "m2")


class Wall:
    """Seconds that a test lets pass."""

    s = 0.0

    def __call__(self) -> float:
        return self.s


def a_leash(folder: Path, until: datetime, *, fails: Collection[str] = (), wall: Wall | None = None) -> Leash:
    """Return the leash of a clock that has come to an instant and stands there."""
    path = folder / "clock.json"
    write_pace(path, Pace(BEGIN, 600.0, wall_now() - LONG_AGO, until=until))

    def failing(devices: Collection[str], since: datetime, until: datetime) -> set[str]:
        del since, until
        return {*devices} & {*fails}

    owed = Owed(
        first=MIDNIGHT,
        begin=BEGIN,
        gate_closure_lead=timedelta(minutes=30),
        sites=20,
        batteries=BATTERIES,
        commanded=BATTERIES,
        settled_meters=METERS,
        statements=12,
        failing=failing,
    )
    return Leash(SharedClock(path), owed, elapsed_s=wall or Wall())


def seen(statements: int = 0, **through: int) -> Seen:
    """Return a day of which everything has come, or of some causes only the first intervals."""
    whole = {"forecasts": 20, "schedules": 4, "setpoints_confirmed": 4, "setpoints_refused": 0, "settled": 1}
    intervals: list[dict[str, Any]] = [
        {name: count if n < through.get(name, 96) and count else 0 for name, count in whole.items()} for n in range(96)
    ]
    return Seen(intervals, statements, 4)


def stands_at(folder: Path) -> datetime | None:
    return parse_pace((folder / "clock.json").read_text(), where="clock.json").until


@pytest.mark.parametrize(
    ("through", "until"),
    [
        # The round of 00:30 is left out once the gate of 00:45 has closed, which is at 00:15.
        ({"schedules": 2, "setpoints_confirmed": 2}, timedelta(minutes=14)),
        # The interval of 00:30 takes no set-point any more at 00:30.
        ({"setpoints_confirmed": 2}, timedelta(minutes=29)),
        # It gets no forecasts any more at 00:45.
        ({"forecasts": 2}, timedelta(minutes=44)),
        # It is over at 00:45 and has to be settled an hour later.
        ({"settled": 2}, timedelta(minutes=104)),
        # A day of which all has come is followed to a minute before 00:15 of the next.
        ({}, timedelta(days=1, minutes=14)),
    ],
)
def test_clock_goes_on_until_a_minute_before_what_is_missing_would_be_lost(
    tmp_path: Path, through: dict[str, int], until: timedelta
) -> None:
    leash = a_leash(tmp_path, MIDNIGHT - timedelta(minutes=30))

    leash.follow(seen(**through))

    assert stands_at(tmp_path) == MIDNIGHT + until


def test_clock_stands_before_the_first_gate_until_every_battery_was_measured(tmp_path: Path) -> None:
    # The gate of 00:00 closes at 23:30.
    leash = a_leash(tmp_path, MIDNIGHT - timedelta(minutes=31))

    leash.follow(Seen(seen().intervals, 0, 3))

    assert stands_at(tmp_path) == MIDNIGHT - timedelta(minutes=31)
    assert leash.waiting_for == "the batteries' states (3 of 4)"


def test_battery_that_a_round_left_out_does_not_freeze_the_day(tmp_path: Path) -> None:
    wall = Wall()
    leash = a_leash(tmp_path, MIDNIGHT - timedelta(minutes=16), wall=wall)
    left_out = {"schedules": 3, "setpoints_confirmed": 3}
    intervals = [{**one, **(left_out if n == 0 else {})} for n, one in enumerate(seen().intervals)]

    for _ in range(3):
        leash.follow(Seen(intervals, 0, 4))
        wall.s += 31.0

    assert leash.done_without == ["schedules of 00:00 (3 of 4)"]
    # No set-point of it is waited for either: a battery without a plan gets none.
    assert stands_at(tmp_path) == leash.end


def test_clock_that_stands_says_for_what_and_counts_how_long(tmp_path: Path) -> None:
    wall = Wall()
    leash = a_leash(tmp_path, MIDNIGHT + timedelta(minutes=29), wall=wall)
    intervals = [{**one, "setpoints_confirmed": 3} if n == 2 else one for n, one in enumerate(seen().intervals)]
    day = Seen(intervals, 0, 4)

    leash.follow(day)
    wall.s += 45.0
    leash.follow(day, silent=["fems"])

    # 00:00 UTC of the test's midnight is Korean midnight.
    assert leash.waiting_for == "set-points of 00:30 (3 of 4); not heard of: fems"
    assert dict(leash.waited_s) == {"set-points": 45.0}


def test_clock_waits_without_an_end_while_a_process_is_not_heard_of(tmp_path: Path) -> None:
    wall = Wall()
    stand = MIDNIGHT + timedelta(minutes=29)
    leash = a_leash(tmp_path, stand, wall=wall)

    for _ in range(5):
        leash.follow(seen(setpoints_confirmed=2), silent=["scheduler"])
        wall.s += 3_600.0

    assert (leash.done_without, leash.gave_up, stands_at(tmp_path)) == ([], False, stand)


def test_clock_waits_on_as_long_as_anything_moves_at_all(tmp_path: Path) -> None:
    wall = Wall()
    leash = a_leash(tmp_path, MIDNIGHT + timedelta(minutes=29), wall=wall)

    for settled in range(5):
        leash.follow(seen(setpoints_confirmed=2, settled=settled))
        wall.s += 500.0

    assert leash.done_without == []


def test_what_does_not_come_though_all_are_heard_of_is_named_and_done_without(tmp_path: Path) -> None:
    wall = Wall()
    leash = a_leash(tmp_path, MIDNIGHT + timedelta(minutes=29), wall=wall)
    day = seen(setpoints_confirmed=2)

    for _ in range(3):
        leash.follow(day)
        wall.s += 601.0
    leash.follow(day)

    assert leash.done_without[0] == "set-points of 00:30 (0 of 4)"
    # Now it waits for those of 00:45.
    assert stands_at(tmp_path) == MIDNIGHT + timedelta(minutes=44)


@pytest.mark.parametrize(
    ("fails", "until"),
    [
        # Three of four batteries are enough while the fourth is made to fail; settlement waits for no one then.
        ({"b4"}, timedelta(days=1, minutes=14)),
        ({"b4", "m1"}, timedelta(days=1, minutes=14)),
        (set(), timedelta(minutes=29)),
    ],
)
def test_device_that_was_made_to_fail_does_not_freeze_the_day(
    tmp_path: Path, fails: set[str], until: timedelta
) -> None:
    leash = a_leash(tmp_path, MIDNIGHT + timedelta(minutes=20), fails=fails)
    intervals = [{**one, "setpoints_confirmed": 4 if n < 2 else 3} for n, one in enumerate(seen().intervals)]
    if "m1" in fails:
        intervals = [{**one, "settled": 0} for one in intervals]

    leash.follow(Seen(intervals, 0, 4))

    assert stands_at(tmp_path) == MIDNIGHT + until


@pytest.mark.parametrize(
    ("fails", "after_s", "gave_up"),
    [((), 599.0, False), ((), 601.0, True), (("m2",), 29.0, False), (("m2",), 31.0, True)],
)
def test_day_whose_books_do_not_come_is_given_up_in_the_end(
    tmp_path: Path, fails: tuple[str, ...], after_s: float, *, gave_up: bool
) -> None:
    wall = Wall()
    leash = a_leash(tmp_path, MIDNIGHT + timedelta(days=1, minutes=14), fails=fails, wall=wall)
    # 95 of 96 settled, so no statement; the last is settled an hour later at the latest, when the clock stands already.
    day = seen(settled=95)

    leash.follow(day)
    leash.follow(day)
    wall.s += after_s
    leash.follow(day)

    assert leash.gave_up is gave_up
    why = "; made to fail: m2" if fails else ""
    assert leash.missing(day) == [f"settlement of 1 of 96 intervals{why}", "12 of 12 statements"]


def test_day_is_done_with_its_last_interval_and_all_statements(tmp_path: Path) -> None:
    leash = a_leash(tmp_path, MIDNIGHT + timedelta(days=1, minutes=14))

    assert not leash.is_done(seen(statements=11))
    assert not leash.is_done(seen(statements=12, settled=95))
    assert leash.is_done(seen(statements=12))
    assert leash.missing(seen(statements=12)) == []


def test_clock_stands_and_the_day_goes_on_where_the_disk_is_full(tmp_path: Path) -> None:
    leash = a_leash(tmp_path, MIDNIGHT)
    draft = tmp_path / "clock.draft"
    draft.symlink_to("/dev/full")

    leash.follow(seen())

    assert leash.waiting_for is not None
    assert leash.waiting_for.startswith("the disk: ")

    draft.unlink()
    leash.follow(seen())

    assert stands_at(tmp_path) == leash.end


def test_where_a_day_follows_its_first_gates_are_waited_for_before_the_day_is_over(tmp_path: Path) -> None:
    late = MIDNIGHT + timedelta(hours=23, minutes=40)
    leash = a_leash(tmp_path, until=late)
    waited_for = {"forecasts": 20, "schedules": 0, "setpoints_confirmed": 0, "setpoints_refused": 0, "settled": 0}

    leash.follow(Seen([*seen(settled=90).intervals, waited_for], 0, 4))

    # The gate of 00:15 closes at 23:45: the schedules of midnight come before it.
    assert stands_at(tmp_path) == MIDNIGHT + timedelta(hours=23, minutes=44)
    assert leash.waiting_for == "schedules of 00:00 (0 of 4)"


def test_a_day_is_done_whatever_of_the_next_is_still_to_come(tmp_path: Path) -> None:
    leash = a_leash(tmp_path, until=MIDNIGHT + timedelta(hours=24, minutes=14))
    nothing_yet = dict.fromkeys(("forecasts", "schedules", "setpoints_confirmed", "setpoints_refused", "settled"), 0)

    assert leash.is_done(Seen([*seen().intervals, nothing_yet], 12, 4))
    assert leash.missing(Seen([*seen().intervals, nothing_yet], 12, 4)) == []
