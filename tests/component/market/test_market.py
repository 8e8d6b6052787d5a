"""The market on a bus that delays, repeats and reorders, with the demo complex's rules (gate lead 30 minutes)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import combinations
from logging import WARNING
from pathlib import Path

import pytest

from shared.events.base import Event
from shared.events.commands import MarketHaltRequested, MarketResumeRequested
from shared.events.market import (
    AuctionCleared,
    MarketHalted,
    MarketResumed,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
)
from shared.events.records import FillReason, Side
from shared.intervals import INTERVAL
from tests.component.harness import Bench
from tests.component.market.market_facts import (
    ALARM,
    COMPLEX_ID,
    DELIVERY,
    EARLY,
    GATE,
    LAST_MOMENT,
    a_bench,
    a_buy,
    a_cancel,
    a_seal,
    a_sell,
    an_order,
    give,
)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return a_bench(tmp_path)


def test_orders_of_one_feeder_trade_at_the_midpoint_without_a_fee(bench: Bench) -> None:
    give(bench, a_sell(), a_buy(), a_seal("scheduler"), a_seal("trading_api"))

    # Sell at 100, buy at 120, both on F1: (100 + 120) / 2 = 110 KRW/kWh; 10 kWh cost 1,100 KRW.
    [auction] = bench.published(AuctionCleared)
    assert [event.order_id for event in bench.published(OrderAccepted)] == ["s1", "b1"]
    assert (auction.price_jeon_per_kwh, auction.volume_wh, auction.fees_krw) == (11_000, 10_000, 0)
    assert auction.auction_id == f"{COMPLEX_ID}:20260520T0100Z"
    [trade] = auction.trades
    assert (trade.buyer_id, trade.seller_id) == ("daesung-casting", "hanbit-machining")
    assert (trade.quantity_wh, trade.paid_krw, trade.received_krw) == (10_000, 1_100, 1_100)


def test_a_trade_between_feeders_pays_both_wheeling_fees(bench: Bench) -> None:
    buy = an_order("b1", "jinhae-coatings", Side.BUY, 120)

    give(bench, a_sell(), buy, a_seal("scheduler"), a_seal("trading_api"))

    # F1 charges 1.50, F3 2.00. The hub price lies in [100 + 1.50, 120 - 2.00]: midpoint 109.75.
    # F1 is at 109.75 - 1.50 = 108.25, F3 at 109.75 + 2.00 = 111.75; 10 kWh: 1,082.5 and 1,117.5, fees 35 KRW.
    [auction] = bench.published(AuctionCleared)
    [trade] = auction.trades
    assert auction.price_jeon_per_kwh == 10_975
    assert (auction.feeder_price_jeon_per_kwh["F1"], auction.feeder_price_jeon_per_kwh["F3"]) == (10_825, 11_175)
    assert auction.fees_krw == 35
    assert trade.paid_krw - trade.received_krw == 35
    assert trade.paid_krw in {1_117, 1_118}


def test_an_order_stamped_before_the_gate_is_in_however_late_it_arrives(bench: Bench) -> None:
    give(bench, a_sell(), a_seal("scheduler"))
    bench.run(until=GATE + timedelta(seconds=5))
    assert bench.published(AuctionCleared) == []

    give(bench, a_buy(at=LAST_MOMENT), a_seal("trading_api"))

    [auction] = bench.published(AuctionCleared)
    assert {fill.order_id: fill.filled_wh for fill in auction.fills} == {"s1": 10_000, "b1": 10_000}


def test_a_bus_that_is_five_seconds_late_loses_no_order(bench: Bench) -> None:
    stamps = [GATE - timedelta(milliseconds=100 * n + 1) for n in range(30)]
    orders = [a_buy(f"b{n}", at=stamp).model_copy(update={"sequence": n + 1}) for n, stamp in enumerate(stamps)]
    give(bench, a_seal("scheduler"))

    for stamp, order in sorted(zip(stamps, orders, strict=True), key=lambda pair: pair[0]):
        bench.run(until=stamp + timedelta(seconds=5))
        give(bench, order)
    give(bench, a_seal("trading_api"))

    [auction] = bench.published(AuctionCleared)
    assert {fill.order_id for fill in auction.fills} == {order.order_id for order in orders}
    assert bench.published(OrderRejected) == []


def test_an_order_stamped_at_the_gate_is_rejected(bench: Bench) -> None:
    give(bench, a_buy(at=GATE))

    [rejected] = bench.published(OrderRejected)
    assert rejected.reason == "gate_closed"
    assert "more than 30 minutes before" in rejected.detail


def test_an_order_that_follows_its_own_writers_seal_is_rejected(bench: Bench) -> None:
    give(bench, a_seal("trading_api"), a_buy(at=LAST_MOMENT))

    assert [event.reason for event in bench.published(OrderRejected)] == ["auction_over"]


def test_every_order_of_the_two_topics_interleaved_gives_the_same_auction(tmp_path: Path) -> None:
    automatic = [a_sell(), a_sell("s2"), a_seal("scheduler", after=timedelta(seconds=1))]
    by_people = [a_buy(), a_seal("trading_api", after=timedelta(seconds=2))]

    auctions = set()
    for number, events in enumerate(interleavings(automatic, by_people)):
        bench = a_bench(tmp_path / str(number))
        give(bench, *events)
        [auction] = bench.published(AuctionCleared)
        auctions.add(auction.model_dump_json())

    # C(5, 2) = 10 interleavings. s1 and s2 have the same stamp, writer and price; s1 came first.
    assert len(auctions) == 1
    [auction] = bench.published(AuctionCleared)
    assert auction.cleared_at == GATE + timedelta(seconds=2)
    assert auction.trades[0].sell_order_id == "s1"


def interleavings(first: Sequence[Event], second: Sequence[Event]) -> Iterator[list[Event]]:
    total = len(first) + len(second)
    for places in combinations(range(total), len(second)):
        ahead, behind = iter(first), iter(second)
        yield [next(behind) if place in places else next(ahead) for place in range(total)]


def test_intervals_without_orders_clear_too_each_once_in_sequence(bench: Bench) -> None:
    give(bench, a_seal("scheduler", DELIVERY), a_seal("scheduler", DELIVERY + 2 * INTERVAL))
    # The other writer begins later; its seal covers what was before.
    give(bench, a_seal("trading_api", DELIVERY + INTERVAL), a_seal("trading_api", DELIVERY + INTERVAL))
    give(bench, a_seal("trading_api", DELIVERY + 3 * INTERVAL))

    auctions = bench.published(AuctionCleared)
    assert [one.delivery_start for one in auctions] == [DELIVERY, DELIVERY + INTERVAL, DELIVERY + 2 * INTERVAL]
    assert [(one.price_jeon_per_kwh, one.volume_wh, one.status) for one in auctions] == [(None, 0, "cleared")] * 3


def test_an_early_order_of_a_writer_that_was_down_is_not_left_over(bench: Bench) -> None:
    later = DELIVERY + 2 * INTERVAL

    give(bench, a_buy(), a_sell(), a_seal("trading_api", later), a_seal("scheduler", later))

    auctions = bench.published(AuctionCleared)
    assert [one.delivery_start for one in auctions] == [DELIVERY, DELIVERY + INTERVAL, later]
    assert auctions[0].volume_wh == 10_000


def test_a_repeated_order_is_answered_once(bench: Bench) -> None:
    give(bench, a_buy(), a_buy(), a_buy("b2", at=GATE), a_buy("b2", at=GATE))

    assert len(bench.published(OrderAccepted)) == 1
    assert len(bench.published(OrderRejected)) == 1


def test_redelivery_of_the_whole_log_changes_nothing(bench: Bench) -> None:
    give(bench, a_sell(), a_buy(), a_seal("scheduler"), a_seal("trading_api"))
    before = bench.published(AuctionCleared)

    for topic in ("scheduler.orders.v1", "trading_api.orders.v1"):
        for message in bench.bus.messages(topic):
            bench.bus.append(message)
    bench.run()

    assert bench.published(AuctionCleared) == before
    assert len(bench.published(OrderAccepted)) == 2


def test_a_market_that_was_killed_goes_on_with_the_same_book(bench: Bench) -> None:
    give(bench, a_sell(), a_seal("scheduler"))
    bench.restart()
    give(bench, a_buy())
    bench.restart()
    give(bench, a_seal("trading_api"))
    bench.restart()
    bench.run()

    [auction] = bench.published(AuctionCleared)
    assert auction.volume_wh == 10_000


def test_a_cancel_before_the_gate_takes_the_order_out(bench: Bench) -> None:
    cancel = a_cancel("b1", "daesung-casting", at=LAST_MOMENT)

    give(bench, a_buy(), cancel, cancel, a_seal("scheduler"), a_seal("trading_api"))

    assert [event.order_id for event in bench.published(OrderCancelled)] == ["b1"]
    [auction] = bench.published(AuctionCleared)
    assert auction.fills == ()


@pytest.mark.parametrize(("participant_id", "at"), [("daesung-casting", GATE), ("hanbit-machining", EARLY)])
def test_a_late_cancel_or_anothers_leaves_the_order_in(bench: Bench, participant_id: str, at: datetime) -> None:
    give(bench, a_buy(), a_cancel("b1", participant_id, at=at), a_seal("scheduler"), a_seal("trading_api"))

    assert bench.published(OrderCancelled) == []
    [auction] = bench.published(AuctionCleared)
    assert [fill.order_id for fill in auction.fills] == ["b1"]


def test_a_cancel_that_overtakes_its_order_still_takes_it_out(bench: Bench) -> None:
    give(bench, a_cancel("s1", "hanbit-machining", at=LAST_MOMENT), a_sell(), a_seal("scheduler"))

    assert [event.order_id for event in bench.published(OrderAccepted)] == ["s1"]
    assert [event.order_id for event in bench.published(OrderCancelled)] == ["s1"]


def test_a_halted_market_takes_no_orders_but_cancels_and_fills_nothing(bench: Bench) -> None:
    halt = MarketHaltRequested(complex_id=COMPLEX_ID, requested_at=EARLY, operator="kim", reason="drill")
    before = EARLY - timedelta(seconds=1)

    give(bench, a_sell(at=before), a_buy(at=before), halt, halt)
    give(bench, a_buy("b2"), a_sell("s2", at=before), a_cancel("s2", "hanbit-machining", at=EARLY))
    give(bench, a_seal("scheduler"), a_seal("trading_api"))

    # b2 is stamped in the halt; s2 before it, so it is admitted although it arrives later.
    assert [(event.order_id, event.reason) for event in bench.published(OrderRejected)] == [("b2", "market_halted")]
    assert [event.order_id for event in bench.published(OrderCancelled)] == ["s2"]
    assert len(bench.published(MarketHalted)) == 1
    [auction] = bench.published(AuctionCleared)
    assert (auction.status, auction.price_jeon_per_kwh, auction.volume_wh) == ("halted", None, 0)
    assert {fill.order_id: fill.filled_wh for fill in auction.fills} == {"s1": 0, "b1": 0}
    assert auction.trades == ()


def test_an_automatic_order_that_overtook_its_halt_is_not_filled(bench: Bench) -> None:
    halt = MarketHaltRequested(complex_id=COMPLEX_ID, requested_at=EARLY, operator="kim", reason="drill")
    resume = MarketResumeRequested(complex_id=COMPLEX_ID, requested_at=EARLY + timedelta(minutes=1), operator="kim")
    before = EARLY - timedelta(microseconds=1)

    give(bench, a_sell(at=before), a_sell("s2", at=EARLY), a_buy(at=before), halt, resume)
    give(bench, a_seal("scheduler"), a_seal("trading_api"))

    assert [event.order_id for event in bench.published(OrderAccepted)] == ["s1", "s2", "b1"]
    [auction] = bench.published(AuctionCleared)
    assert {fill.order_id: fill.filled_wh for fill in auction.fills} == {"s1": 10_000, "s2": 0, "b1": 10_000}
    assert next(fill.reason for fill in auction.fills if fill.order_id == "s2") is FillReason.HALTED


def test_a_resumed_market_reopens_by_auction(bench: Bench) -> None:
    halted_at, resumed_at = EARLY - timedelta(minutes=2), EARLY - timedelta(minutes=1)
    halt = MarketHaltRequested(complex_id=COMPLEX_ID, requested_at=halted_at, operator="kim", reason="drill")
    resume = MarketResumeRequested(complex_id=COMPLEX_ID, requested_at=resumed_at, operator="kim")

    give(bench, resume, halt, resume, a_sell(), a_buy(), a_seal("scheduler"), a_seal("trading_api"))

    assert [event.resumed_at for event in bench.published(MarketResumed)] == [resumed_at]
    [auction] = bench.published(AuctionCleared)
    assert (auction.status, auction.volume_wh) == ("cleared", 10_000)


def test_a_missing_seal_is_alarmed_once_an_interval(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(WARNING)
    give(bench, a_seal("scheduler"))
    bench.run(until=GATE + ALARM - timedelta(seconds=1))
    assert caplog.records == []

    bench.run(until=GATE + ALARM)
    bench.run(until=GATE + 2 * ALARM)
    bench.restart()
    bench.run()

    [record] = caplog.records
    assert record.getMessage() == "auction waits for seals"
    assert vars(record)["writers"] == ["trading_api"]


def test_order_of_a_complex_that_is_not_served_is_passed_over(bench: Bench) -> None:
    stranger = a_buy().model_copy(update={"complex_id": "elsewhere"})

    give(bench, stranger, a_buy())

    assert [event.complex_id for event in bench.published(OrderAccepted)] == [COMPLEX_ID]
    assert bench.bus.messages("market.dead_letters.v1") == []


def test_figures_beyond_the_rules_are_answered_and_those_beyond_any_column_set_aside(bench: Bench) -> None:
    huge = a_buy("b1").model_copy(update={"quantity_wh": 10**15})
    dear = a_buy("b2").model_copy(update={"price_jeon_per_kwh": 10**15})
    endless = a_buy("b3").model_copy(update={"quantity_wh": 10**30})

    give(bench, huge, dear, endless)

    answers = [(event.order_id, event.reason) for event in bench.published(OrderRejected)]
    assert answers == [("b1", "quantity_too_large"), ("b2", "price_out_of_range")]
    assert len(bench.bus.messages("market.dead_letters.v1")) == 1
