"""Blocks: all of their intervals or none, never at a loss, whoever is left out although in the money is named."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.clearing.auction import clear
from optimizers.clearing.block_book import Block, DayClearing
from optimizers.clearing.blocks import clear_day
from optimizers.clearing.book import Feeder, Order
from optimizers.clearing.check import check
from tests.unit.clearing.books import FEEDER_IDS, a_block, arriving, books, buy, feeder, feeders, sell

Day = list[list[Order]]


def names(day: DayClearing) -> list[str]:
    return [one.block_id for one in day.accepted]


def test_a_batch_runs_where_its_average_price_suits_though_one_interval_does_not() -> None:
    # The factory wants 10 kWh in two intervals at 120 on average. Sellers ask 100 in the first, 130 in the second:
    # it pays at most 115 on average, so it runs, and above its own 120 in the second interval.
    orders = [arriving(sell(10_000, 20_000)), arriving(sell(13_000, 20_000))]

    day = clear_day(orders, [a_block("buy", 12_000, 10_000, 10_000)])

    assert names(day) == ["block 1"]
    # The sellers are at the margin: their own limits are the prices. 10 kWh at 100 and at 130 cost 2,300 KRW.
    assert [auction.price_jeon_per_kwh for auction in day.auctions] == [10_000, 13_000]
    assert (day.accepted[0].paid_krw, day.accepted[0].received_krw) == (2_300, 0)
    # Worth 2 x 10 kWh x 120 = 2,400 KRW, cost 2,300: 100 KRW of welfare, in jeon x Wh 100 x 100,000.
    assert day.welfare_jeon_wh == 10_000_000
    assert day.method == "program"


@pytest.mark.parametrize(("offered_wh", "runs"), [(9_999, False), (10_000, True)])
def test_a_batch_runs_whole_or_not_at_all(offered_wh: int, runs: bool) -> None:
    orders = [arriving(sell(10_000, 10_000)), arriving(sell(10_000, offered_wh))]

    day = clear_day(orders, [a_block("buy", 20_000, 10_000, 10_000)])

    assert names(day) == (["block 1"] if runs else [])
    assert [auction.volume_wh for auction in day.auctions] == ([10_000, 10_000] if runs else [0, 0])


def test_a_block_that_the_price_would_make_lose_is_taken_out() -> None:
    # With the block (10 kWh at 100) welfare is 10 x (100 - 90) - 0 from its sellers, but both sellers are needed and
    # the dear one (110 for 5 kWh) sets the price at 110: at 110 the block loses.
    orders = [arriving(sell(7_000, 5_000), sell(11_000, 6_000))]

    day = clear_day(orders, [a_block("buy", 10_000, 10_000)])

    # Welfare with it: 10 x 100 - 5 x 70 - 5 x 110 = 100 KRW > 0, so the program takes it and the price undoes it.
    assert names(day) == []
    assert day.removed == ("block 1",)
    assert day.auctions[0].volume_wh == 0


def test_a_block_left_out_although_in_the_money_is_listed_with_its_gain() -> None:
    # Sellers of 12 kWh at 100; one buyer at 150 takes 10. A block of 10 kWh at 110 would need 8 kWh that only the
    # buyer at 150 has; taking them costs more than the block is worth.
    orders = [arriving(sell(10_000, 12_000), buy(15_000, 10_000))]

    day = clear_day(orders, [a_block("buy", 11_000, 10_000)])

    # Price 100 (the seller is at the margin): the block would gain 10 kWh x 10 KRW = 100 KRW.
    assert names(day) == []
    assert [(one.block_id, one.surplus_jeon_wh) for one in day.rejected_in_the_money] == [("block 1", 10_000_000)]


def test_two_blocks_may_trade_with_each_other_alone() -> None:
    blocks = [a_block("buy", 12_000, 5_000, 5_000, number=1), a_block("sell", 10_000, 5_000, 5_000, number=2)]

    day = clear_day([[], []], blocks)

    # Nobody else is there: the price is midway between their limits.
    assert names(day) == ["block 1", "block 2"]
    assert [auction.price_jeon_per_kwh for auction in day.auctions] == [11_000, 11_000]


def test_a_block_behind_a_full_feeder_does_not_run() -> None:
    network = [feeder("F1", limit_wh=5_000)]
    orders = [arriving(sell(10_000, 20_000))]

    assert names(clear_day(orders, [a_block("buy", 20_000, 6_000, at="F1")], network)) == []
    assert names(clear_day(orders, [a_block("buy", 20_000, 5_000, at="F1")], network)) == ["block 1"]


def test_without_time_the_fallback_leaves_out_what_the_prices_do_not_suit() -> None:
    orders = [arriving(sell(10_000, 30_000), buy(12_000, 10_000))]
    blocks = [a_block("buy", 11_000, 10_000, number=1), a_block("buy", 9_000, 10_000, number=2)]

    day = clear_day(orders, blocks, time_limit_s=0.0)

    # Price without blocks: the seller's 100. The first block gains at it, the second would lose.
    assert (day.method, day.gap) == ("fallback", None)
    assert names(day) == ["block 1"]
    assert day == clear_day(orders, blocks, time_limit_s=0.0)


def test_a_day_without_blocks_is_its_intervals() -> None:
    orders = [arriving(sell(10_000, 5_000), buy(12_000, 4_000)), []]

    day = clear_day(orders, [])

    assert (day.method, day.auctions) == ("none", tuple(clear(book) for book in orders))


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([a_block("buy", 1, 1), a_block("buy", 1, 1)], "unique among blocks"),
        ([a_block("buy", 1, 1, 1, first=1)], "end within the day's 2 intervals"),
    ],
)
def test_blocks_that_do_not_fit_together_are_refused(blocks: list[Block], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        clear_day([[], []], blocks)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity_wh": ()},
        {"quantity_wh": (1, 0)},
        {"quantity_wh": (10**15 + 1,)},
        {"price_jeon_per_kwh": 10**14 + 1},
        {"side": "both"},
        {"block_id": ""},
        {"first_interval": -1},
    ],
)
def test_a_block_checks_itself(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="block"):
        replace(a_block("buy", 1, 1), **change)  # type: ignore[arg-type]  # one field of each type a case


@st.composite
def days(draw: st.DrawFn) -> tuple[Day, list[Block]]:
    """Days of two intervals with up to three blocks, whose ids differ from interval to interval."""
    orders = [
        [replace(one, order_id=f"{n}/{one.order_id}") for one in draw(books(places=(None, *FEEDER_IDS), orders_max=4))]
        for n in range(2)
    ]
    count = draw(st.integers(0, 3))
    blocks = []
    for number in range(count):
        first = draw(st.integers(0, 1))
        lengths = draw(st.lists(st.integers(1, 3), min_size=1, max_size=2 - first))
        side, place = draw(st.sampled_from(["buy", "sell"])), draw(st.sampled_from([None, *FEEDER_IDS]))
        price = draw(st.integers(-2, 6))
        blocks.append(a_block(side, price, *lengths, first=first, at=place, number=number))
    return orders, blocks


def best_welfare(orders: Day, blocks: Sequence[Block], network: list[Feeder]) -> int:
    """Return the largest welfare of any choice of blocks that can be filled whole, by trying them all."""
    best = None
    for size in range(len(blocks) + 1):
        for chosen in combinations(blocks, size):
            total = 0
            for interval, book in enumerate(orders):
                # A leg at a limit that no other order reaches is filled if it can be; then it counts at its own.
                legs = [(block, wh) for block in chosen for at, wh in block.legs() if at == interval]
                forced = [
                    Order(
                        order_id=block.block_id,
                        participant_id="x",
                        side=block.side,
                        price_jeon_per_kwh=100 if block.side == "buy" else -100,
                        quantity_wh=wh,
                        sequence=-1 - block.sequence,
                        feeder_id=block.feeder_id,
                    )
                    for block, wh in legs
                ]
                answer = clear([*book, *forced], network)
                filled = [fill.filled_wh for fill in answer.fills[len(book) :]]
                if filled != [wh for _, wh in legs]:
                    break
                total += answer.welfare_jeon_wh
                total += sum(
                    wh * (block.price_jeon_per_kwh - 100 if block.side == "buy" else -100 - block.price_jeon_per_kwh)
                    for block, wh in legs
                )
            else:
                best = total if best is None else max(best, total)
    assert best is not None
    return best


@settings(max_examples=150, deadline=None)
@given(days(), st.just(list[Feeder]()) | feeders(), st.booleans())
def test_every_day_keeps_the_laws_of_blocks(day: tuple[Day, list[Block]], network: list[Feeder], hurry: bool) -> None:
    orders, blocks = day
    answer = clear_day(orders, blocks, network, time_limit_s=0.0 if hurry else 8.0)

    by_id = {block.block_id: block for block in blocks}
    assert sum(one.paid_krw - one.received_krw for auction in answer.auctions for one in auction.fills) == sum(
        auction.fees_krw for auction in answer.auctions
    )
    for book, auction in zip(answer.books, answer.auctions, strict=True):
        check(book, network, auction)
    for one in answer.accepted:
        gain = gain_of(by_id[one.block_id], answer, network)
        assert gain is not None
        assert gain >= 0
    outside = [block for block in blocks if block.block_id not in names(answer)]
    gains = {block.block_id: gain_of(block, answer, network) for block in outside}
    listed = {one.block_id: one.surplus_jeon_wh for one in answer.rejected_in_the_money}
    assert listed == {block_id: gain for block_id, gain in gains.items() if gain is not None and gain > 0}
    best = best_welfare(orders, blocks, network)
    assert answer.welfare_jeon_wh <= best
    if answer.method == "program" and not answer.removed:
        # Within the gap of the best, and there is hardly a gap in numbers this small.
        assert answer.welfare_jeon_wh >= best - max(abs(best) // 1_000, 1)


def gain_of(block: Block, answer: DayClearing, network: list[Feeder]) -> int | None:
    """Return what a block gains at an answer's prices; None where one of its intervals has no price."""
    gain = 0
    for interval, quantity_wh in block.legs():
        auction = answer.auctions[interval]
        prices = {one.feeder_id: one.price_jeon_per_kwh for one in auction.feeders}
        price = prices[block.feeder_id] if network and block.feeder_id else auction.price_jeon_per_kwh
        if price is None:
            return None
        gain += quantity_wh * (
            block.price_jeon_per_kwh - price if block.side == "buy" else price - block.price_jeon_per_kwh
        )
    return gain
