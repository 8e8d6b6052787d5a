"""A participant that is suspended: what becomes of its orders, whatever the order in which topics are read."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cli.replay import replayed
from shared.db.engine import reading
from shared.events.base import Event
from shared.events.commands import (
    LimitsChangeRequested,
    ParticipantResumeRequested,
    ParticipantSuspendRequested,
)
from shared.events.market import (
    AuctionCleared,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    ParticipantResumed,
    ParticipantSuspended,
)
from shared.events.orders import OrderAmendRequested, OrderSubmitted
from shared.events.records import FillReason, Side
from shared.events.topics import topics_read_by
from shared.intervals import INTERVAL
from tests.component.harness import Bench
from tests.component.market.market_facts import (
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
from tests.market_state import state_sha256

HANBIT, DAESUNG = "hanbit-machining", "daesung-casting"
SECOND = timedelta(seconds=1)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return a_bench(tmp_path)


def a_suspension(participant_id: str, at: datetime) -> ParticipantSuspendRequested:
    return ParticipantSuspendRequested(
        complex_id=COMPLEX_ID, participant_id=participant_id, requested_at=at, operator="kim", reason="no deposit"
    )


def a_return(participant_id: str, at: datetime) -> ParticipantResumeRequested:
    return ParticipantResumeRequested(
        complex_id=COMPLEX_ID, participant_id=participant_id, requested_at=at, operator="kim"
    )


def both_seals() -> tuple[Event, ...]:
    return a_seal("scheduler"), a_seal("trading_api")


def rejections(bench: Bench) -> list[tuple[str, str]]:
    return [(event.order_id, event.reason) for event in bench.published(OrderRejected)]


def cancellations(bench: Bench) -> list[tuple[str, str | None]]:
    return [(event.order_id, event.reason) for event in bench.published(OrderCancelled)]


def test_a_suspension_cancels_open_orders_of_either_writer_and_of_nobody_else(bench: Bench) -> None:
    later = an_order("b2", DAESUNG, Side.BUY, 120).model_copy(update={"delivery_start": DELIVERY + INTERVAL})
    give(bench, a_sell(), a_buy(), a_buy("auto", writer="scheduler"), later)

    give(bench, a_suspension(DAESUNG, EARLY + SECOND), *both_seals())

    [suspended] = bench.published(ParticipantSuspended)
    assert (suspended.participant_id, suspended.suspended_at) == (DAESUNG, EARLY + SECOND)
    assert (suspended.reason, suspended.operator) == ("no deposit", "kim")
    assert cancellations(bench) == [("auto", "suspended"), ("b1", "suspended"), ("b2", "suspended")]
    [auction] = bench.published(AuctionCleared)
    assert [fill.order_id for fill in auction.fills] == ["s1"]


def test_what_is_stamped_in_a_suspension_is_rejected_and_what_comes_after_it_trades(bench: Bench) -> None:
    give(bench, a_suspension(DAESUNG, EARLY), a_buy("in", at=EARLY + SECOND))
    give(bench, a_return(DAESUNG, EARLY + 2 * SECOND), a_buy("after", at=EARLY + 2 * SECOND), a_sell(), *both_seals())

    assert rejections(bench) == [("in", "suspended")]
    assert "daesung-casting is suspended since 2026-05-20T00:20:00Z" in bench.published(OrderRejected)[0].detail
    [resumed] = bench.published(ParticipantResumed)
    assert (resumed.participant_id, resumed.resumed_at) == (DAESUNG, EARLY + 2 * SECOND)
    [auction] = bench.published(AuctionCleared)
    assert {fill.order_id: fill.filled_wh for fill in auction.fills} == {"s1": 10_000, "after": 10_000}


def test_orders_that_a_suspension_cancelled_hold_no_room_and_no_credit_after_it(bench: Bench) -> None:
    # A buy of 10 kWh at 120 KRW/kWh costs 1,200 KRW, and only one order may be open.
    limits = LimitsChangeRequested(
        complex_id=COMPLEX_ID,
        participant_id=DAESUNG,
        open_orders_max=1,
        credit_krw_max=1_200,
        requested_at=EARLY,
        operator="kim",
    )
    give(bench, limits, a_buy("before"), a_suspension(DAESUNG, EARLY + SECOND))
    give(bench, a_return(DAESUNG, EARLY + 2 * SECOND), a_buy("after", at=EARLY + 3 * SECOND))

    assert rejections(bench) == []
    assert [event.order_id for event in bench.published(OrderAccepted)] == ["before", "after"]


def test_after_gate_closure_the_order_stands_and_what_it_traded_too(bench: Bench) -> None:
    give(bench, a_sell(), a_buy(), a_suspension(DAESUNG, GATE), *both_seals())

    assert cancellations(bench) == []
    [auction] = bench.published(AuctionCleared)
    assert {fill.order_id: fill.filled_wh for fill in auction.fills} == {"s1": 10_000, "b1": 10_000}


def test_an_automatic_order_stamped_in_a_suspension_is_left_out_of_its_auction(bench: Bench) -> None:
    give(bench, a_sell("in", at=EARLY + SECOND), a_suspension(HANBIT, EARLY), a_return(HANBIT, EARLY + 2 * SECOND))
    give(bench, a_sell("after", at=EARLY + 2 * SECOND), a_buy(), *both_seals())

    [auction] = bench.published(AuctionCleared)
    assert {fill.order_id: fill.filled_wh for fill in auction.fills} == {"b1": 10_000, "in": 0, "after": 10_000}
    assert next(fill.reason for fill in auction.fills if fill.order_id == "in") is FillReason.SUSPENDED


@pytest.mark.parametrize("wish", ["suspend", "resume"])
def test_a_wish_that_changes_nothing_is_not_answered(bench: Bench, wish: str) -> None:
    if wish == "suspend":
        give(bench, a_suspension(DAESUNG, EARLY), a_suspension(DAESUNG, EARLY + SECOND))
    else:
        give(bench, a_return(DAESUNG, EARLY))

    assert len(bench.published(ParticipantSuspended)) == (wish == "suspend")
    assert bench.published(ParticipantResumed) == []


@pytest.mark.parametrize("wish", [a_suspension, a_return])
def test_a_stranger_is_set_aside(bench: Bench, wish: object) -> None:
    assert callable(wish)
    give(bench, wish("stranger", EARLY))

    assert bench.published(ParticipantSuspended) + bench.published(ParticipantResumed) == []
    [letter] = bench.bus.messages("market.dead_letters.v1")
    assert b"participant_id must be one of" in letter.body


def test_a_suspended_participants_order_can_not_be_amended(bench: Bench) -> None:
    amendment = OrderAmendRequested(
        complex_id=COMPLEX_ID,
        order_id="b1",
        participant_id=DAESUNG,
        delivery_start=DELIVERY,
        price_jeon_per_kwh=13_000,
        quantity_wh=5_000,
        requested_at=EARLY + 2 * SECOND,
        writer="trading_api",
        sequence=2,
    )

    give(bench, a_buy(), a_suspension(DAESUNG, EARLY + SECOND), amendment, a_sell(), *both_seals())

    [auction] = bench.published(AuctionCleared)
    assert [fill.order_id for fill in auction.fills] == ["s1"]


def a_day_with_suspensions() -> list[Event]:
    """Return orders of both writers, stamped before, in and after two suspensions, a cancel and a stranger's."""
    auto = {"writer": "scheduler"}
    orders: list[OrderSubmitted] = [
        a_sell("s0", at=EARLY),
        a_sell("s1", at=EARLY + 2 * SECOND),
        a_sell("s2", at=EARLY + 3 * SECOND),
        a_sell("s3", at=EARLY + 5 * SECOND),
        a_buy("p0", at=EARLY),
        a_buy("p1", at=EARLY + SECOND),
        a_buy("a0", at=EARLY, **auto),
    ]
    return [
        *orders,
        a_cancel("s0", HANBIT, at=EARLY + SECOND),
        a_cancel("s3", DAESUNG, at=EARLY + SECOND),
        a_suspension(HANBIT, EARLY + 2 * SECOND),
        a_sell("by-hand", at=EARLY + 3 * SECOND, writer="trading_api"),
        a_return(HANBIT, EARLY + 4 * SECOND),
        a_suspension(DAESUNG, LAST_MOMENT),
        a_return(DAESUNG, GATE),
        *both_seals(),
    ]


def test_whatever_order_the_topics_are_read_in_the_state_is_the_same(tmp_path: Path) -> None:
    first = a_bench(tmp_path / "first")
    stamped = sorted(a_day_with_suspensions()[:-2], key=_stamp)
    give(first, *stamped, *both_seals())
    hashes = []
    for number, topics in enumerate((topics_read_by("market"), topics_read_by("market")[::-1])):
        other = a_bench(tmp_path / f"other-{number}")
        for topic in topics:
            for message in first.bus.messages(topic.name):
                other.bus.append(message)
            other.run()
        with reading(other.engine) as db:
            hashes.append(state_sha256(db))
        assert other.published(AuctionCleared) == first.published(AuctionCleared)

    with reading(first.engine) as db:
        assert hashes == [state_sha256(db)] * 2
        again = replayed(db, f"{COMPLEX_ID}:20260520T0100Z", where="sqlite://")
        assert (again["same"], again["orders"]) == (True, 2)
    [auction] = first.published(AuctionCleared)
    # s0 was taken back and s1 cancelled, s2 is left out; of the buys nothing is left.
    reasons = {fill.order_id: fill.reason for fill in auction.fills}
    assert reasons == {"s2": FillReason.SUSPENDED, "s3": FillReason.NO_TRADE}


@pytest.mark.parametrize("is_late", [False, True])
def test_of_a_cancel_and_a_suspension_the_earlier_takes_the_order_out(bench: Bench, *, is_late: bool) -> None:
    words: list[Event] = [a_cancel("s1", HANBIT, at=EARLY + SECOND), a_suspension(HANBIT, EARLY + 2 * SECOND)]

    give(bench, *([*words, a_sell()] if is_late else [a_sell(), *words]))

    assert cancellations(bench) == [("s1", None)]


def _stamp(event: Event) -> tuple[datetime, str]:
    at = getattr(event, "submitted_at", None) or getattr(event, "requested_at", None)
    assert isinstance(at, datetime)
    return at, type(event).__name__
