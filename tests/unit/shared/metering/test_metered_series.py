"""What a series of readings shows of its step, and whether it is a register's."""

import numpy as np
import pytest

from shared.metering.series import change_of_step, is_register, step_s

QUARTER, HALF, HOUR = 900, 1_800, 3_600


def every(step: int, count: int, first: int = 0) -> list[int]:
    return [first + n * step for n in range(count)]


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        (every(QUARTER, 96), QUARTER),
        (every(HALF, 48), HALF),
        (every(HOUR, 24), HOUR),
        (every(86_400, 31), 86_400),
        (every(300, 10), 300),
        # Six quarter hours that happen to begin on the hour: 4^-5 of such files, 0.00098; with five it is 0.0039.
        (every(HOUR, 6), HOUR),
        (every(HOUR, 5), QUARTER),
        ([0], QUARTER),
        ([], QUARTER),
    ],
)
def test_step_is_the_grid_that_starts_lie_on_unless_chance_may_have_made_it(starts: list[int], expected: int) -> None:
    assert step_s(starts) == expected


def test_hours_with_most_of_them_lost_are_still_hours() -> None:
    kept = np.random.default_rng(3).choice(every(HOUR, 744), 100, replace=False)

    assert step_s(sorted(kept.tolist())) == HOUR


@pytest.mark.parametrize(
    ("starts", "position"),
    [
        (every(QUARTER, 96) + every(HOUR, 24, 96 * QUARTER), 96),
        (every(HOUR, 24) + every(QUARTER, 96, 24 * HOUR), 0),
        (every(HOUR, 700) + every(QUARTER, 4, 700 * HOUR), 0),
        (every(QUARTER, 1_000) + every(HALF, 5, 1_000 * QUARTER), 1_000),
        (every(QUARTER, 96), None),
        (every(HOUR, 24), None),
        (every(HOUR, 4), None),
        # One outage, and one reading alone between two of another length.
        (every(QUARTER, 96) + every(QUARTER, 96, 100 * QUARTER), None),
        ([*every(QUARTER, 96), 100 * QUARTER, *every(QUARTER, 96, 103 * QUARTER)], None),
    ],
)
def test_change_of_step_is_where_the_longer_one_begins(starts: list[int], position: int | None) -> None:
    assert change_of_step(starts) == position


@pytest.mark.parametrize("lost", [0.03, 0.3, 0.5, 0.7, 0.95])
def test_readings_lost_by_chance_are_not_taken_for_a_change(lost: float) -> None:
    kept = np.random.default_rng(5).random((20, 2_976)) >= lost
    files = [[start for start, there in zip(every(QUARTER, 2_976), one, strict=True) if there] for one in kept]

    assert [change_of_step(starts) for starts in files] == [None] * 20
    assert {step_s(starts) for starts in files} == {QUARTER}


def test_register_only_rises_but_where_it_rolls_over() -> None:
    shown = [(99_900.0 + 3.5 * n) % 100_000 for n in range(200)]

    assert is_register(shown)
    assert is_register([0.0] * 100 + [2.0 * n for n in range(100)])
    assert not is_register(shown[:95])


def test_energy_by_interval_is_no_register() -> None:
    day = [max(0.0, 50.0 - abs(n - 48)) for n in range(96)]

    assert not is_register(day * 3)
    assert not is_register([10.0] * 3_000)
    assert not is_register([0.0] * 3_000)
