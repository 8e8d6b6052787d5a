"""Trades: who buys from whom, and every won of it."""

from hypothesis import given, settings

from optimizers.clearing.auction import clear
from optimizers.clearing.book import Feeder, Order
from optimizers.clearing.pairing import PairedTrade, pair_trades
from tests.unit.clearing.books import FEEDER_IDS, arriving, books, buy, feeder, feeders, sell


def _pairs(trades: tuple[PairedTrade, ...]) -> list[tuple[str, str, int]]:
    return [(trade.buyer_id, trade.seller_id, trade.quantity_wh) for trade in trades]


def test_earliest_buy_meets_earliest_sell() -> None:
    # Fills 5 and 4 bought, 3 and 6 sold; prices do not matter any more.
    orders = arriving(buy(100, 5), sell(90, 3), buy(120, 4), sell(80, 6))

    trades = pair_trades(orders, clear(orders))

    assert _pairs(trades) == [
        ("participant 1", "participant 2", 3),
        ("participant 1", "participant 4", 2),
        ("participant 3", "participant 4", 4),
    ]


def test_same_feeder_goes_before_arrival() -> None:
    orders = arriving(sell(90, 5), sell(80, 5, at="F1"), buy(100, 7, at="F1"))

    trades = pair_trades(orders, clear(orders, [feeder("F1")]))

    assert _pairs(trades) == [("participant 3", "participant 2", 5), ("participant 3", "participant 1", 2)]


def test_feeders_do_not_matter_in_an_auction_without_a_network() -> None:
    orders = arriving(sell(90, 5), sell(90, 5, at="F1"), buy(100, 7, at="F1"))

    trades = pair_trades(orders, clear(orders))

    assert _pairs(trades) == [("participant 3", "participant 1", 5), ("participant 3", "participant 2", 2)]


def test_buyer_pays_more_than_the_seller_receives_by_the_fee() -> None:
    # 100 kWh over a feeder at 1 KRW/kWh; the hub is at its partly filled ask, 100 KRW, the feeder at 101.
    orders = arriving(buy(20_000, 100_000, at="F1"), sell(10_000, 200_000))

    (trade,) = pair_trades(orders, clear(orders, [feeder("F1", fee_jeon=100)]))

    assert (trade.paid_krw, trade.received_krw) == (10_100, 10_000)


@settings(deadline=None)
@given(books(places=(None, *FEEDER_IDS), orders_max=30, wh_max=5_000, price_max=40_000), feeders(20_000, 2_000))
def test_trades_add_up_to_the_fills_and_the_fees(orders: list[Order], network: list[Feeder]) -> None:
    answer = clear(orders, network)

    trades = pair_trades(orders, answer)

    for order, fill in zip(orders, answer.fills, strict=True):
        if order.side == "buy":
            own = [trade for trade in trades if trade.buy_order_id == order.order_id]
            assert sum(trade.paid_krw for trade in own) == fill.payment_krw
        else:
            own = [trade for trade in trades if trade.sell_order_id == order.order_id]
            assert -sum(trade.received_krw for trade in own) == fill.payment_krw
        assert sum(trade.quantity_wh for trade in own) == fill.filled_wh
    assert all(trade.quantity_wh > 0 for trade in trades)
    assert sum(trade.paid_krw - trade.received_krw for trade in trades) == answer.fees_krw
