import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.fems.domain.simulated.battery import run_interval
from services.fems.domain.simulated.power_profile import INTERVAL_US, UJ_PER_WH, Course
from tests.unit.fems.fields import a_battery

KWH = 1_000 * UJ_PER_WH
S = 1_000_000


def done(course: Course, at_us: int = INTERVAL_US) -> tuple[int, int]:
    """Return what has flowed in and out [Wh]."""
    import_uj, export_uj = course.energy_uj(at_us)
    return import_uj // UJ_PER_WH, export_uj // UJ_PER_WH


def test_charging_stores_what_its_losses_leave() -> None:
    battery = a_battery()

    course = run_interval(battery, 50 * KWH, 0, [(0, 40_000)])

    # 40 kW for a quarter of an hour are 10 kWh, of which 80 % reach the cells: 50 + 8 = 58 kWh.
    assert done(course) == (10_000, 0)
    assert battery.stored_uj_after(50 * KWH, course.energy_uj(INTERVAL_US)) == 58 * KWH


def test_discharging_draws_what_its_losses_take() -> None:
    battery = a_battery()

    course = run_interval(battery, 50 * KWH, 0, [(0, -40_000)])

    # 40 kW for a quarter of an hour are 10 kWh at the terminals, at 50 % out of 20 kWh of the cells: 50 - 20 = 30 kWh.
    assert done(course) == (0, 10_000)
    assert battery.stored_uj_after(50 * KWH, course.energy_uj(INTERVAL_US)) == 30 * KWH


def test_setpoint_beyond_the_rating_is_held_to_it() -> None:
    assert run_interval(a_battery(), 50 * KWH, 0, [(0, 90_000)]) == Course((0,), (50_000,))


def test_full_battery_takes_what_fits_and_then_nothing() -> None:
    # 2 kWh of room take 2 / 0.8 = 2.5 kWh, which are 3 minutes at 50 kW.
    assert run_interval(a_battery(), 88 * KWH, 0, [(0, 50_000)]) == Course((0, 180 * S), (50_000, 0))


def test_empty_battery_gives_what_is_above_its_floor_and_then_nothing() -> None:
    # 1 kWh above the floor gives 0.5 kWh, which are 36 seconds at 50 kW.
    assert run_interval(a_battery(), 11 * KWH, 0, [(0, -50_000)]) == Course((0, 36 * S), (-50_000, 0))


def test_battery_that_is_full_can_still_be_told_to_give() -> None:
    course = run_interval(a_battery(), 90 * KWH, 0, [(0, 50_000), (300 * S, -50_000)])

    assert course == Course((0, 300 * S), (0, -50_000))


def test_no_setpoint_leaves_everything_as_it_is() -> None:
    assert run_interval(a_battery(), 50 * KWH, 0, [(0, 0)]) == Course((0,), (0,))


def test_power_climbs_by_a_step_each_tenth_of_a_second() -> None:
    # 10 kW/s: 1 kW each tenth of a second, from 48 kW on two steps to 50 kW.
    course = run_interval(a_battery(ramp_w_per_s=10_000), 50 * KWH, 48_000, [(0, 50_000)])

    assert course == Course((0, S // 10), (49_000, 50_000))


def test_ramp_costs_the_energy_under_it() -> None:
    course = run_interval(a_battery(ramp_w_per_s=10_000), 50 * KWH, 0, [(0, 50_000)])

    # Fifty steps of 0.1 s, the n-th at n kW: 0.1 x (1 + ... + 50) = 127.5 kWs in the first 5 s, then 895 s at 50 kW.
    assert course.energy_uj(5 * S) == (127_500 * S, 0)
    assert course.energy_uj(INTERVAL_US) == ((127_500 + 895 * 50_000) * S, 0)


def test_ramp_goes_through_zero_from_one_direction_to_the_other() -> None:
    course = run_interval(a_battery(ramp_w_per_s=10_000), 50 * KWH, 2_000, [(0, -2_000)])

    assert course == Course((0, S // 10, 2 * S // 10, 3 * S // 10), (1_000, 0, -1_000, -2_000))


def test_change_within_the_interval_counts_each_part_in_its_direction() -> None:
    course = run_interval(a_battery(), 50 * KWH, 0, [(0, 36_000), (300 * S, -18_000), (600 * S, 0)])

    # 5 minutes at 36 kW are 3 kWh in, 5 at 18 kW are 1.5 kWh out.
    assert done(course) == (3_000, 1_500)
    assert done(course, 400 * S) == (3_000, 500)


@pytest.mark.parametrize("ramp_w_per_s", [10_000, 1_000_000])
@settings(deadline=None, max_examples=25)
@given(
    setpoints_w=st.lists(
        st.lists(st.tuples(st.integers(1, INTERVAL_US - 1), st.integers(-60_000, 60_000)), max_size=3), max_size=8
    ),
    charge_ppm=st.integers(min_value=1, max_value=1_000_000),
    discharge_ppm=st.integers(min_value=1, max_value=1_000_000),
)
def test_battery_keeps_its_band_and_never_gives_back_more_than_it_took(
    ramp_w_per_s: int, setpoints_w: list[list[tuple[int, int]]], charge_ppm: int, discharge_ppm: int
) -> None:
    battery = a_battery(
        ramp_w_per_s=ramp_w_per_s, charge_efficiency_ppm=charge_ppm, discharge_efficiency_ppm=discharge_ppm
    )
    stored_uj, power_w, taken_uj, given_uj = battery.stored_uj_initial, 0, 0, 0
    for told in setpoints_w:
        course = run_interval(battery, stored_uj, power_w, [(0, 60_000), *sorted(dict(told).items())])
        for at_us in course.starts_us[1:]:
            inner_uj = battery.stored_uj_after(stored_uj, course.energy_uj(at_us))
            assert battery.stored_uj_min <= inner_uj <= battery.stored_uj_max
        flow_uj = course.energy_uj(INTERVAL_US)
        stored_uj, power_w = battery.stored_uj_after(stored_uj, flow_uj), course.powers_w[-1]
        taken_uj, given_uj = taken_uj + flow_uj[0], given_uj + flow_uj[1]
        assert battery.stored_uj_min <= stored_uj <= battery.stored_uj_max

    # Stored = initial + taken x in - given / out, less at most 2 uJ of rounding an interval.
    million = 1_000_000
    scaled_uj = battery.stored_uj_initial * million * discharge_ppm
    scaled_uj += taken_uj * charge_ppm * discharge_ppm - given_uj * million * million
    scale = million * discharge_ppm
    assert scaled_uj - 2 * len(setpoints_w) * scale <= stored_uj * scale <= scaled_uj
