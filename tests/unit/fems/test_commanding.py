import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fems.domain.registers.control_commands import control_points
from services.fems.domain.registers.sunspec import NotReadable
from services.fems.domain.setpoints import ConverterRating

# 40 kW in, 20 kW out, so that each direction can be told apart.
PLATE = ConverterRating(charge_w_max=40_000, discharge_w_max=20_000)


@pytest.mark.parametrize(
    ("setpoint_w", "scale", "rates"),
    [
        (10_000, -2, (2_500, -2_500)),  # a quarter of 40 kW, in hundredths of a percent
        (-10_000, -2, (-5_000, 5_000)),  # half of 20 kW
        (0, -2, (0, 0)),
        (39_999, 0, (99, -99)),  # whole percents: not more than was asked for
        (-19_999, 0, (-99, 99)),
        (39_999, 1, (9, -9)),
        (40_030, -2, (10_000, -10_000)),  # the plate was rounded
    ],
)
def test_storage_rates_bound_a_window_of_one_power(setpoint_w: int, scale: int, rates: tuple[int, int]) -> None:
    points = control_points(124, setpoint_w, scale, PLATE, revert_s=900)

    assert points == {"StorCtl_Mod": 3, "InWRte": rates[0], "OutWRte": rates[1], "InOutWRte_RvrtTms": 900}


@pytest.mark.parametrize(
    ("setpoint_w", "scale", "w"), [(12_345, 0, -12_345), (-12_345, 1, 1_234), (12_345, 3, -12), (-7, -1, 70)]
)
def test_power_is_what_flows_out_and_goes_back_to_nothing(setpoint_w: int, scale: int, w: int) -> None:
    points = control_points(704, setpoint_w, scale, PLATE, revert_s=60)

    assert points == {
        "WSetEna": 1,
        "WSetMod": 1,
        "WSet": w,
        "WSetRvrt": 0,
        "WSetEnaRvrt": 1,
        "WSetRvrtTms": 60,
    }


@given(setpoint_w=st.integers(-20_000, 40_000), scale=st.integers(-4, 4))
def test_steps_never_ask_for_more_than_the_set_point_and_miss_it_by_less_than_one(setpoint_w: int, scale: int) -> None:
    rate = control_points(124, setpoint_w, scale, PLATE, revert_s=1)["InWRte"]
    rating_w = PLATE.charge_w_max if setpoint_w > 0 else PLATE.discharge_w_max

    step_w = rating_w * 10.0**scale / 100
    assert 0 <= abs(setpoint_w) - abs(rate) * step_w < step_w * (1 + 1e-9)
    assert rate * setpoint_w >= 0


@pytest.mark.parametrize("model_id", [124, 704])
def test_scale_factor_that_is_none_is_named(model_id: int) -> None:
    with pytest.raises(NotReadable, match=r"_SF: must be in \[-10, 10\], was 77"):
        control_points(model_id, 1_000, 77, PLATE, revert_s=60)
