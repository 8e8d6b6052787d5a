"""Blocks are kept wherever prices exist at which nobody loses."""

from optimizers.clearing.blocks import clear_day
from optimizers.clearing.check import check
from tests.unit.clearing.books import a_block, arriving, buy, feeder, sell
from tests.unit.clearing.supporting_prices import best_welfare, small_day

SEEDS = range(1_000)


def test_small_days_keep_all_that_supporting_prices_allow() -> None:
    worse = {}
    for seed in SEEDS:
        day = small_day(seed)
        answer = clear_day(day.orders, day.blocks, day.feeders)
        for book, auction in zip(answer.books, answer.auctions, strict=True):
            check(book, day.feeders, auction)
        best = best_welfare(day)
        if answer.welfare_jeon_wh != best:
            worse[seed] = (answer.welfare_jeon_wh, best)

    assert worse == {}, f"{len(worse)} of seeds {SEEDS[0]} to {SEEDS[-1]}; seed: (kept, best)"


def test_a_block_is_kept_where_other_prices_than_the_midpoints_suit_it() -> None:
    # The block buys 4 Wh in the first interval, all that is offered at 30 there, and 1 Wh in the second, at 47.
    orders = [
        arriving(sell(30, 4), sell(44, 6)),
        arriving(sell(47, 1), buy(31, 7), buy(46, 3)),
    ]
    block = a_block("buy", 35, 4, 1)

    day = clear_day(orders, [block])

    # Worth 35 x 5 - 30 x 4 - 47 x 1 = 8. At p in the first and 47 in the second: 4 p + 47 <= 175, so p <= 32.
    assert [one.block_id for one in day.accepted] == ["block 1"]
    assert day.welfare_jeon_wh == 8
    # Between 30 and the block's own 35 the midpoint is 33, and 32 the nearest to it at which the block doesn't lose.
    assert [auction.price_jeon_per_kwh for auction in day.auctions] == [32, 47]


def test_a_block_takes_from_a_dear_buyer_where_its_average_pays_for_that() -> None:
    # 5 Wh are offered at 10 in the first interval, where a buyer would pay 50; in the second 5 Wh at 10 and no buyer.
    # At 40 on average the block is worth 2 x 5 x 40 - 2 x 5 x 10 = 300, the buyer's 5 x (50 - 10) = 200.
    orders = [arriving(sell(10, 5), buy(50, 5)), arriving(sell(10, 5))]

    day = clear_day(orders, [a_block("buy", 40, 5, 5)])

    # The buyer is content from 50 on, the second seller from 10 on: 50 + 10 <= 2 x 40.
    assert [one.block_id for one in day.accepted] == ["block 1"]
    assert day.welfare_jeon_wh == 300
    assert [auction.price_jeon_per_kwh for auction in day.auctions] == [50, 25]


def test_a_block_is_tried_again_where_nothing_else_trades() -> None:
    # Two sells wait at -1 and 21; with blocks beside them somebody trades, whatever the best choice loses.
    blocks = [
        a_block("sell", 94, 3, number=1),
        a_block("buy", 36, 1, number=2),
        a_block("sell", 10, 7, number=3),
        a_block("buy", 30, 2, number=4),
        a_block("buy", 65, 4, number=5),
    ]

    day = clear_day([arriving(sell(21, 1), sell(-1, 1))], blocks)

    # The best choice would sell all 7 Wh of the third block, which takes 7 Wh of buys: 2 + 4 + 1, with the sells left
    # out though the price is above them. Of what can live, the fourth block's 2 Wh from both sells at 21 or more is
    # best: 2 x 30 - 21 + 1 = 40.
    assert [one.block_id for one in day.accepted] == ["block 4"]
    assert day.welfare_jeon_wh == 40


def test_prices_that_let_a_block_live_are_on_the_tick_where_such_prices_are() -> None:
    # As above, with prices a hundred times as large: 3,200 would do, and the tick is 500.
    orders = [
        arriving(sell(3_000, 4), sell(4_400, 6)),
        arriving(sell(4_700, 1)),
    ]

    day = clear_day(orders, [a_block("buy", 3_500, 4, 1)], tick_jeon=500)

    # From 4,700 on the second seller agrees: 4 p + 5,000 <= 17,500 leaves p of 3,000, as 4 x 3,500 is too much.
    assert [auction.price_jeon_per_kwh for auction in day.auctions] == [3_000, 5_000]


def test_prices_off_the_tick_are_taken_where_no_block_could_live_else() -> None:
    # From 3,100 on and from 4,700 on, at 3,460 on average: 4 p + q <= 17,300, so that 3,500 is too much in the first.
    orders = [arriving(sell(3_100, 4)), arriving(sell(4_700, 1))]

    day = clear_day(orders, [a_block("buy", 3_460, 4, 1)], tick_jeon=500)

    [first, second] = [auction.price_jeon_per_kwh for auction in day.auctions]
    assert first is not None
    assert second is not None
    assert 4 * first + second <= 17_300


def test_a_feeder_beside_the_block_keeps_its_distance_to_the_hub() -> None:
    # The block is behind a feeder with a fee of 3, the sellers are at the hub: 4 Wh from 30 on, 1 Wh from 47 on.
    network = [feeder("F1", fee_jeon=3)]
    orders = [arriving(sell(30, 4), sell(44, 6)), arriving(sell(47, 1))]

    day = clear_day(orders, [a_block("buy", 37, 4, 1, at="F1")], network)

    # 4 (p + 3) + 50 <= 5 x 37 = 185 leaves p of 30 at the hub.
    assert [auction.price_jeon_per_kwh for auction in day.auctions] == [30, 47]
    assert [auction.feeders[0].price_jeon_per_kwh for auction in day.auctions] == [33, 50]
    for book, auction in zip(day.books, day.auctions, strict=True):
        check(book, network, auction)
