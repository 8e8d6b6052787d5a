from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.fems.domain.interval_numbers import number_of
from services.fems.domain.metering.counting import Closed, Count, CounterLimits, Flag, Sample, advance, begin

START = datetime(2026, 5, 20, 1, tzinfo=UTC)
NUMBER = number_of(START)
WRAP_WH = 1 << 32
LIMITS = CounterLimits(import_w_max=100_000, export_w_max=100_000, pause=timedelta(minutes=2))
MINUTES = 60


def a_sample(seconds: int, import_wh: int, *, import_w: int = 60_000, serial: str = "a") -> Sample:
    return Sample(START + timedelta(seconds=seconds), import_wh, 0, import_w, 0, serial)


def counted(samples: list[Sample], limits: CounterLimits = LIMITS) -> tuple[Count, list[Closed]]:
    count, closed = begin(samples[0]), []
    for sample in samples[1:]:
        count, done = advance(count, sample, limits)
        closed += done
    return count, closed


def a_minute_by_minute(first: int, last: int, *, from_wh: int = 0) -> list[Sample]:
    """Return a reading a minute at 60 kW, which is 1,000 Wh a minute."""
    return [a_sample(n * MINUTES, from_wh + 1_000 * n) for n in range(first, last + 1)]


def test_interval_is_what_its_counters_moved() -> None:
    _, closed = counted(a_minute_by_minute(0, 31))

    assert closed == [Closed(NUMBER, 15_000, 0), Closed(NUMBER + 1, 15_000, 0)]


def test_reading_across_a_boundary_is_spread_over_both_sides() -> None:
    # 14:40 to 15:20 moves 1,000 Wh, half of it before the quarter hour.
    samples = [a_sample(0, 0), *(a_sample(n * 40, 1_000 * n) for n in range(1, 23)), a_sample(920, 23_000)]

    _, closed = counted(samples)

    assert closed == [Closed(NUMBER, 22_500, 0)]


def test_wrap_is_measured_and_said() -> None:
    samples = [replaced(one, (WRAP_WH - 5_500 + one.import_wh) % WRAP_WH) for one in a_minute_by_minute(0, 15)]

    _, closed = counted(samples)

    assert closed == [Closed(NUMBER, 15_000, 0, frozenset({Flag.COUNTER_WRAP}))]


def replaced(sample: Sample, import_wh: int) -> Sample:
    return Sample(sample.at, import_wh, 0, sample.import_w, 0, sample.serial)


def test_reset_loses_one_step_which_power_fills_in() -> None:
    # From minute 7 on the counter shows what has passed since 6:30, 500 Wh less than a step.
    samples = [
        one if n < 7 else replaced(one, 500 + 1_000 * (n - 7))
        for n, one in enumerate(a_minute_by_minute(0, 15, from_wh=9_000_000))
    ]

    _, closed = counted(samples)

    assert closed == [Closed(NUMBER, 15_000, 0, frozenset({Flag.COUNTER_RESET}), guessed=True)]


def test_counter_that_stood_beyond_its_own_end_has_not_wrapped_when_it_begins_anew() -> None:
    # As above, from twice where the counter is said to end: less energy than none is no step.
    samples = [
        one if n < 7 else replaced(one, 500 + 1_000 * (n - 7))
        for n, one in enumerate(a_minute_by_minute(0, 15, from_wh=2 * WRAP_WH))
    ]

    _, closed = counted(samples)

    assert closed == [Closed(NUMBER, 15_000, 0, frozenset({Flag.COUNTER_RESET}), guessed=True)]


def test_another_meter_counts_on_from_its_own_beginning() -> None:
    samples = a_minute_by_minute(0, 7) + [
        a_sample(n * MINUTES, 777_000_000 + 1_000 * n, serial="b") for n in range(8, 16)
    ]

    _, closed = counted(samples)

    assert closed == [Closed(NUMBER, 15_000, 0, frozenset({Flag.METER_SWAP}), guessed=True)]


def test_one_odd_reading_is_noise_and_costs_nothing() -> None:
    high, low = a_minute_by_minute(0, 15), a_minute_by_minute(0, 15, from_wh=500_000)
    high[7] = replaced(high[7], 900_000_000)
    low[7] = replaced(low[7], 3)

    assert counted(high)[1] == [Closed(NUMBER, 15_000, 0, frozenset({Flag.SPIKE}))]
    assert counted(low)[1] == [Closed(NUMBER, 15_000, 0, frozenset({Flag.NEGATIVE}))]


def test_pause_across_a_boundary_keeps_the_total_and_says_that_the_split_is_a_guess() -> None:
    # Silent from minute 10 to minute 40: 30,000 Wh, spread evenly.
    _, closed = counted(a_minute_by_minute(0, 10) + a_minute_by_minute(40, 45))

    guess = frozenset({Flag.GAP})
    assert closed == [
        Closed(NUMBER, 15_000, 0, guess, guessed=True),
        Closed(NUMBER + 1, 15_000, 0, guess, guessed=True),
        Closed(NUMBER + 2, 15_000, 0, guess, guessed=True),
    ]


def test_stuck_counters_are_filled_in_by_power_and_corrected_when_they_catch_up() -> None:
    # The counter stands from minute 5 to minute 25 while power goes on at 60 kW, and then shows what really passed:
    # 10,000 Wh less than power said.
    before, standing = a_minute_by_minute(0, 5), [a_sample(n * MINUTES, 5_000) for n in range(6, 26)]
    after = [a_sample(n * MINUTES, 5_000 + 15_500 + 1_000 * (n - 26)) for n in range(26, 46)]

    _, closed = counted(before + standing + after)

    assert closed[0] == Closed(NUMBER, 15_000, 0, frozenset({Flag.STUCK}), guessed=True)
    # 15,500 Wh in the 21 minutes from 5 to 26: 7,380 of them in the ten before the quarter hour.
    flags = frozenset({Flag.STUCK, Flag.GAP})
    assert closed[1] == Closed(NUMBER, 5_000 + 7_380, 0, flags, guessed=True)
    assert closed[2] == Closed(NUMBER + 1, 8_120 + 4_000, 0, flags, guessed=True)
    assert closed[3] == Closed(NUMBER + 2, 15_000, 0)


def test_stuck_counters_that_go_on_where_they_stood_stay_filled_in_by_power() -> None:
    before, standing = a_minute_by_minute(0, 5), [a_sample(n * MINUTES, 5_000) for n in range(6, 21)]
    after = [a_sample(n * MINUTES, 5_000 + 1_000 * (n - 20)) for n in range(21, 31)]

    _, closed = counted(before + standing + after)

    assert closed[0] == Closed(NUMBER, 15_000, 0, frozenset({Flag.STUCK}), guessed=True)
    # Five minutes of the second interval were stuck as well.
    assert closed[1].import_wh == 10_000


def test_idle_meter_is_not_stuck() -> None:
    _, closed = counted([a_sample(n * MINUTES, 42, import_w=0) for n in range(16)])

    assert closed == [Closed(NUMBER, 0, 0)]


def test_first_interval_is_completed_from_the_part_that_was_seen() -> None:
    # Counting begins at minute 5: 10,000 Wh in ten minutes.
    _, closed = counted(a_minute_by_minute(5, 15))

    assert closed == [Closed(NUMBER, 15_000, 0, frozenset({Flag.GAP}), guessed=True)]


def test_clock_that_stands_changes_nothing() -> None:
    count = begin(a_sample(60, 5))

    assert advance(count, a_sample(60, 9), LIMITS) == (count, [])


# As the gateway has it: a pause is longer than three polls.
AS_POLLED = replace(LIMITS, pause=timedelta(minutes=3))


def both(seconds: int, import_wh: int, export_wh: int, *, export_w: int = 0) -> Sample:
    return Sample(START + timedelta(seconds=seconds), import_wh, export_wh, 60_000, export_w, "a")


def test_counter_that_runs_down_does_not_silence_the_other() -> None:
    # Import counts 1,000 Wh a minute; what export shows falls by 50 Wh a minute, while its power says 0.
    _, closed = counted([both(n * MINUTES, 1_000 * n, 9_000 - 50 * n) for n in range(33)], AS_POLLED)

    flags = frozenset({Flag.NEGATIVE})
    assert closed == [
        Closed(NUMBER, 15_000, 0, flags, guessed=True),
        Closed(NUMBER + 1, 15_000, 0, flags, guessed=True),
    ]


def test_energy_of_a_counter_that_runs_down_is_taken_from_power() -> None:
    # 6 kW flow out, 100 Wh a minute, while the export counter runs down.
    _, closed = counted([both(n * MINUTES, 1_000 * n, 9_000 - 100 * n, export_w=6_000) for n in range(18)], AS_POLLED)

    assert closed == [Closed(NUMBER, 15_000, 1_500, frozenset({Flag.NEGATIVE}), guessed=True)]


def test_counter_that_shows_nonsense_does_not_silence_the_other() -> None:
    # Export jumps about, by more than flows in an hour at each poll.
    _, closed = counted([both(n * MINUTES, 1_000 * n, n * 1_234_567_891 % WRAP_WH) for n in range(40)])

    assert [(one.import_wh, one.export_wh, one.guessed) for one in closed[:2]] == [(15_000, 0, True)] * 2
    assert closed[0].flags & {Flag.NEGATIVE, Flag.SPIKE}


def test_zeros_for_some_polls_lose_no_energy() -> None:
    # The meter shows 0 from minute 5 to minute 9, and nothing of power either.
    samples = a_minute_by_minute(0, 16, from_wh=9_000_000)
    samples[5:10] = [a_sample(n * MINUTES, 0, import_w=0) for n in range(5, 10)]

    _, closed = counted(samples)

    assert [(one.number, one.import_wh) for one in closed] == [(NUMBER, 15_000)]


def test_zeros_across_a_boundary_are_corrected_by_the_last_good_reading() -> None:
    # Zeros from minute 10 to minute 34; 35,000 Wh have passed in the first 35 minutes.
    samples = a_minute_by_minute(0, 46, from_wh=9_000_000)
    samples[10:35] = [a_sample(n * MINUTES, 0, import_w=0) for n in range(10, 35)]

    _, closed = counted(samples)

    assert all(one.guessed for one in closed if one.number <= NUMBER + 1), "what was a guess can be corrected"
    newest = {one.number: one.import_wh for one in closed}
    assert newest == {NUMBER: 15_000, NUMBER + 1: 15_000, NUMBER + 2: 15_000}


def test_counters_that_began_anew_and_count_on_are_no_continuation() -> None:
    # From 3,000 Wh back to 0 at minute 4; at minute 7 the counter has come to where it stood, and beyond.
    shown = [0, 1_000, 2_000, 3_000, *(1_000 * n for n in range(13))]

    _, closed = counted([a_sample(n * MINUTES, wh) for n, wh in enumerate(shown)])

    # Three steps of 1,000 Wh, the step of the reset by power, and eleven more.
    assert closed == [Closed(NUMBER, 15_000, 0, frozenset({Flag.COUNTER_RESET}), guessed=True)]


@settings(max_examples=50)
@given(
    power_w=st.lists(st.sampled_from([0, 1, 60, 5_000, 100_000]), min_size=100, max_size=100),
    first_wh=st.integers(0, WRAP_WH - 1),
    step_s=st.integers(5, 60),
)
def test_energy_of_all_intervals_is_what_the_counters_moved(power_w: list[int], first_wh: int, step_s: int) -> None:
    total_ws, samples = 0, []
    for position, watts in enumerate(power_w):
        total_ws += watts * step_s if position else 0
        shown_wh = (first_wh + total_ws // 3_600) % WRAP_WH
        samples.append(a_sample(position * step_s, shown_wh, import_w=watts))

    count, closed = counted(samples)

    assert sum(one.import_wh for one in closed) + count.open.import_wh == total_ws // 3_600
    assert [one.number for one in closed] == list(range(NUMBER, NUMBER + len(closed)))
