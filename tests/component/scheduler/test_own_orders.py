"""Automatic orders beside a factory's own: no kWh is ordered twice, whoever was first."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from shared.events.market import DayAheadCleared, OrderAccepted, OrderAmended, OrderCancelled, OrderRejected
from shared.events.orders import OrderCancelRequested, OrderSubmitted
from shared.events.records import Side, Trade
from shared.intervals import INTERVAL
from tests.component.harness import Bench
from tests.component.scheduler.scheduler_facts import DAESUNG, HANBIT, NOON, SECOND, a_bench, a_complex, a_quarter_hour

C = "changwon-demo"
# The round at noon bids for the second interval; daesung consumes 480 kW, which is 120 kWh of it.
START = NOON + 2 * INTERVAL


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    opened = a_bench(tmp_path, a_complex(C))
    yield opened
    opened.close()


def an_own_order(
    order_id: str, kwh: int, side: Side = Side.BUY, *, start: datetime = START, participant_id: str = DAESUNG
) -> OrderSubmitted:
    return OrderSubmitted(
        complex_id=C,
        order_id=order_id,
        client_order_id=order_id,
        participant_id=participant_id,
        delivery_start=start,
        side=side,
        price_jeon_per_kwh=12_000,
        quantity_wh=1_000 * kwh,
        submitted_at=NOON - 10 * SECOND,
        writer="trading_api",
        sequence=1,
    )


def facts_of(order: OrderSubmitted) -> dict[str, object]:
    return order.model_dump(include={"complex_id", "order_id", "participant_id", "delivery_start"})


def entered(bench: Bench, order: OrderSubmitted) -> None:
    """Let an order of people's be accepted."""
    bench.give(order, producer="trading_api")
    bench.give(OrderAccepted(**facts_of(order)), producer="market")


def standing_kwh(bench: Bench) -> dict[Side, float]:
    """Return the energy of daesung's automatic orders for the interval that were not taken back."""
    back = {event.order_id for event in bench.published(OrderCancelRequested)}
    standing: dict[Side, float] = {}
    for order in bench.published(OrderSubmitted):
        ours = (order.writer, order.participant_id, order.delivery_start) == ("scheduler", DAESUNG, START)
        if ours and order.order_id not in back:
            standing[order.side] = standing.get(order.side, 0) + order.quantity_wh / 1_000
    return standing


@pytest.mark.parametrize(("own_kwh", "left"), [(50, {Side.BUY: 70}), (120, {}), (200, {})])
@pytest.mark.parametrize("is_first", [True, False])
def test_an_own_order_leaves_the_rest_to_automatic_bidding(
    bench: Bench, own_kwh: int, left: dict[Side, float], is_first: bool
) -> None:
    own = an_own_order("own", own_kwh)
    if is_first:
        entered(bench, own)
    a_quarter_hour(bench, C, NOON)
    if not is_first:
        assert standing_kwh(bench) == {Side.BUY: 120}
        entered(bench, own)

    assert standing_kwh(bench) == left


def test_what_was_agreed_the_day_before_needs_no_order(bench: Bench) -> None:
    trade = Trade(
        trade_id="t1",
        buy_order_id="b1",
        sell_order_id="s1",
        buyer_id=DAESUNG,
        seller_id=HANBIT,
        quantity_wh=80_000,
        paid_krw=9_600,
        received_krw=9_600,
    )
    bench.give(a_day_ahead_interval(trade))
    a_quarter_hour(bench, C, NOON)

    assert standing_kwh(bench) == {Side.BUY: 40}


def test_more_than_is_needed_from_the_day_before_is_sold(bench: Bench) -> None:
    trade = Trade(
        trade_id="t1",
        buy_order_id="b1",
        sell_order_id="s1",
        buyer_id=DAESUNG,
        seller_id=HANBIT,
        quantity_wh=150_000,
        paid_krw=9_600,
        received_krw=9_600,
    )
    bench.give(a_day_ahead_interval(trade))
    a_quarter_hour(bench, C, NOON)

    assert standing_kwh(bench) == {Side.SELL: 30}


def a_day_ahead_interval(*trades: Trade) -> DayAheadCleared:
    return DayAheadCleared(
        complex_id=C,
        auction_id="da",
        delivery_start=START,
        cleared_at=NOON - timedelta(hours=12),
        status="cleared",
        price_jeon_per_kwh=12_000,
        volume_wh=sum(trade.quantity_wh for trade in trades),
        fees_krw=0,
        feeder_price_jeon_per_kwh={},
        binding_limits={},
        book_hash="0" * 64,
        fills=(),
        trades=trades,
        method="none",
    )


def test_an_own_order_that_was_changed_counts_as_it_is_now(bench: Bench) -> None:
    own = an_own_order("own", 50)
    entered(bench, own)
    changed = OrderAmended(**facts_of(own), price_jeon_per_kwh=12_000, quantity_wh=90_000, keeps_priority=False)
    bench.give(changed, producer="market")
    a_quarter_hour(bench, C, NOON)

    assert standing_kwh(bench) == {Side.BUY: 30}


@pytest.mark.parametrize("end", ["refused", "taken back", "taken back before it came"])
def test_an_own_order_that_is_no_more_leaves_all_to_automatic_bidding(bench: Bench, end: str) -> None:
    own = an_own_order("own", 50)
    if end == "taken back before it came":
        bench.give(OrderCancelled(**facts_of(own)), producer="market")
        bench.give(own, producer="trading_api")
    else:
        entered(bench, own)
        gone = (
            OrderRejected(**facts_of(own), reason="x", detail="x")
            if end == "refused"
            else OrderCancelled(**facts_of(own))
        )
        bench.give(gone, producer="market")
    a_quarter_hour(bench, C, NOON)

    assert standing_kwh(bench) == {Side.BUY: 120}


def test_own_orders_of_others_of_other_intervals_and_of_the_other_side_change_nothing(bench: Bench) -> None:
    entered(bench, an_own_order("a", 50, participant_id=HANBIT))
    entered(bench, an_own_order("b", 50, start=START + INTERVAL))
    entered(bench, an_own_order("c", 50, Side.SELL))
    a_quarter_hour(bench, C, NOON)

    assert standing_kwh(bench) == {Side.BUY: 120}
