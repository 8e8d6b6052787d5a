"""What a guarded clock believes: steps of an hour both ways, restarts, sleep, and clocks that are set on purpose."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.clock import ClockStepped, Pace, SharedClock, clock_from, wall_now, write_pace
from shared.runtime.clock_guard import CONFIRMATION, GuardedClock, Mark, Notes, confirm, guarded, write_mark
from simulation.clock import ManualClock

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@dataclass
class Machine:
    """A machine whose clock can be stepped, and that can be started again; its time passes by hand."""

    folder: Path
    wall: ManualClock = field(default_factory=lambda: ManualClock(NOON, is_simulated=False))
    elapsed_s: float = 0.0
    boot: str = "first"

    def process(self, name: str = "market") -> GuardedClock:
        """Start a process, and so a guard."""
        return GuardedClock(self.wall, Notes(self.folder, name, self.boot), lambda: self.elapsed_s)

    def pass_time(self, span: timedelta) -> None:
        """Let time pass, and the clock with it."""
        self.wall.advance(span)
        self.elapsed_s += span.total_seconds()

    def confirm(self) -> None:
        """Let a person say that the clock is right."""
        write_mark(self.folder / CONFIRMATION, Mark(self.wall.now(), self.elapsed_s), boot=self.boot)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_clock_that_goes_with_time_is_read_as_it_is(machine: Machine) -> None:
    clock = machine.process()

    for span in (SECOND, HOUR, timedelta(days=3)):
        machine.pass_time(span)
        assert clock.now() == clock.shown() == machine.wall.now()


def test_a_small_correction_is_no_step(machine: Machine) -> None:
    clock = machine.process()
    clock.now()

    machine.wall.advance(5 * SECOND)
    assert clock.now() == NOON + 5 * SECOND
    machine.wall.advance(-5 * SECOND)
    assert clock.now() == NOON
    machine.wall.advance(5.1 * SECOND)
    with pytest.raises(ClockStepped):
        clock.now()


def test_a_clock_stepped_forward_gives_no_time_until_it_is_back(machine: Machine) -> None:
    clock = machine.process()
    clock.now()
    machine.wall.advance(HOUR)

    for _ in range(3):
        machine.pass_time(6 * SECOND)
        with pytest.raises(ClockStepped):
            clock.now()
        assert clock.shown() == machine.wall.now() - HOUR
    machine.wall.advance(-HOUR)

    assert clock.now() == NOON + 18 * SECOND


def test_a_person_confirms_a_step_and_the_next_one_needs_a_word_of_its_own(machine: Machine) -> None:
    clock = machine.process()
    clock.now()
    machine.wall.advance(HOUR)
    with pytest.raises(ClockStepped):
        clock.now()

    machine.confirm()
    machine.pass_time(SECOND)
    assert clock.now() == NOON + HOUR + SECOND

    # Back, and the same step once more: nobody has spoken of this one.
    machine.wall.advance(-HOUR)
    machine.pass_time(SECOND)
    clock.now()
    machine.pass_time(SECOND)
    # The clock may return to where it was when it went back; that is no news after this.
    machine.wall.advance(2 * HOUR)
    with pytest.raises(ClockStepped):
        clock.now()


def test_a_clock_that_went_back_is_read_on_and_may_return_but_not_go_further(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    clock = machine.process()
    clock.now()

    machine.wall.advance(-HOUR)
    machine.pass_time(60 * SECOND)
    assert clock.now() == NOON - HOUR + 60 * SECOND
    assert "clock went back" in caplog.text
    machine.wall.advance(HOUR / 2)
    with pytest.raises(ClockStepped):
        clock.now()
    machine.wall.advance(HOUR / 2)
    assert clock.now() == NOON + 60 * SECOND
    machine.wall.advance(HOUR)
    with pytest.raises(ClockStepped):
        clock.now()


def test_a_process_that_was_down_and_a_machine_that_slept_find_the_time_that_passed(machine: Machine) -> None:
    machine.process().now()
    machine.pass_time(HOUR)

    assert machine.process().now() == NOON + HOUR


def test_a_process_that_starts_while_the_clock_is_wrong_does_not_believe_it(machine: Machine) -> None:
    machine.process().now()
    machine.pass_time(60 * SECOND)
    machine.wall.advance(HOUR)

    again = machine.process()
    with pytest.raises(ClockStepped):
        again.now()
    machine.wall.advance(-HOUR)

    assert again.now() == NOON + 60 * SECOND


def test_a_process_that_starts_for_the_first_time_goes_by_what_the_others_know(machine: Machine) -> None:
    machine.process().now()
    machine.wall.advance(HOUR)

    with pytest.raises(ClockStepped):
        machine.process("settlement").now()


def test_a_process_that_starts_after_a_confirmation_goes_by_it(machine: Machine) -> None:
    machine.process().now()
    machine.wall.advance(HOUR)
    machine.pass_time(SECOND)
    machine.confirm()

    assert machine.process().now() == NOON + HOUR + SECOND


def restart_the_machine(machine: Machine, *, clock: datetime) -> None:
    machine.boot, machine.elapsed_s, machine.wall.instant = "second", 0.0, clock


def test_a_machine_that_was_off_may_have_been_off_for_any_time(machine: Machine) -> None:
    machine.process().now()

    restart_the_machine(machine, clock=NOON + 30 * HOUR)

    assert machine.process().now() == NOON + 30 * HOUR


def test_a_machine_that_lost_the_time_gives_none_until_its_clock_is_set(machine: Machine) -> None:
    machine.process().now()
    restart_the_machine(machine, clock=datetime(1970, 1, 1, tzinfo=UTC))
    clock = machine.process()

    with pytest.raises(ClockStepped):
        clock.now()
    assert clock.shown() == NOON
    machine.wall.instant = NOON + HOUR

    assert clock.now() == NOON + HOUR


def test_unreadable_notes_are_none(machine: Machine) -> None:
    machine.process().now()
    (machine.folder / "market.clock.json").write_text("{")

    machine.wall.advance(HOUR)

    assert machine.process().now() == NOON + HOUR


def test_a_folder_that_is_gone_or_full_keeps_nobody_from_the_time(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "gone")

    assert machine.process().now() == NOON


def a_simulated_clock(folder: Path, elapsed: Callable[[], float]) -> tuple[Path, GuardedClock]:
    path = folder / "clock.json"
    write_pace(path, Pace(NOON, 300.0, None))
    return path, GuardedClock(SharedClock(path), Notes(folder, "market", "first"), elapsed)


def test_a_simulated_clock_is_set_started_stopped_and_let_on_without_an_alarm(tmp_path: Path) -> None:
    elapsed_s = 0.0
    path, clock = a_simulated_clock(tmp_path, lambda: elapsed_s)
    assert clock.now() == NOON

    # It did not run yet: it may begin anywhere. Five wall seconds ago: 5 x 300 s = 25 min.
    began = wall_now() - 5 * SECOND
    write_pace(path, Pace(NOON + HOUR, 300.0, began, until=NOON + HOUR + timedelta(minutes=25)))
    assert clock.now() == NOON + HOUR + timedelta(minutes=25)
    # It stands, for a time; then its driver lets it go on for 10 s: 50 min.
    elapsed_s += 60.0
    assert clock.now() == NOON + HOUR + timedelta(minutes=25)
    elapsed_s += 10.0
    further = Pace(NOON + HOUR + timedelta(minutes=25), 300.0, wall_now() - 10 * SECOND, until=NOON + 2 * HOUR)
    write_pace(path, further)
    assert clock.now() == NOON + 2 * HOUR
    # It is slowed down: what passed before that passed at the old speed.
    elapsed_s += 1.0
    write_pace(path, Pace(NOON + 2 * HOUR + 300 * SECOND, 1.0, wall_now(), until=NOON + 2 * HOUR + 300 * SECOND))
    assert clock.now() == NOON + 2 * HOUR + 300 * SECOND


def test_a_running_simulated_clock_that_leaps_an_hour_is_stepped_like_any_other(tmp_path: Path) -> None:
    elapsed_s = 0.0
    path, clock = a_simulated_clock(tmp_path, lambda: elapsed_s)
    write_pace(path, Pace(NOON, 1.0, wall_now() - 2 * SECOND, until=NOON + SECOND))
    assert clock.now() == clock.now() == NOON + SECOND

    write_pace(path, Pace(NOON + HOUR, 1.0, wall_now() - 2 * SECOND, until=NOON + HOUR + SECOND))
    with pytest.raises(ClockStepped):
        clock.now()
    write_pace(path, Pace(NOON, 1.0, wall_now() - 3 * SECOND, until=NOON + 2 * SECOND))

    assert clock.now() == NOON + 2 * SECOND


def test_the_verb_confirms_what_the_machines_clock_says(tmp_path: Path) -> None:
    clock = guarded(clock_from(None), tmp_path, "market")
    clock.now()

    confirmed = confirm(clock_from(None), tmp_path)

    assert abs(clock.now() - confirmed) < HOUR
    assert json.loads((tmp_path / CONFIRMATION).read_text())["instant"] == confirmed.isoformat()
