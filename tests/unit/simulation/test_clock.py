from datetime import UTC, datetime, timedelta

from simulation.clock import ManualClock

START = datetime(2026, 5, 20, tzinfo=UTC)


def test_a_manual_clock_moves_only_by_hand() -> None:
    clock = ManualClock(START)

    clock.advance(timedelta(minutes=15))

    assert clock.now() == clock.now() == START + timedelta(minutes=15)
