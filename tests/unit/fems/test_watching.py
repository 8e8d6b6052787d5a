from services.fems.domain.metering.counting import Flag, Sample
from services.fems.domain.metering.plausibility import PowerWatch, watched
from tests.unit.fems.test_counting import LIMITS, a_minute_by_minute, a_sample


def flags_after(samples: list[Sample]) -> set[Flag]:
    watch: PowerWatch | None = None
    for sample in samples:
        watch = watched(watch, sample, LIMITS)
    assert watch is not None
    return set(watch.flags)


def test_counters_that_move_as_power_says_are_nothing_to_speak_of() -> None:
    assert flags_after(a_minute_by_minute(0, 20)) == set()


def test_power_ten_times_what_the_counters_move_has_a_wrong_scale() -> None:
    assert flags_after([a_sample(n * 60, 100 * n) for n in range(20)]) == {Flag.SCALE}
    assert flags_after([a_sample(n * 60, 10_000 * n) for n in range(20)]) == {Flag.SCALE}


def test_counters_that_stand_under_load_are_stuck_until_they_move() -> None:
    standing = [a_sample(n * 60, 7) for n in range(5)]

    assert flags_after(standing) == {Flag.STUCK}
    assert flags_after([*standing, a_sample(300, 1_007), a_sample(360, 2_007)]) == set()
    # The five minutes that were not shown come at once.
    assert flags_after([*standing, a_sample(300, 5_007)]) == set()


def test_more_than_the_connection_can_carry_is_a_spike() -> None:
    assert flags_after([a_sample(0, 0, import_w=120_001)]) == {Flag.SPIKE}
    assert flags_after([a_sample(0, 0, import_w=120_000)]) == set()


def test_counters_that_went_back_began_anew_or_wrapped() -> None:
    assert flags_after([a_sample(0, 9_000), a_sample(60, 12)]) == {Flag.COUNTER_RESET}
    assert flags_after([a_sample(0, (1 << 32) - 5), a_sample(60, 12)]) == {Flag.COUNTER_WRAP}


def test_another_serial_number_is_another_meter() -> None:
    assert flags_after([a_sample(0, 9_000), a_sample(60, 9_900, serial="b")]) == {Flag.METER_SWAP}


def test_load_that_was_switched_just_before_a_reading_is_no_wrong_scale() -> None:
    # 6 kW for a minute, 100 Wh; the reading at its end already shows 120 kW, and the next one 6 kW again.
    powers = [6_000, 120_000, 6_000, 120_000, 6_000, 6_000]

    assert flags_after([a_sample(n * 60, 100 * n, import_w=watts) for n, watts in enumerate(powers)]) == set()
