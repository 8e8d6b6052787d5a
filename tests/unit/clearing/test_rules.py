"""The rules of the auction, one small book each; numbers are worked out beside them."""

from dataclasses import replace
from typing import Any

import pytest

from optimizers.clearing.auction import clear
from optimizers.clearing.book import Order
from tests.unit.clearing.books import arriving, buy, feeder, sell


def fills_wh(orders: list[Order]) -> list[int]:
    return [fill.filled_wh for fill in clear(orders).fills]


def test_best_buys_meet_best_sells_at_the_midpoint() -> None:
    # 5 Wh of the buy at 120 meet the sell at 100. The rejected bid (90) and ask (130) leave 100..120: midpoint 110.
    answer = clear(arriving(buy(90, 4), buy(120, 5), sell(100, 5), sell(130, 4)))

    assert [fill.filled_wh for fill in answer.fills] == [0, 5, 5, 0]
    assert (answer.price_low_jeon_per_kwh, answer.price_high_jeon_per_kwh) == (100, 120)
    assert (answer.price_jeon_per_kwh, answer.volume_wh) == (110, 5)
    assert answer.welfare_jeon_wh == 5 * (120 - 100)


def test_unfilled_part_of_a_bid_holds_the_price_up() -> None:
    # Of the bid at 120 only 3 of 5 Wh are served: below 120 it would want more, above 120 nothing.
    answer = clear(arriving(buy(120, 5), sell(100, 3)))

    assert (answer.price_low_jeon_per_kwh, answer.price_high_jeon_per_kwh) == (120, 120)


def test_best_rejected_orders_narrow_the_interval() -> None:
    # Last accepted: bid 150, ask 100. The rejected bid 110 and the rejected ask 141 would trade at 100 or 150.
    # (110 + 141) / 2 = 125.5, half up: 126.
    answer = clear(arriving(buy(150, 2), sell(100, 2), buy(110, 1), sell(141, 1)))

    assert (answer.price_low_jeon_per_kwh, answer.price_high_jeon_per_kwh) == (110, 141)
    assert answer.price_jeon_per_kwh == 126


def test_midpoint_below_zero_rounds_up_too() -> None:
    # (-5 + -2) / 2 = -3.5, half up: -3.
    assert clear(arriving(buy(-2, 1), sell(-5, 1))).price_jeon_per_kwh == -3


@pytest.mark.parametrize(
    ("tick_jeon", "price"),
    [
        (1, 115),  # (103 + 127) / 2 = 115
        (10, 120),  # 11.5 ticks, half up: 12
        (100, 103),  # the nearest tick, 100, is below every admissible price
    ],
)
def test_price_is_on_the_tick_where_a_tick_is_admissible(tick_jeon: int, price: int) -> None:
    assert clear(arriving(buy(127, 1), sell(103, 1)), tick_jeon=tick_jeon).price_jeon_per_kwh == price


def test_equal_bid_and_ask_trade() -> None:
    answer = clear(arriving(buy(100, 2), sell(100, 3)))

    assert (answer.volume_wh, answer.welfare_jeon_wh, answer.price_jeon_per_kwh) == (2, 0, 100)


@pytest.mark.parametrize("orders", [[], arriving(buy(99, 1)), arriving(buy(99, 1), sell(100, 1))])
def test_without_a_trade_there_is_no_price(orders: list[Order]) -> None:
    answer = clear(orders, [feeder("F1")])

    assert answer.price_jeon_per_kwh is answer.price_low_jeon_per_kwh is answer.price_high_jeon_per_kwh is None
    assert answer.feeders[0].price_jeon_per_kwh is None
    assert answer.volume_wh == answer.welfare_jeon_wh == answer.fees_krw == 0


def test_earlier_order_goes_first_at_the_marginal_price_whatever_its_row() -> None:
    first, second, sale = orders = arriving(buy(100, 5), buy(100, 5), sell(90, 7))
    swapped = [replace(first, sequence=2), replace(second, sequence=1), sale]

    assert fills_wh(orders) == [5, 2, 7]
    assert fills_wh(swapped) == [2, 5, 7]


def test_better_price_goes_before_earlier_arrival() -> None:
    assert fills_wh(arriving(buy(100, 5), buy(101, 5), sell(90, 7))) == [2, 5, 7]


def test_fees_are_in_the_welfare_and_decide_who_trades() -> None:
    # From F1 to the hub costs 30: the hub's own sell at 110 is better than F1's at 90 plus 30.
    orders = arriving(buy(200, 5), sell(90, 5, at="F1"), sell(110, 5))

    answer = clear(orders, [feeder("F1", fee_jeon=30)])

    assert [fill.filled_wh for fill in answer.fills] == [5, 0, 5]
    assert answer.welfare_jeon_wh == 5 * (200 - 110)


def test_trade_between_feeders_pays_both_fees_and_inside_one_none() -> None:
    # 100 kWh from F1 to F2 (fees 1 + 2 KRW/kWh) and 100 kWh inside F1.
    orders = arriving(buy(15_000, 100_000, at="F2"), buy(15_000, 100_000, at="F1"), sell(10_000, 200_000, at="F1"))

    answer = clear(orders, [feeder("F1", fee_jeon=100), feeder("F2", fee_jeon=200)])

    # 300 won of fees; F2's price stands 3 KRW above F1's.
    assert answer.wheeling_krw == answer.fees_krw == 300
    first, second = answer.feeders
    assert first.price_jeon_per_kwh is not None
    assert second.price_jeon_per_kwh == first.price_jeon_per_kwh + 300
    assert (first.export_wh, second.import_wh, first.binding, second.binding) == (100_000, 100_000, None, None)


def test_trade_not_worth_its_fee_does_not_happen_and_one_just_worth_it_does() -> None:
    orders = arriving(buy(103, 5, at="F2"), sell(100, 5, at="F1"))

    assert clear(orders, [feeder("F1", fee_jeon=2), feeder("F2", fee_jeon=2)]).volume_wh == 0
    assert clear(orders, [feeder("F1", fee_jeon=1), feeder("F2", fee_jeon=2)]).volume_wh == 5


def test_full_feeder_has_its_own_price_and_its_rent_is_in_the_fees() -> None:
    # F1 imports 60 of the 100 kWh it wants: its bid is partly served and sets F1's price, 200 KRW. At the hub the
    # ask is partly served: 100 KRW. Rent 60 x (200 - 100 - 1) = 5,940 won, fee 60 x 1 = 60 won.
    orders = arriving(buy(20_000, 100_000, at="F1"), sell(10_000, 100_000))

    answer = clear(orders, [feeder("F1", limit_wh=60_000, fee_jeon=100)])

    assert answer.price_jeon_per_kwh == 10_000
    assert answer.feeders[0].price_jeon_per_kwh == 20_000
    assert answer.feeders[0].binding == "import"
    assert [fill.payment_krw for fill in answer.fills] == [12_000, -6_000]
    assert (answer.fees_krw, answer.wheeling_krw) == (6_000, 60)


def test_feeder_cut_off_from_the_hub_trades_inside() -> None:
    # Nothing can cross, so that no hub price is wrong: null, while F1 has the midpoint of 100..120.
    answer = clear(arriving(buy(120, 5, at="F1"), sell(100, 5, at="F1")), [feeder("F1", limit_wh=0)])

    assert (answer.volume_wh, answer.price_jeon_per_kwh, answer.feeders[0].price_jeon_per_kwh) == (5, None, 110)


def test_hub_price_with_one_finite_end_is_that_end() -> None:
    # F1 may export at a fee of 7 but not import: hub prices above 120 + 7 would draw its energy out, none is too low.
    answer = clear(
        arriving(buy(120, 5, at="F1"), sell(100, 5, at="F1")), [feeder("F1", limit_wh=0, export_wh=9, fee_jeon=7)]
    )

    assert (answer.price_low_jeon_per_kwh, answer.price_high_jeon_per_kwh) == (None, 127)
    assert answer.price_jeon_per_kwh == 127


def test_arrival_decides_between_feeders_at_the_margin() -> None:
    # Both feeders' bids are worth 100 at the hub, where 7 Wh are offered: the earlier takes 5, the later 2.
    network = [feeder("F1", fee_jeon=3), feeder("F2", fee_jeon=9)]

    first = clear(arriving(buy(103, 5, at="F1"), buy(109, 5, at="F2"), sell(90, 7)), network)
    second = clear(arriving(buy(109, 5, at="F2"), buy(103, 5, at="F1"), sell(90, 7)), network)

    assert [fill.filled_wh for fill in first.fills] == [fill.filled_wh for fill in second.fills] == [5, 2, 7]


def test_a_sellers_payment_at_a_negative_price_is_what_he_pays() -> None:
    # 10 kWh at -5 KRW: the seller pays 50 won, the buyer receives them.
    answer = clear(arriving(buy(-500, 10_000), sell(-500, 10_000)))

    buyer, seller = answer.fills
    assert (buyer.paid_krw, buyer.received_krw, buyer.payment_krw) == (0, 50, -50)
    assert (seller.paid_krw, seller.received_krw, seller.payment_krw) == (50, 0, 50)


def test_won_that_rounding_leaves_goes_to_the_largest_remainder() -> None:
    # At 1 KRW/kWh: buyers 1.6 and 1.4 kWh, seller 3 kWh. Down: 1, 1 and -3; the missing won goes to the 0.6.
    answer = clear(arriving(buy(100, 1_600), buy(100, 1_400), sell(100, 3_000)))

    assert [fill.payment_krw for fill in answer.fills] == [2, 1, -3]


def test_won_between_equal_remainders_goes_to_the_earlier() -> None:
    # At 1 KRW/kWh: buyers 1.5 kWh each, seller 3 kWh. Down: 1, 1 and -3; the missing won goes to the first.
    answer = clear(arriving(buy(100, 1_500), buy(100, 1_500), sell(100, 3_000)))

    assert [fill.payment_krw for fill in answer.fills] == [2, 1, -3]


def test_quantities_of_10_to_the_12_kwh_stay_exact() -> None:
    # 20,000 buys of 10^12 kWh less 1 Wh at 1,234,567.89 KRW: neither their sum nor its value fits 64 bits.
    quantity_wh, price, size = 10**15 - 1, 123_456_789, 20_000
    orders = arriving(*[buy(price, quantity_wh)] * size, *[sell(-price, quantity_wh)] * size)

    answer = clear(orders)

    assert answer.volume_wh == size * quantity_wh
    assert answer.welfare_jeon_wh == 2 * price * size * quantity_wh
    assert answer.price_jeon_per_kwh == 0


def test_one_wh_decides_among_the_largest_quantities() -> None:
    # Value of the trade: (10^15 - 1) Wh x 10^14 jeon/kWh / 10^5 = 10^24 - 10^9 won, far beyond 64 bits and floats.
    answer = clear(arriving(buy(10**14, 10**15), sell(10**14, 10**15 - 1)))

    assert [fill.payment_krw for fill in answer.fills] == [10**24 - 10**9, 10**9 - 10**24]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"quantity_wh": 0}, "quantity_wh"),
        ({"quantity_wh": 10**15 + 1}, "quantity_wh"),
        ({"price_jeon_per_kwh": 10**14 + 1}, "price_jeon_per_kwh"),
        ({"side": "hold"}, "side"),
        ({"order_id": ""}, "order_id"),
    ],
)
def test_order_that_breaks_a_rule_cannot_be_built(change: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        replace(buy(1, 1), **change)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"feeder_id": ""}, "feeder_id"),
        ({"import_limit_wh": -1}, "import_limit_wh"),
        ({"export_limit_wh": -1}, "export_limit_wh"),
        ({"wheeling_fee_jeon_per_kwh": -1}, "wheeling_fee_jeon_per_kwh"),
    ],
)
def test_feeder_that_breaks_a_rule_cannot_be_built(change: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        replace(feeder("F1"), **change)


def test_tick_must_be_a_price_step() -> None:
    with pytest.raises(ValueError, match="tick_jeon must be >= 1"):
        clear([], tick_jeon=0)


def test_orders_that_do_not_belong_together_are_refused() -> None:
    one, other = arriving(buy(1, 1), buy(1, 1))

    with pytest.raises(ValueError, match="order_id must be unique"):
        clear([one, replace(other, order_id=one.order_id)])
    with pytest.raises(ValueError, match="sequence must be unique"):
        clear([one, replace(other, sequence=one.sequence)])
    with pytest.raises(ValueError, match="feeder_id must be a known feeder"):
        clear([buy(1, 1, at="F9")], [feeder("F1")])
    with pytest.raises(ValueError, match="feeder_id must be unique"):
        clear([], [feeder("F1"), feeder("F1")])
