"""Laws of every answer, against the brute force that tries everything."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.clearing.auction import clear
from optimizers.clearing.book import Clearing, Feeder, Order
from optimizers.clearing.check import WrongAnswer, check
from tests.unit.clearing.books import FEEDER_IDS, arriving, books, buy, feeder, feeders, sell
from tests.unit.clearing.brute_force import best_answer, dual_value

# Beyond every limit in the books (-2..5) and every fee (two of at most 3): an end out there is no end.
PRICES = range(-14, 18)

complexes = st.just(list[Feeder]()) | feeders()
networked = books(places=(None, *FEEDER_IDS))


@settings(max_examples=400, deadline=None)
@given(networked, complexes)
def test_fills_are_those_of_the_brute_force(orders: list[Order], network: list[Feeder]) -> None:
    best = best_answer(orders, network)

    answer = clear(orders, network)

    assert (answer.welfare_jeon_wh, answer.volume_wh) == (best.welfare_jeon_wh, best.volume_wh)
    assert tuple(fill.filled_wh for fill in answer.fills) == best.filled_wh


@settings(max_examples=400, deadline=None)
@given(networked, complexes)
def test_price_interval_holds_all_admissible_prices_and_no_other(orders: list[Order], network: list[Feeder]) -> None:
    answer = clear(orders, network)

    if answer.volume_wh:
        values = {price: dual_value(orders, network, price, PRICES) for price in PRICES[4:-4]}
        admissible = [price for price, value in values.items() if value == answer.welfare_jeon_wh]
        assert admissible == [price for price in PRICES[4:-4] if _within(price, answer)]
        assert answer.price_jeon_per_kwh is None or answer.price_jeon_per_kwh in admissible


def _within(price: int, answer: Clearing) -> bool:
    low, high = answer.price_low_jeon_per_kwh, answer.price_high_jeon_per_kwh
    return (low is None or low <= price) and (high is None or price <= high)


large = books(places=(None, *FEEDER_IDS), orders_max=60, wh_max=5_000, price_max=40_000)


@settings(deadline=None)
@given(large, feeders(limit_wh_max=20_000, fee_jeon_max=2_000), st.integers(1, 500))
def test_every_answer_passes_the_independent_check(orders: list[Order], network: list[Feeder], tick: int) -> None:
    check(orders, network, clear(orders, network, tick))
    check(orders, [], clear(orders, [], tick))


@settings(deadline=None)
@given(large, feeders(limit_wh_max=20_000, fee_jeon_max=2_000))
def test_nobody_loses_a_won_and_fees_cover_wheeling(orders: list[Order], network: list[Feeder]) -> None:
    answer = clear(orders, network)

    for order, fill in zip(orders, answer.fills, strict=True):
        limit_jeon_wh = order.price_jeon_per_kwh * fill.filled_wh * (1 if order.side == "buy" else -1)
        assert fill.payment_krw * 100_000 < limit_jeon_wh + 100_000
        assert fill.paid_krw >= 0
        assert fill.received_krw >= 0
    assert sum(fill.payment_krw for fill in answer.fills) == answer.fees_krw
    assert answer.fees_krw >= answer.wheeling_krw >= 0


@settings(deadline=None)
@given(networked, complexes, st.integers(2, 10**12))
def test_scaling_quantities_scales_the_answer(orders: list[Order], network: list[Feeder], factor: int) -> None:
    scaled_orders = [replace(order, quantity_wh=order.quantity_wh * factor) for order in orders]
    scaled_network = [
        replace(
            feeder,
            import_limit_wh=None if feeder.import_limit_wh is None else feeder.import_limit_wh * factor,
            export_limit_wh=None if feeder.export_limit_wh is None else feeder.export_limit_wh * factor,
        )
        for feeder in network
    ]

    answer, scaled = clear(orders, network), clear(scaled_orders, scaled_network)

    assert [fill.filled_wh for fill in scaled.fills] == [fill.filled_wh * factor for fill in answer.fills]
    assert scaled.welfare_jeon_wh == answer.welfare_jeon_wh * factor
    assert scaled.price_jeon_per_kwh == answer.price_jeon_per_kwh
    prices = [(feeder.price_jeon_per_kwh, feeder.binding) for feeder in answer.feeders]
    assert [(feeder.price_jeon_per_kwh, feeder.binding) for feeder in scaled.feeders] == prices


@settings(deadline=None)
@given(networked, complexes)
def test_order_of_rows_changes_nothing(orders: list[Order], network: list[Feeder]) -> None:
    fills = {fill.order_id: fill for fill in clear(orders, network).fills}

    by_name = sorted(orders, key=lambda order: (order.side, order.order_id), reverse=True)

    assert {fill.order_id: fill for fill in clear(by_name, network).fills} == fills


@settings(deadline=None)
@given(networked, complexes)
def test_every_order_is_served_before_a_later_equal_one(orders: list[Order], network: list[Feeder]) -> None:
    filled_wh = {fill.order_id: fill.filled_wh for fill in clear(orders, network).fills}
    for early in orders:
        for late in orders:
            alike = (early.side, early.price_jeon_per_kwh, early.feeder_id) == (
                late.side,
                late.price_jeon_per_kwh,
                late.feeder_id,
            )
            if alike and early.sequence < late.sequence and filled_wh[late.order_id]:
                assert filled_wh[early.order_id] == early.quantity_wh


def test_check_refuses_answers_that_are_wrong() -> None:
    # F1 imports 5 of the 9 Wh it wants: 120 there, 100 at the hub, a fee of 2 between them.
    orders = arriving(buy(120, 9, at="F1"), sell(100, 9))
    network = [feeder("F1", limit_wh=5, fee_jeon=2)]
    right = clear(orders, network)
    (local,), (first, second) = right.feeders, right.fills
    wrong = {
        "must not be filled": replace(right, feeders=(replace(local, price_jeon_per_kwh=121),)),
        "must be filled": replace(right, feeders=(replace(local, price_jeon_per_kwh=119),)),
        "filled_wh must be in": replace(right, fills=(replace(first, filled_wh=10), second)),
        "within a won": replace(right, fills=(replace(first, paid_krw=2), replace(second, received_krw=2))),
        "without a price": replace(right, price_jeon_per_kwh=None),
        "without prices nothing must flow": replace(right, price_jeon_per_kwh=None),
        "flow must be": replace(right, feeders=(replace(local, import_wh=4),)),
        "import_wh must be <=": replace(right, feeders=(replace(local, import_wh=6),)),
        "export_wh must be <=": replace(right, feeders=(replace(local, export_wh=6),)),
        "must import up to its limit": replace(right, feeders=(replace(local, import_wh=4),)),
        "must export up to its limit": replace(right, feeders=(replace(local, price_jeon_per_kwh=97),)),
        "must be worth its fee": replace(right, feeders=(replace(local, price_jeon_per_kwh=101),)),
        "volume_wh must be": replace(right, volume_wh=4),
        "welfare_jeon_wh must be": replace(right, welfare_jeon_wh=101),
        "fees_krw must be": replace(right, fees_krw=1),
    }

    check(orders, network, right)
    for rule, answer in wrong.items():
        with pytest.raises(WrongAnswer, match=rule):
            check(orders, network, answer)
