"""What counts as saved, worked by hand: a battery that gives back 0.8 of what it takes."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.tariff.savings import (
    BATTERY_SHIFT,
    SAVING,
    TRADING_GAIN,
    Saving,
    SettledEnergy,
    Shift,
    StoredEnergy,
    shifts_of,
)
from shared.intervals import INTERVAL

MIDNIGHT = datetime(2026, 5, 19, 15, tzinfo=UTC)
CHEAP, DEAR, SELL_BACK = 10_000, 15_000, 9_000
ROUND_TRIP = {"b": 800_000}


@dataclass(frozen=True, kw_only=True)
class Step:
    """An interval with a load [Wh] that the battery's flows come on top of."""

    load_wh: int = 100_000
    charged_wh: int = 0
    discharged_wh: int = 0
    price_jeon: int = CHEAP


def shift(*steps: Step) -> Shift:
    settled, stored = [], []
    for number, step in enumerate(steps):
        start, net_wh = MIDNIGHT + number * INTERVAL, step.load_wh + step.charged_wh - step.discharged_wh
        settled.append(SettledEnergy("p", start, max(0, net_wh), max(0, -net_wh), step.price_jeon, SELL_BACK))
        stored.append(StoredEnergy("p", start, "b", step.charged_wh, step.discharged_wh))
    return shifts_of(settled, stored, ROUND_TRIP)["p"]


def test_a_whole_cycle_saves_the_spread_less_its_losses() -> None:
    # 10 kWh bought at 100, 8 kWh spared at 150: 1,200 - 1,000.
    found = shift(Step(charged_wh=10_000), Step(discharged_wh=8_000, price_jeon=DEAR))

    assert (found.shift_krw, found.recharge_wh, found.stored_value_krw) == (200, 0, 0)


def test_the_order_of_a_cycle_does_not_matter() -> None:
    found = shift(Step(discharged_wh=8_000, price_jeon=DEAR), Step(charged_wh=10_000))

    assert (found.shift_krw, found.stored_value_krw) == (200, 0)


def test_an_emptied_battery_saves_nothing_though_charging_it_again_will_be_cheap() -> None:
    # 8 kWh spare 1,200 at 150; charging 10 kWh again costs 1,000 at 100. What was spared is left out.
    found = shift(Step(), Step(discharged_wh=8_000, price_jeon=DEAR))

    assert (found.without_krw - found.with_krw, found.recharge_wh) == (1_200, 10_000)
    assert (found.stored_value_krw, found.shift_krw) == (-1_200, 0)


def test_an_emptied_battery_costs_its_losses_where_all_hours_cost_alike() -> None:
    # 8 kWh spare 800 at 100; charging 10 kWh again costs 1,000.
    assert shift(Step(discharged_wh=8_000)).shift_krw == -200


def test_a_battery_emptied_into_the_grid_costs_what_charging_it_again_costs_more() -> None:
    # 8 kWh bring 720 at 90; charging 10 kWh again costs 1,000 at 100.
    assert shift(Step(load_wh=0, discharged_wh=8_000)).shift_krw == -280


@pytest.mark.parametrize("price_jeon", [CHEAP, DEAR])
def test_a_battery_that_ended_fuller_is_not_punished_whatever_the_hour(price_jeon: int) -> None:
    found = shift(Step(), Step(charged_wh=10_000, price_jeon=price_jeon))

    assert found.stored_value_krw == found.with_krw - found.without_krw > 0
    assert (found.shift_krw, found.recharge_wh) == (0, -10_000)


def test_only_the_cycles_part_of_a_day_that_ended_emptier_is_saved() -> None:
    # Of 16 kWh given at 150, 8 go back to what was charged for 1,000: 1,200 - 1,000. The other 8 save nothing.
    found = shift(Step(charged_wh=10_000), Step(discharged_wh=16_000, price_jeon=DEAR))

    assert (found.recharge_wh, found.stored_value_krw, found.shift_krw) == (10_000, -1_200, 200)


def test_storing_sun_costs_what_the_grid_would_have_paid_for_it() -> None:
    # 10 kWh of sun stored instead of sold for 900, 8 kWh spared at 150.
    found = shift(Step(load_wh=-30_000, charged_wh=10_000), Step(discharged_wh=8_000, price_jeon=DEAR))

    assert found.shift_krw == 300


def test_flows_of_intervals_that_are_not_settled_are_left_out() -> None:
    settled = [SettledEnergy("p", MIDNIGHT, 100_000, 0, CHEAP, SELL_BACK)]
    stored = [StoredEnergy("p", MIDNIGHT + INTERVAL, "b", 0, 8_000)]

    assert shifts_of(settled, stored, ROUND_TRIP) == {"p": Shift(without_krw=10_000, with_krw=10_000)}


def test_a_saving_is_made_up_of_the_shift_and_the_trading_gain() -> None:
    found = Saving(intervals=2, baseline_krw=25_000, cost_krw=24_000, stored_value_krw=-700, shift_krw=100)

    assert (found.saving_krw, found.trading_gain_krw) == (300, 200)


def test_the_three_figures_never_go_by_one_name_in_either_language() -> None:
    for language, word in (("en", "saved"), ("ko", "절감액")):
        names = [getattr(note, language).split(":")[0] for note in (SAVING, BATTERY_SHIFT, TRADING_GAIN)]
        assert len(set(names)) == 3
        assert [word in name for name in names] == [True, False, False]


FLOWS = st.integers(min_value=0, max_value=50_000)
PRICES = st.integers(min_value=SELL_BACK, max_value=40_000)


@given(st.lists(st.tuples(FLOWS, PRICES, st.integers(-60_000, 200_000)), min_size=1, max_size=12))
def test_giving_alone_never_saves_and_taking_alone_never_costs(drawn: list[tuple[int, int, int]]) -> None:
    given_wh = shift(*(Step(load_wh=load, discharged_wh=flow, price_jeon=price) for flow, price, load in drawn))
    taken_wh = shift(*(Step(load_wh=load, charged_wh=flow, price_jeon=price) for flow, price, load in drawn))

    # Three sums are rounded, each by half a won at most.
    assert given_wh.shift_krw <= 1
    assert abs(taken_wh.shift_krw) <= 1
