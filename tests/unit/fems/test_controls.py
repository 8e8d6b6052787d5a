import pytest

from services.fems.domain.simulated.controls import Control, commanded_w, is_acceptable, targets, untouched
from services.fems.domain.simulated.power_profile import INTERVAL_US
from tests.unit.fems.fields import NOW_NUMBER, a_battery

START_US = NOW_NUMBER * INTERVAL_US
S = 1_000_000
# 40 kW in, 20 kW out, so that each direction can be told apart.
BATTERY = a_battery(charge_w_max=40_000, discharge_w_max=20_000)


def storage(mode: int, in_rate: int, out_rate: int, revert_s: int = 0) -> dict[str, int]:
    return {"StorCtl_Mod": mode, "InWRte": in_rate, "OutWRte": out_rate, "InOutWRte_RvrtTms": revert_s}


def power(enabled: int, w: int, revert_s: int = 0, revert_w: int = 0, revert_enabled: int = 1) -> dict[str, int]:
    reverts = {"WSetRvrt": revert_w, "WSetEnaRvrt": revert_enabled, "WSetRvrtTms": revert_s}
    return {"WSetEna": enabled, "WSetMod": 1, "WSet": w, **reverts}


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (storage(0, 5_000, 5_000), None),
        (storage(1, 5_000, 10_000), 20_000),  # half of 40 kW in
        (storage(2, 10_000, 5_000), -10_000),  # half of 20 kW out
        (storage(3, 5_000, 5_000), 0),  # a window around 0 holds
        (storage(3, 0, 0), 0),
        (storage(3, 2_500, -2_500), 10_000),  # both ends at a quarter of 40 kW in
        (storage(3, -2_500, 2_500), -5_000),  # both ends at a quarter of 20 kW out
        (storage(3, 5_000, -2_500), 10_000),  # at least a quarter in: no more than it must
        (storage(3, -2_500, -2_500), 0),  # a window that is none
        (power(0, 9_000), None),
        (power(1, 9_000), -9_000),
        (power(1, -9_000), 9_000),
    ],
)
def test_points_ask_for_a_power(points: dict[str, int], expected: int | None) -> None:
    assert commanded_w(124 if "InWRte" in points else 704, points, BATTERY) == expected


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (storage(3, 10_000, -10_000), True),
        (storage(4, 0, 0), False),
        (storage(3, 10_001, 0), False),
        (storage(3, 0, -10_001), False),
        (power(1, 20_000), True),
        (power(1, 20_001), False),
        (power(1, -40_000), True),
        (power(1, -40_001), False),
        (power(2, 0), False),
        (power(1, 0, revert_w=20_001), False),
        (power(1, 0, revert_enabled=7), False),
        (power(1, 0) | {"WSetMod": 0}, False),
    ],
)
def test_points_beyond_what_the_converter_can_are_not_taken(points: dict[str, int], expected: bool) -> None:
    assert is_acceptable(124 if "InWRte" in points else 704, points, BATTERY) is expected


def test_schedule_holds_where_no_control_does() -> None:
    assert targets([], 7_000, BATTERY, start_us=START_US) == [(0, 7_000)]
    assert targets([untouched(124)], 7_000, BATTERY, start_us=START_US) == [(0, 7_000)]


def test_command_for_at_once_comes_before_the_schedule_until_its_revert_time_is_over() -> None:
    written = Control(124, START_US + 100 * S, storage(1, 5_000, 10_000, revert_s=60))

    assert targets([written], -7_000, BATTERY, start_us=START_US) == [
        (0, -7_000),
        (100 * S, 20_000),
        (160 * S, -7_000),
    ]


def test_command_goes_on_over_the_interval_in_which_it_was_written() -> None:
    written = Control(704, START_US - 10 * S, power(1, 9_000, revert_s=60, revert_w=-1_000))

    # 50 s are left; what it reverts to is its own command, to charge at 1 kW, and holds for good.
    assert targets([written], 0, BATTERY, start_us=START_US) == [(0, -9_000), (50 * S, 1_000)]
    assert targets([written], 0, BATTERY, start_us=START_US + INTERVAL_US) == [(0, 1_000)]


def test_write_before_the_revert_time_is_over_starts_it_anew() -> None:
    first = Control(704, START_US, power(1, 9_000, revert_s=60))
    second = Control(704, START_US + 50 * S, power(1, 9_000, revert_s=60))

    told = targets([first, second], 0, BATTERY, start_us=START_US)

    # The first one's end, 10 s later, changes nothing.
    assert told == [(0, -9_000), (50 * S, -9_000), (60 * S, -9_000), (110 * S, 0)]


def test_undone_points_say_so() -> None:
    one = Control(124, START_US, storage(3, 5_000, -5_000, revert_s=60))
    other = Control(704, START_US, power(1, 9_000, revert_s=60))
    just_before, then = START_US + 60 * S - 1, START_US + 60 * S

    assert (one.remaining_s(START_US), one.remaining_s(just_before), one.remaining_s(then)) == (60, 1, 0)
    assert one.points_at(just_before)["StorCtl_Mod"] == 3
    assert one.points_at(then) == storage(0, 10_000, 10_000, revert_s=60)
    assert other.points_at(then) == power(1, 0, revert_s=60)
