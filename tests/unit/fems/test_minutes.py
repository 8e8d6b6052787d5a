from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fems.domain.metering.counting import CounterLimits, Sample
from services.fems.domain.metering.minutes import Minute, RunningMinute, advance

START = datetime(2026, 5, 20, 1, tzinfo=UTC)
LIMITS = CounterLimits(
    import_w_max=1_000_000,
    export_w_max=1_000_000,
    pause=timedelta(seconds=30),
)


def at(seconds: float, import_wh: int, export_wh: int = 0, import_w: int = 0) -> Sample:
    return Sample(START + timedelta(seconds=seconds), import_wh, export_wh, import_w, 0)


def minutes(*samples: Sample) -> list[Minute]:
    """Return what a meter's readings complete."""
    running: RunningMinute | None = None
    found: list[Minute] = []
    for sample in samples:
        running, done = advance(running, sample, LIMITS)
        found += done
    return found


def test_minute_is_the_difference_of_its_counters_at_both_ends() -> None:
    assert minutes(at(0, 100), at(30, 150, 4), at(60, 190, 9), at(90, 300)) == [Minute(START, 90, 9)]


def test_minute_in_which_counting_began_is_left_out() -> None:
    assert minutes(at(20, 100), at(60, 200), at(120, 260)) == [Minute(START + timedelta(minutes=1), 60, 0)]


def test_step_across_a_border_is_spread_evenly() -> None:
    # 60 Wh from second 40 to second 70: two thirds lie before the border.
    assert minutes(at(0, 0), at(30, 30), at(40, 40), at(70, 100), at(120, 150)) == [
        Minute(START, 80, 0),
        Minute(START + timedelta(minutes=1), 70, 0),
    ]


def test_pause_is_spread_and_said_to_be_a_guess() -> None:
    # Three minutes without a reading: 300 Wh, 100 a minute.
    found = minutes(at(0, 0), at(180, 300))

    assert found == [Minute(START + timedelta(minutes=n), 100, 0, guessed=True) for n in range(3)]


def test_nothing_is_said_of_the_minutes_in_a_pause_of_hours() -> None:
    assert minutes(at(0, 0), at(2 * 3_600 + 10, 7_000), at(2 * 3_600 + 70, 7_100)) == []


def test_counters_that_began_anew_are_bridged_by_power() -> None:
    # 36 kW for 20 s are 200 Wh, between 100 and a counter that shows 3.
    found = minutes(at(0, 0, 0, 36_000), at(20, 200, 0, 36_000), at(40, 3, 0, 36_000), at(60, 203, 0, 36_000))

    assert found == [Minute(START, 600, 0, guessed=True)]


@given(
    waits_s=st.lists(st.integers(min_value=1, max_value=200), min_size=2, max_size=60),
    watts=st.integers(min_value=0, max_value=500_000),
)
def test_minutes_together_are_what_the_counters_moved(waits_s: list[int], watts: int) -> None:
    passed, samples = 0, [at(0, 0, 0, watts)]
    for wait_s in waits_s:
        passed += wait_s
        samples.append(at(passed, watts * passed // 3_600, 0, watts))

    found = minutes(*samples)

    whole = passed // 60
    assert [one.start for one in found] == [START + timedelta(minutes=n) for n in range(whole)]
    # Counters and spreading round down, by less than a Wh each.
    assert sum(one.import_wh for one in found) == pytest.approx(watts * 60 * whole / 3_600, abs=2)
