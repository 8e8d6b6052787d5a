"""The exact auction and the linear program agree; the program also clears what is not radial."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.clearing.auction import clear
from optimizers.clearing.book import Feeder, Order
from tests.unit.clearing.books import FEEDER_IDS, arriving, books, buy, feeder, feeders, sell
from tests.unit.clearing.linear_program import PowerLine, clear_on_lines, radial_lines

complexes = st.just(list[Feeder]()) | feeders(limit_wh_max=400, fee_jeon_max=20)
crowds = books(places=(None, *FEEDER_IDS), orders_max=60, wh_max=100, price_max=60)


@settings(max_examples=60, deadline=None)
@given(crowds, complexes)
def test_welfare_and_volume_are_those_of_the_linear_program(orders: list[Order], network: list[Feeder]) -> None:
    # Welfare first, volume second, in one objective: limits and fees times more than any volume, plus 1 a bought Wh.
    # All numbers are small integers and so is the optimum, which HiGHS's floats therefore hit within a half.
    weight = 1 + sum(order.quantity_wh for order in orders)
    weighted = [
        replace(order, price_jeon_per_kwh=order.price_jeon_per_kwh * weight + (order.side == "buy")) for order in orders
    ]
    fees = [replace(feeder, wheeling_fee_jeon_per_kwh=feeder.wheeling_fee_jeon_per_kwh * weight) for feeder in network]
    if not network:
        weighted = [replace(order, feeder_id=None) for order in weighted]

    answer, program = clear(orders, network), clear_on_lines(weighted, radial_lines(fees))

    assert round(program.welfare_jeon_wh) == answer.welfare_jeon_wh * weight + answer.volume_wh


@settings(max_examples=30, deadline=None)
@given(crowds, feeders(limit_wh_max=400, fee_jeon_max=20))
def test_duals_of_the_linear_program_are_admissible_prices(orders: list[Order], network: list[Feeder]) -> None:
    answer, program = clear(orders, network), clear_on_lines(orders, radial_lines(network))

    if answer.volume_wh:
        low, high = answer.price_low_jeon_per_kwh, answer.price_high_jeon_per_kwh
        assert low is None or program.price_jeon_per_kwh[None] >= low - 1e-6
        assert high is None or program.price_jeon_per_kwh[None] <= high + 1e-6


def test_prices_of_the_linear_program_on_a_full_feeder() -> None:
    # As in the exact auction: F1 imports 60 of 100 Wh, so that its own bid (200) and the hub's ask (100) set prices.
    orders = arriving(buy(200, 100, at="F1"), sell(100, 100))

    program = clear_on_lines(orders, radial_lines([feeder("F1", limit_wh=60, fee_jeon=1)]))

    assert program.filled_wh == pytest.approx((60, 60))
    assert program.flow_wh == pytest.approx((60,))
    assert program.price_jeon_per_kwh == pytest.approx({None: 100, "F1": 200})
    assert program.welfare_jeon_wh == pytest.approx(60 * (200 - 100 - 1))


def test_a_ring_uses_both_ways() -> None:
    # From F1 to F2 directly 30 Wh at no fee, and around by the hub 20 Wh more at 5 + 5: 50 of the 100 Wh wanted.
    # Welfare: 50 x (200 - 100) - 20 x 10 = 4,800.
    ring = [
        PowerLine(start="F1", end="F2", forward_limit_wh=30, backward_limit_wh=30, fee_jeon_per_kwh=0),
        PowerLine(start=None, end="F1", forward_limit_wh=None, backward_limit_wh=20, fee_jeon_per_kwh=5),
        PowerLine(start=None, end="F2", forward_limit_wh=None, backward_limit_wh=None, fee_jeon_per_kwh=5),
    ]

    program = clear_on_lines(arriving(buy(200, 100, at="F2"), sell(100, 100, at="F1")), ring)

    assert program.flow_wh == pytest.approx((30, -20, 20))
    assert program.welfare_jeon_wh == pytest.approx(4_800)
