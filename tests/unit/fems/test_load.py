from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fems.domain.interval_numbers import number_of
from services.fems.domain.simulated.load import LoadProfile, ReplayedLoad
from shared.intervals import INTERVALS_PER_WEEK
from tests.unit.fems.fields import PROFILE_START, a_profile


def a_load(*, weeks: int = 30, shift_minutes: int = 0) -> ReplayedLoad:
    """Return a load whose scale is 1: n kWh in the profile are n kWh at the factory."""
    mean_kw = 4 * (weeks * INTERVALS_PER_WEEK + 1) / 2  # the mean of 1..N is (N + 1) / 2 kWh a quarter hour
    return ReplayedLoad(a_profile(weeks), mean_kw=mean_kw, shift_minutes=shift_minutes)


def test_wednesday_of_2026_replays_the_wednesday_of_2018() -> None:
    # 20 May 2026 and 23 May 2018 are Wednesdays. From 1 January 2018 to 23 May are 31+28+31+30+22 = 142 days, so its
    # first quarter hour is row 142 x 96 = 13,632, which holds 13,633 kWh.
    midnight_in_korea = datetime(2026, 5, 19, 15, tzinfo=UTC)

    found = a_load().energy_wh(number_of(midnight_in_korea), 2)

    assert found.tolist() == [13_633_000, 13_634_000]


def test_shift_of_an_hour_moves_the_course_four_intervals_later() -> None:
    midnight_in_korea = datetime(2026, 5, 19, 15, tzinfo=UTC)

    found = a_load(shift_minutes=60).energy_wh(number_of(midnight_in_korea), 1)

    # Row 13,632 - 4 = 13,628 holds 13,629 kWh.
    assert found.tolist() == [13_629_000]


def test_replay_wraps_within_whole_weeks_of_the_profile() -> None:
    # 2 weeks and 1 day: the day is left out, so the course repeats after 2 weeks.
    energies = (*a_profile(2).energy_kwh, *([5.0] * 96))
    load = ReplayedLoad(LoadProfile(PROFILE_START, energies), mean_kw=100, shift_minutes=0)

    found = load.energy_wh(0, 4 * INTERVALS_PER_WEEK)

    np.testing.assert_array_equal(found[: 2 * INTERVALS_PER_WEEK], found[2 * INTERVALS_PER_WEEK :])


@given(mean_kw=st.floats(min_value=50, max_value=5_000))
def test_mean_over_the_replayed_weeks_is_what_was_asked(mean_kw: float) -> None:
    load = ReplayedLoad(a_profile(), mean_kw=mean_kw, shift_minutes=0)

    total_wh = int(load.energy_wh(0, 2 * INTERVALS_PER_WEEK).sum())

    # Each interval is rounded to the Wh: at most half a Wh off.
    assert abs(total_wh - mean_kw * 1000 * 2 * 168) <= INTERVALS_PER_WEEK


def test_profile_shorter_than_a_week_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 672 intervals, had 671"):
        LoadProfile(PROFILE_START, (1.0,) * 671)
