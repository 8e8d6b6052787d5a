"""Each order has its reason, and each reason its sentence in both languages."""

from typing import Any

import pytest
from hypothesis import given

from optimizers.clearing.auction import clear
from optimizers.clearing.book import Feeder, Order
from optimizers.clearing.why import fill_reasons
from shared.events.fill_reasons import FeederPrice, Sentence, block_sentence, sentence
from shared.events.records import Fill, FillReason, Side
from tests.unit.clearing.books import FEEDER_IDS, arriving, books, buy, feeder, feeders, sell


def said_of(
    reason: FillReason,
    *,
    side: Side = Side.BUY,
    limit_jeon_per_kwh: int = 13_120,
    filled_wh: int = 0,
    price_jeon_per_kwh: int | None = 13_450,
    full: str | None = None,
) -> Sentence:
    fill = Fill(
        order_id="o",
        participant_id="p",
        side=side,
        quantity_wh=10_000,
        price_jeon_per_kwh=limit_jeon_per_kwh,
        filled_wh=filled_wh,
        paid_krw=0,
        received_krw=0,
        reason=reason,
    )
    return sentence(reason, fill, FeederPrice(feeder_id="F2", price_jeon_per_kwh=price_jeon_per_kwh, full=full))


def test_an_order_outbid_on_a_full_feeder_is_told_the_price_and_the_feeder() -> None:
    said = said_of(FillReason.OUTBID, full="import")

    assert said.en == (
        "Your 131.20 was below the price of 134.50 on feeder F2, which was full (it could import no more): "
        "nothing was filled."
    )
    assert said.ko == "주문가 131.20원이 피더 F2(수전 한도까지 찼음)의 가격 134.50원보다 낮아 체결되지 않았습니다."


@pytest.mark.parametrize(
    ("reason", "changed", "words"),
    [
        (
            FillReason.OUTBID,
            {"side": Side.SELL, "limit_jeon_per_kwh": 14_000},
            "Your 140.00 was above the price of 134.50",
        ),
        (FillReason.FILLED, {"filled_wh": 10_000, "limit_jeon_per_kwh": 14_000}, "above the price of 134.50"),
        (
            FillReason.FILLED,
            {"filled_wh": 10_000, "side": Side.SELL},
            "below the price of 134.50 on feeder F2: all 10.000",
        ),
        (FillReason.AT_PRICE, {"filled_wh": 4_000}, "after the orders that came earlier, 4.000 of 10.000 kWh"),
        (FillReason.AT_PRICE, {"filled_wh": 10_000}, "all 10.000 kWh were filled"),
        (FillReason.NO_TRADE, {"price_jeon_per_kwh": None}, "no seller within reach met your 131.20"),
        (FillReason.NO_TRADE, {"price_jeon_per_kwh": None, "side": Side.SELL}, "no buyer within reach"),
        (FillReason.HALTED, {}, "halted at gate closure"),
        (FillReason.SUSPENDED, {}, "participation was suspended when the order was entered"),
        (FillReason.OWN_ORDER, {}, "order of your own"),
        (FillReason.SITE_LIMIT, {"side": Side.SELL}, "than your site can deliver"),
    ],
)
def test_each_reason_has_a_sentence_with_its_figures(reason: FillReason, changed: dict[str, Any], words: str) -> None:
    said = said_of(reason, **changed)

    assert words in said.en
    assert said.ko.endswith(("니다.",))


def test_a_buyer_behind_a_full_feeder_is_outbid_there_and_not_elsewhere() -> None:
    # F2 may import 5 kWh. The seller at the hub asks 100 for 20; on F2 the buyers bid 140 and 131.20 for 5 each.
    network = [feeder("F2", limit_wh=5_000)]
    orders = arriving(sell(10_000, 20_000), buy(14_000, 5_000, at="F2"), buy(13_120, 5_000, at="F2"))

    clearing = clear(orders, network)

    # The price on F2 lies in [131.20, 140]: midpoint 135.60. The seller sells 5 of 20 kWh at his own 100.
    assert (clearing.feeders[0].price_jeon_per_kwh, clearing.feeders[0].binding) == (13_560, "import")
    assert fill_reasons(orders, clearing) == (FillReason.AT_PRICE, FillReason.FILLED, FillReason.OUTBID)


@given(books(places=(None, *FEEDER_IDS)), feeders())
def test_the_reason_fits_the_fill(orders: list[Order], network: list[Feeder]) -> None:
    clearing = clear(orders, network)

    for order, fill, reason in zip(orders, clearing.fills, fill_reasons(orders, clearing), strict=True):
        if reason is FillReason.FILLED:
            assert fill.filled_wh == order.quantity_wh
        if reason in {FillReason.OUTBID, FillReason.NO_TRADE}:
            assert fill.filled_wh == 0


@pytest.mark.parametrize(
    ("gain_krw", "words"),
    [
        (-300, "The prices of its intervals do not suit the block (a loss of 300 KRW against its own price)."),
        (None, "The block did not run: an interval of it has no price, as nothing is traded there."),
    ],
)
def test_a_block_without_a_price_is_not_told_that_prices_do_not_suit_it(gain_krw: int | None, words: str) -> None:
    assert block_sentence("out_of_money", gain_krw).en == words
