"""Bidding as it was stated: on, off, paused, within budgets, from an interval on."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.events.commands import BiddingChanged
from shared.events.orders import OrderCancelRequested, OrderSubmitted
from shared.events.records import Fill, Side
from shared.intervals import INTERVAL
from tests.component.harness import Bench
from tests.component.scheduler.scheduler_facts import (
    DAESUNG,
    NOON,
    a_bench,
    a_complex,
    a_quarter_hour,
    an_auction,
    forecasts,
)

C = "changwon-demo"
# The round at noon bids for the second interval; daesung consumes 480 kW, which is 120 kWh of it.
START = NOON + 2 * INTERVAL


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    opened = a_bench(tmp_path, a_complex(C))
    yield opened
    opened.close()


def state(bench: Bench, version: int = 1, **wanted: Any) -> None:
    terms = {"mode": "automatic", "wh_per_day_max": None, "krw_per_day_max": None}
    shares = {"buy_share_permille": 800, "sell_share_permille": 200}
    times = {"paused_until": None, "effective_from": NOON, "stated_at": NOON, "stated_by": "kim"}
    facts = {"complex_id": C, "participant_id": DAESUNG, "bidding_version": version}
    bench.give(BiddingChanged.model_validate({**facts, **terms, **shares, **times, **wanted}), producer="trading_api")


def standing(bench: Bench) -> dict[datetime, int]:
    """Return the energy [Wh] that daesung's orders ask for and that was not taken back, by interval."""
    back = {event.order_id for event in bench.published(OrderCancelRequested)}
    orders = [one for one in bench.published(OrderSubmitted) if one.participant_id == DAESUNG]
    return {one.delivery_start: one.quantity_wh for one in orders if one.order_id not in back}


def a_filled_quarter_hour(bench: Bench, begin: datetime) -> None:
    """Let an interval begin; the auction that is held then fills all that daesung ordered for it."""
    auction = an_auction(C, begin + INTERVAL)
    fills = tuple(
        Fill(
            order_id=one.order_id,
            participant_id=DAESUNG,
            side=one.side,
            quantity_wh=one.quantity_wh,
            price_jeon_per_kwh=one.price_jeon_per_kwh,
            filled_wh=one.quantity_wh,
            paid_krw=1,
            received_krw=0,
        )
        for one in bench.published(OrderSubmitted)
        if (one.participant_id, one.delivery_start) == (DAESUNG, auction.delivery_start)
    )
    bench.run(until=begin)
    bench.give(*forecasts(C, begin), auction.model_copy(update={"fills": fills}))


def test_switched_off_takes_back_what_stands_and_orders_no_more(bench: Bench) -> None:
    a_quarter_hour(bench, C, NOON)
    assert standing(bench) == {START: 120_000}

    state(bench, mode="off", effective_from=START)
    a_quarter_hour(bench, C, NOON + INTERVAL)

    assert standing(bench) == {}


def test_switched_on_again_orders_for_the_gates_that_are_open(bench: Bench) -> None:
    state(bench, mode="off")
    a_quarter_hour(bench, C, NOON)
    assert standing(bench) == {}

    state(bench, version=2)

    assert standing(bench) == {START: 120_000}


def test_intervals_before_the_one_that_was_answered_stay_as_they_are(bench: Bench) -> None:
    a_quarter_hour(bench, C, NOON)

    state(bench, mode="off", effective_from=START + INTERVAL)
    a_quarter_hour(bench, C, NOON + INTERVAL)

    assert standing(bench) == {START: 120_000}


def test_an_older_word_changes_nothing(bench: Bench) -> None:
    state(bench, version=2)
    state(bench, version=1, mode="off")

    a_quarter_hour(bench, C, NOON)

    assert standing(bench) == {START: 120_000}


def test_a_pause_ends_by_itself(bench: Bench) -> None:
    state(bench, paused_until=START + INTERVAL)

    a_quarter_hour(bench, C, NOON)
    a_quarter_hour(bench, C, NOON + INTERVAL)

    assert standing(bench) == {START + INTERVAL: 120_000}


def test_a_stated_share_makes_the_price(bench: Bench) -> None:
    prices = []
    for version, share in enumerate((0, 1_000), start=1):
        state(bench, version=version, buy_share_permille=share)
        a_quarter_hour(bench, C, NOON + (version - 1) * INTERVAL)
        prices.append(bench.published(OrderSubmitted)[-1].price_jeon_per_kwh)

    assert prices[0] < prices[1]


def test_the_days_energy_is_ordered_up_to_its_budget(bench: Bench) -> None:
    state(bench, wh_per_day_max=200_000)

    for number in range(3):
        a_filled_quarter_hour(bench, NOON + number * INTERVAL)

    assert standing(bench) == {START: 120_000, START + INTERVAL: 80_000}


def test_what_was_not_filled_is_still_in_the_days_budget(bench: Bench) -> None:
    state(bench, wh_per_day_max=130_000)

    for number in range(3):
        a_quarter_hour(bench, C, NOON + number * INTERVAL)

    # While the second is ordered the first is still open; the third is ordered when the first has come to nothing.
    assert standing(bench) == {START: 120_000, START + INTERVAL: 120_000, START + 2 * INTERVAL: 120_000}


def test_the_next_korean_day_has_a_budget_of_its_own(tmp_path: Path) -> None:
    bench = a_bench(tmp_path, a_complex(C))
    # 23:15 in Korea: 23:45 is the day's last interval, 00:00 the next day's first.
    begin = NOON + timedelta(hours=11, minutes=15)
    bench.clock.instant = begin
    state(bench, wh_per_day_max=120_000)

    for number in range(2):
        a_filled_quarter_hour(bench, begin + number * INTERVAL)

    assert standing(bench) == {begin + 2 * INTERVAL: 120_000, begin + 3 * INTERVAL: 120_000}
    bench.close()


def test_the_days_money_is_ordered_up_to_its_budget_at_the_orders_limits(bench: Bench) -> None:
    state(bench, krw_per_day_max=20_000)

    for number in range(3):
        a_filled_quarter_hour(bench, NOON + number * INTERVAL)

    orders = [one for one in bench.published(OrderSubmitted) if one.participant_id == DAESUNG]
    cost_krw = [one.quantity_wh * one.price_jeon_per_kwh / 100_000 for one in orders]
    assert all(one.side is Side.BUY for one in orders)
    # The lot of 1 Wh leaves at most its price.
    assert 19_999 < sum(cost_krw) <= 20_000
    assert len(orders) == 2
