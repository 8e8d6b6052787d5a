from hypothesis import given
from hypothesis import strategies as st

from services.fems.domain.battery import Flow, run_interval
from tests.unit.fems.fields import a_battery

KWH = 1_000_000  # mWh


def test_charging_stores_what_its_losses_leave() -> None:
    # 40 kW for a quarter of an hour are 10 kWh, of which 80 % reach the cells: 50 + 8 = 58 kWh.
    assert run_interval(a_battery(), 50 * KWH, 40_000) == Flow(10_000, 0, 58 * KWH)


def test_discharging_draws_what_its_losses_take() -> None:
    # 40 kW for a quarter of an hour are 10 kWh at the terminals, at 50 % out of 20 kWh of the cells: 50 - 20 = 30 kWh.
    assert run_interval(a_battery(), 50 * KWH, -40_000) == Flow(0, 10_000, 30 * KWH)


def test_setpoint_beyond_the_rating_is_held_to_it() -> None:
    # 50 kW x 0.25 h = 12.5 kWh, 10 of them stored.
    assert run_interval(a_battery(), 50 * KWH, 90_000) == Flow(12_500, 0, 60 * KWH)


def test_full_battery_takes_only_what_fits() -> None:
    # 2 kWh of room take 2 / 0.8 = 2.5 kWh.
    assert run_interval(a_battery(), 88 * KWH, 50_000) == Flow(2_500, 0, 90 * KWH)


def test_empty_battery_gives_only_what_is_above_its_floor() -> None:
    # 1 kWh above the floor gives 0.5 kWh.
    assert run_interval(a_battery(), 11 * KWH, -50_000) == Flow(0, 500, 10 * KWH)


def test_no_setpoint_leaves_everything_as_it_is() -> None:
    assert run_interval(a_battery(), 50 * KWH, 0) == Flow(0, 0, 50 * KWH)


@given(
    setpoints_w=st.lists(st.integers(min_value=-60_000, max_value=60_000), max_size=60),
    charge_ppm=st.integers(min_value=1, max_value=1_000_000),
    discharge_ppm=st.integers(min_value=1, max_value=1_000_000),
)
def test_battery_keeps_its_band_and_never_gives_back_more_than_it_took(
    setpoints_w: list[int], charge_ppm: int, discharge_ppm: int
) -> None:
    battery = a_battery(charge_efficiency_ppm=charge_ppm, discharge_efficiency_ppm=discharge_ppm)
    stored_mwh, taken_wh, given_wh = battery.stored_mwh_initial, 0, 0
    for setpoint_w in setpoints_w:
        flow = run_interval(battery, stored_mwh, setpoint_w)
        stored_mwh, taken_wh, given_wh = flow.stored_mwh, taken_wh + flow.import_wh, given_wh + flow.export_wh
        assert battery.stored_mwh_min <= stored_mwh <= battery.stored_mwh_max
        assert flow.import_wh == 0 or flow.export_wh == 0

    # Stored = initial + taken x in - given / out, less at most 1 mWh of rounding an interval.
    balance_mwh = battery.stored_mwh_initial + taken_wh * charge_ppm / 1_000 - given_wh * 1e9 / discharge_ppm
    assert balance_mwh - len(setpoints_w) - 1 <= stored_mwh <= balance_mwh + 1
