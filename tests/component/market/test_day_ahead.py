"""The day-ahead auction: 96 intervals at once, blocks included; its positions and the intraday ones add up."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.replay import replayed
from services.market import handlers, store
from shared.complex.complexes import Complexes
from shared.db.engine import reading
from shared.events.base import Event
from shared.events.commands import CalendarChangeRequested, MarketHaltRequested, ParticipantSuspendRequested
from shared.events.market import (
    AmendmentRejected,
    AuctionCleared,
    BlockDecided,
    DayAheadCleared,
    OrderAccepted,
    OrderCancelled,
    OrderLapsed,
    OrderRejected,
)
from shared.events.orders import BlockSubmitted, OrderAmendRequested, OrderCancelRequested, OrdersSealed, OrderSubmitted
from shared.events.records import Calendar, FillReason, Side
from shared.events.topics import topics_read_by
from shared.events.wire import Message, decode
from shared.intervals import INTERVAL, delivery_starts, trading_day_of
from tests.component.harness import Bench
from tests.component.market.market_facts import ALARM, COMPLEX, COMPLEX_ID, LEAD, a_seal, an_order, give
from tests.market_state import state_sha256

# 11:00 in Korea on the 20th closes the auction of the 21st, whose first interval begins at 15:00 UTC on the 20th.
GATE = datetime(2026, 5, 20, 2, 0, tzinfo=UTC)
TOMORROW = delivery_starts(trading_day_of(GATE + timedelta(days=1)))
AT = GATE - timedelta(minutes=5)
NOON = TOMORROW[48]
BUYER, SELLER = "daesung-casting", "hanbit-machining"  # both on F1; the buyer may take 625 kWh in 15 minutes


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    market = handlers.service(Complexes(COMPLEX), seal_alarm=ALARM)
    bench = Bench(market, store.METADATA, tmp_path, AT)
    give(bench, a_calendar())
    yield bench
    bench.close()


def a_calendar(gate_s: int | None = 39_600) -> CalendarChangeRequested:
    calendar = Calendar(
        effective_from=GATE - timedelta(hours=36),
        gate_closure_lead_s=1_800,
        price_jeon_per_kwh_min=0,
        price_jeon_per_kwh_max=50_000,
        order_quantity_wh_max=2_000_000,
        day_ahead_gate_s=gate_s,
    )
    asked_at = GATE - timedelta(days=2)
    return CalendarChangeRequested(complex_id=COMPLEX_ID, requested_at=asked_at, operator="kim", calendar=calendar)


def ahead(order: OrderSubmitted, *, start: datetime = NOON, kwh: int = 10) -> OrderSubmitted:
    return order.model_copy(
        update={"auction": "day_ahead", "delivery_start": start, "submitted_at": AT, "quantity_wh": 1_000 * kwh}
    )


def a_buy(order_id: str, price_krw: int, *, start: datetime = NOON, kwh: int = 10) -> OrderSubmitted:
    return ahead(an_order(order_id, BUYER, Side.BUY, price_krw), start=start, kwh=kwh)


def a_sell(order_id: str, price_krw: int, *, start: datetime = NOON, kwh: int = 10) -> OrderSubmitted:
    return ahead(an_order(order_id, SELLER, Side.SELL, price_krw, writer="scheduler"), start=start, kwh=kwh)


def a_block(order_id: str, price_krw: int, *kwh: int, start: datetime = NOON) -> BlockSubmitted:
    return BlockSubmitted(
        complex_id=COMPLEX_ID,
        order_id=order_id,
        client_order_id=order_id,
        participant_id=BUYER,
        delivery_start=start,
        side=Side.BUY,
        price_jeon_per_kwh=100 * price_krw,
        block_wh=tuple(1_000 * one for one in kwh),
        submitted_at=AT,
        writer="trading_api",
        sequence=3,
    )


def seal_through(bench: Bench, gate: datetime) -> None:
    """Let both writers say that all stamped before an instant has come."""
    give(bench, a_seal("scheduler", gate + LEAD), a_seal("trading_api", gate + LEAD))


def by_start(bench: Bench) -> dict[datetime, DayAheadCleared]:
    return {event.delivery_start: event for event in bench.published(DayAheadCleared)}


def in_order_of_stamps(bench: Bench) -> list[Message]:
    """Return the market's log as its writers and operators stamped it, whichever topic each message is in."""
    messages = [message for topic in topics_read_by("market") for message in bench.bus.messages(topic.name)]
    return sorted(messages, key=lambda message: stamp_of(decode(message).event))


def stamp_of(event: Event) -> datetime:
    match event:
        case OrderSubmitted() | BlockSubmitted():
            return event.submitted_at
        case OrdersSealed():
            return event.sealed_at
        case _:
            stamp: datetime = event.model_dump()["requested_at"]
            return stamp


def test_the_day_ahead_auction_clears_tomorrows_96_intervals_once(bench: Bench) -> None:
    give(bench, a_sell("s1", 100), a_buy("b1", 120))
    seal_through(bench, GATE - INTERVAL)
    assert bench.published(DayAheadCleared) == []

    seal_through(bench, GATE)
    seal_through(bench, GATE + INTERVAL)

    # Sell at 100 and buy at 120 meet at 110, both on F1.
    cleared = bench.published(DayAheadCleared)
    assert [event.delivery_start for event in cleared] == TOMORROW
    noon = by_start(bench)[NOON]
    assert (noon.price_jeon_per_kwh, noon.volume_wh, noon.method) == (11_000, 10_000, "none")
    assert {event.volume_wh for event in cleared if event.delivery_start != NOON} == {0}


def test_positions_of_the_day_before_and_of_the_interval_add_up(bench: Bench) -> None:
    give(bench, a_sell("s1", 100), a_buy("b1", 120))
    seal_through(bench, GATE)
    at = NOON - timedelta(hours=1)
    more = an_order("b2", BUYER, Side.BUY, 130, at=at).model_copy(update={"delivery_start": NOON})
    offer = an_order("s2", SELLER, Side.SELL, 90, at=at, writer="scheduler").model_copy(update={"delivery_start": NOON})
    give(bench, more, offer)
    seal_through(bench, NOON - LEAD)

    auction = {event.delivery_start: event for event in bench.published(AuctionCleared)}[NOON]
    assert auction.day_ahead_trades == by_start(bench)[NOON].trades
    bought_wh = sum(trade.quantity_wh for trade in (*auction.trades, *auction.day_ahead_trades))
    assert bought_wh == 20_000
    with reading(bench.engine) as db:
        assert replayed(db, auction.auction_id, where="sqlite://")["same"] is True


def test_what_was_agreed_the_day_before_uses_up_the_site(bench: Bench) -> None:
    # The seller delivers at most (1,000 + 250) kW x 1/4 h = 312.5 kWh; 310 kWh are sold the day before.
    give(bench, a_sell("s1", 100, kwh=310), a_buy("b1", 120, kwh=310))
    seal_through(bench, GATE)
    at = NOON - timedelta(hours=1)
    offer = an_order("s2", SELLER, Side.SELL, 90, at=at, writer="scheduler").model_copy(update={"delivery_start": NOON})
    give(bench, offer)
    seal_through(bench, NOON - LEAD)

    auction = {event.delivery_start: event for event in bench.published(AuctionCleared)}[NOON]
    assert [fill.reason for fill in auction.fills] == [FillReason.SITE_LIMIT]


def test_a_block_runs_whole_and_is_told_so(bench: Bench) -> None:
    # 10 kWh in two intervals at 120 on average; sellers ask 100 and 130: it pays 115 on average.
    give(bench, a_sell("s1", 100, kwh=20), a_sell("s2", 130, start=NOON + INTERVAL, kwh=20), a_block("k1", 120, 10, 10))
    seal_through(bench, GATE)

    [decided] = bench.published(BlockDecided)
    assert (decided.reason, decided.paid_krw, decided.gain_krw) == ("accepted", 2_300, 100)
    volumes = {start: event.volume_wh for start, event in by_start(bench).items() if event.volume_wh}
    assert volumes == {NOON: 10_000, NOON + INTERVAL: 10_000}
    assert by_start(bench)[NOON].method == "program"


def test_a_block_that_is_too_dear_does_not_run(bench: Bench) -> None:
    give(bench, a_sell("s1", 100, kwh=20), a_sell("s2", 130, start=NOON + INTERVAL, kwh=20), a_block("k1", 114, 10, 10))
    seal_through(bench, GATE)

    # Nobody trades, so that there is no price to gain or lose at.
    [decided] = bench.published(BlockDecided)
    assert (decided.reason, decided.paid_krw, decided.gain_krw) == ("out_of_money", 0, None)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (a_block("k", 120, 626), "quantity_too_large"),
        (a_block("k", 501, 1), "price_out_of_range"),
        (a_block("k", 120, 1, 1, start=TOMORROW[-1]), "beyond_the_day"),
        (a_block("k", 120, 1).model_copy(update={"submitted_at": GATE}), "gate_closed"),
        (a_block("k", 120, 1, start=TOMORROW[0] - INTERVAL), "gate_closed"),
    ],
)
def test_a_block_beyond_a_rule_is_rejected(bench: Bench, block: BlockSubmitted, reason: str) -> None:
    give(bench, block)

    assert [event.reason for event in bench.published(OrderRejected)] == [reason]


def test_an_order_of_a_day_that_was_auctioned_is_too_late(bench: Bench) -> None:
    seal_through(bench, GATE)
    give(bench, a_buy("b1", 120))

    assert [event.reason for event in bench.published(OrderRejected)] == ["auction_over"]


def test_without_a_day_ahead_gate_there_is_no_such_auction(tmp_path: Path) -> None:
    market = handlers.service(Complexes(COMPLEX), seal_alarm=ALARM)
    bench = Bench(market, store.METADATA, tmp_path, AT)
    give(bench, a_buy("b1", 120))
    seal_through(bench, GATE)
    seal_through(bench, GATE + timedelta(days=1))

    assert [event.reason for event in bench.published(OrderRejected)] == ["no_day_ahead_auction"]
    assert bench.published(DayAheadCleared) == []


def a_later_calendar(effective_from: datetime, gate_s: int | None) -> CalendarChangeRequested:
    asked = a_calendar(gate_s)
    changed = replace(asked.calendar, effective_from=effective_from)
    return asked.model_copy(update={"calendar": changed, "requested_at": asked.requested_at + timedelta(minutes=1)})


@pytest.mark.parametrize(("first", "then"), [(39_600, None), (None, 39_600)])
def test_a_calendar_that_changes_during_the_day_before_rules_the_next_auction_and_not_this_one(
    tmp_path: Path, first: int | None, then: int | None
) -> None:
    market = handlers.service(Complexes(COMPLEX), seal_alarm=ALARM)
    bench = Bench(market, store.METADATA, tmp_path, AT)
    # At 10:00 in Korea, when the day before has begun and its gate is an hour away.
    give(bench, a_calendar(first), a_later_calendar(GATE - timedelta(hours=1), then))

    give(bench, a_buy("b1", 120), a_sell("s1", 100))
    seal_through(bench, GATE)
    seal_through(bench, GATE + timedelta(hours=14))

    told = [event.order_id for event in bench.published(OrderAccepted)]
    refused = [event.reason for event in bench.published(OrderRejected)]
    assert (told, refused) == ((["b1", "s1"], []) if first else ([], ["no_day_ahead_auction"] * 2))
    assert len(bench.published(DayAheadCleared)) == (96 if first else 0)
    assert bench.published(OrderLapsed) == []
    bench.close()


def test_orders_whose_auction_a_later_calendar_does_away_with_can_be_taken_back_and_else_lapse(bench: Bench) -> None:
    day_after = NOON + timedelta(days=1)
    give(bench, a_buy("kept", 120, start=day_after), a_buy("back", 120, start=day_after))
    give(bench, a_block("block", 120, 5, 5, start=day_after))
    # From 18:00 in Korea on there is no day-ahead auction any more, and so none for the 22nd.
    give(bench, a_later_calendar(GATE + timedelta(hours=7), None))
    cancel = OrderCancelRequested(
        complex_id=COMPLEX_ID,
        order_id="back",
        participant_id=BUYER,
        delivery_start=day_after,
        requested_at=GATE + timedelta(hours=20),
        writer="trading_api",
        sequence=9,
    )
    give(bench, cancel)
    seal_through(bench, GATE + timedelta(days=1))
    before = bench.published(OrderLapsed)

    seal_through(bench, GATE + timedelta(days=2))

    assert [event.order_id for event in bench.published(OrderAccepted)] == ["kept", "back", "block"]
    assert [event.order_id for event in bench.published(OrderCancelled)] == ["back"]
    assert before == []
    lapsed = [(event.order_id, event.delivery_start, event.reason) for event in bench.published(OrderLapsed)]
    assert sorted(lapsed) == [(name, day_after, "no_day_ahead_auction") for name in ("block", "kept")]


def test_day_ahead_orders_are_cancelled_until_their_own_gate_and_blocks_not_amended(bench: Bench) -> None:
    def cancel(order_id: str, at: datetime) -> OrderCancelRequested:
        return OrderCancelRequested(
            complex_id=COMPLEX_ID,
            order_id=order_id,
            participant_id=BUYER,
            delivery_start=NOON,
            requested_at=at,
            writer="trading_api",
            sequence=9,
        )

    wish = OrderAmendRequested(**cancel("k1", AT).model_dump(), price_jeon_per_kwh=1, quantity_wh=1)
    give(bench, a_buy("b1", 120), a_buy("b2", 120, start=NOON + INTERVAL), a_block("k1", 120, 10), wish)
    give(bench, cancel("b1", GATE - timedelta(microseconds=1)), cancel("b2", GATE), cancel("k1", AT))

    assert [event.order_id for event in bench.published(OrderAccepted)] == ["b1", "b2", "k1"]
    assert [event.order_id for event in bench.published(OrderCancelled)] == ["b1", "k1"]
    assert [event.reason for event in bench.published(AmendmentRejected)] == ["block_not_amendable"]


def test_a_market_halted_at_the_gate_fills_nothing_for_tomorrow(bench: Bench) -> None:
    halt = MarketHaltRequested(complex_id=COMPLEX_ID, requested_at=AT + INTERVAL / 9, operator="kim", reason="drill")
    give(bench, a_sell("s1", 100), a_buy("b1", 120), a_block("k1", 120, 10), halt)
    seal_through(bench, GATE)

    noon = by_start(bench)[NOON]
    assert (noon.status, noon.volume_wh, {fill.reason for fill in noon.fills}) == ("halted", 0, {FillReason.HALTED})
    assert [event.reason for event in bench.published(BlockDecided)] == ["halted"]


@pytest.mark.parametrize(("at", "gone"), [(GATE - timedelta(seconds=1), {"b1", "block"}), (GATE, set())])
def test_a_suspension_cancels_orders_and_blocks_for_tomorrow_until_their_gate(
    bench: Bench, at: datetime, gone: set[str]
) -> None:
    facts = {"complex_id": COMPLEX_ID, "participant_id": BUYER, "operator": "kim", "reason": "no deposit"}

    give(bench, a_sell("s1", 100), a_buy("b1", 120), a_block("block", 120, 5, 5))
    give(bench, ParticipantSuspendRequested(requested_at=at, **facts))
    seal_through(bench, GATE)

    assert {(event.order_id, event.reason) for event in bench.published(OrderCancelled)} == {
        (order_id, "suspended") for order_id in gone
    }
    # 10 kWh are offered; the block's second interval has no seller, so that it can't run.
    assert by_start(bench)[NOON].volume_wh == (0 if gone else 10_000)


def test_the_state_with_a_day_ahead_auction_is_rebuilt_from_the_log(bench: Bench, tmp_path: Path) -> None:
    give(bench, a_sell("s1", 100, kwh=20), a_buy("b1", 120), a_block("k1", 120, 10))
    seal_through(bench, GATE)
    seal_through(bench, NOON - LEAD)

    (tmp_path / "second").mkdir()
    market = handlers.service(Complexes(COMPLEX), seal_alarm=ALARM)
    second = Bench(market, store.METADATA, tmp_path / "second", AT)
    for message in in_order_of_stamps(bench):
        second.bus.append(message)
        second.run()

    with reading(bench.engine) as first, reading(second.engine) as again:
        assert state_sha256(first) == state_sha256(again)
    assert second.published(DayAheadCleared) == bench.published(DayAheadCleared)
    second.close()
