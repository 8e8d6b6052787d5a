"""Amendments, limits, a participant's own orders, and the calendar as data."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from services.market import handlers, store
from shared.complex.complexes import Complexes
from shared.events.commands import CalendarChangeRequested, LimitsChangeRequested, MarketHaltRequested
from shared.events.market import (
    AmendmentRejected,
    AuctionCleared,
    CalendarChanged,
    CalendarChangeRefused,
    LimitsChanged,
    OrderAccepted,
    OrderAmended,
    OrderRejected,
)
from shared.events.orders import OrderAmendRequested, OrderSubmitted
from shared.events.records import CALENDAR_JSON, FillReason, Side
from shared.intervals import INTERVAL
from tests.component.harness import Bench
from tests.component.market.market_facts import (
    ALARM,
    COMPLEX,
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

BUYER = "daesung-casting"  # may take 2,500 kW: 625 kWh in 15 minutes
SECOND = timedelta(seconds=1)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = a_bench(tmp_path)
    yield bench
    bench.close()


def an_amendment(
    order_id: str, price_krw: int, quantity_kwh: int, *, at: datetime = LAST_MOMENT, sequence: int = 7, by: str = BUYER
) -> OrderAmendRequested:
    return OrderAmendRequested(
        complex_id=COMPLEX_ID,
        order_id=order_id,
        participant_id=by,
        delivery_start=DELIVERY,
        price_jeon_per_kwh=100 * price_krw,
        quantity_wh=1_000 * quantity_kwh,
        requested_at=at,
        writer="trading_api",
        sequence=sequence,
    )


def a_calendar(**changed: object) -> CalendarChangeRequested:
    facts: dict[str, object] = {
        "effective_from": EARLY,
        "gate_closure_lead_s": 1_800,
        "price_jeon_per_kwh_min": 0,
        "price_jeon_per_kwh_max": 50_000,
        "order_quantity_wh_max": 2_000_000,
    }
    return CalendarChangeRequested(
        complex_id=COMPLEX_ID,
        requested_at=EARLY - INTERVAL,
        operator="kim",
        calendar=CALENDAR_JSON.validate_python({**facts, **changed}),
    )


def limits(open_orders_max: int | None = None, credit_krw_max: int | None = None) -> LimitsChangeRequested:
    return LimitsChangeRequested(
        complex_id=COMPLEX_ID,
        participant_id=BUYER,
        open_orders_max=open_orders_max,
        credit_krw_max=credit_krw_max,
        requested_at=EARLY - SECOND,
        operator="kim",
    )


def answers(bench: Bench) -> list[tuple[str, str]]:
    return [(event.order_id, event.reason) for event in bench.published(OrderRejected)]


def seal_all(bench: Bench) -> AuctionCleared:
    give(bench, a_seal("scheduler"), a_seal("trading_api"))
    [auction] = bench.published(AuctionCleared)
    return auction


def test_an_amended_order_is_cleared_as_it_was_amended(bench: Bench) -> None:
    give(bench, a_sell(), a_buy(), an_amendment("b1", 110, 4))

    # The sell of 10 kWh at 100 is filled in part, so its limit is the price of the 4 kWh.
    assert [event.keeps_priority for event in bench.published(OrderAmended)] == [False]
    auction = seal_all(bench)
    assert (auction.price_jeon_per_kwh, auction.volume_wh) == (10_000, 4_000)


@pytest.mark.parametrize(("quantity_kwh", "first"), [(10, "b1"), (5, "b1"), (11, "b2")])
def test_only_less_at_the_same_price_keeps_its_place_in_time(bench: Bench, quantity_kwh: int, first: str) -> None:
    later = a_buy("b2", at=EARLY + SECOND)
    give(bench, a_sell(), a_buy(), later, an_amendment("b1", 120, quantity_kwh))

    # 10 kWh for two buyers at 120: the earlier one is served first.
    auction = seal_all(bench)
    assert {fill.order_id: fill.filled_wh > 0 for fill in auction.fills}[first]
    assert auction.trades[0].buy_order_id == first


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (an_amendment("b1", 120, 10, at=GATE), "gate_closed"),
        (an_amendment("b1", 501, 10), "price_out_of_range"),
        (an_amendment("b1", 120, 626), "quantity_too_large"),
        (an_amendment("nobodys", 120, 10), "unknown_order"),
        (an_amendment("b1", 120, 10, by="hanbit-machining"), "unknown_order"),
    ],
)
def test_an_amendment_beyond_a_rule_leaves_the_order_as_it_was(
    bench: Bench, wish: OrderAmendRequested, reason: str
) -> None:
    give(bench, a_sell(), a_buy(), wish)

    assert [event.reason for event in bench.published(AmendmentRejected)] == [reason]
    assert seal_all(bench).volume_wh == 10_000


def test_a_cancelled_or_auctioned_order_can_not_be_amended(bench: Bench) -> None:
    give(bench, a_sell(), a_buy(), a_buy("b2"), a_cancel("b2", BUYER, at=EARLY), an_amendment("b2", 120, 5))
    seal_all(bench)
    give(bench, an_amendment("b1", 130, 5))

    assert [event.reason for event in bench.published(AmendmentRejected)] == ["unknown_order", "auction_over"]


def test_a_halted_market_takes_no_amendments(bench: Bench) -> None:
    halt = MarketHaltRequested(complex_id=COMPLEX_ID, requested_at=EARLY + SECOND, operator="kim", reason="drill")

    give(bench, a_buy(), halt, an_amendment("b1", 130, 10))

    assert [event.reason for event in bench.published(AmendmentRejected)] == ["market_halted"]


def test_an_older_amendment_that_comes_again_changes_nothing(bench: Bench) -> None:
    newest = an_amendment("b1", 130, 3, sequence=9)

    give(bench, a_buy(), an_amendment("b1", 125, 5, sequence=8), newest, an_amendment("b1", 125, 5, sequence=8))

    assert [event.price_jeon_per_kwh for event in bench.published(OrderAmended)] == [12_500, 13_000]
    assert [fill.quantity_wh for fill in seal_all(bench).fills] == [3_000]


def test_open_orders_together_keep_what_the_site_can_take(bench: Bench) -> None:
    large = [a_buy(f"b{n}").model_copy(update={"quantity_wh": 300_000, "sequence": n}) for n in (1, 2, 3)]

    give(bench, *large)

    # 2,500 kW are 625 kWh in 15 minutes: two orders of 300 kWh fit, a third does not.
    assert [event.order_id for event in bench.published(OrderAccepted)] == ["b1", "b2"]
    assert answers(bench) == [("b3", "site_limit_exceeded")]
    assert "at most 625.000 kWh" in bench.published(OrderRejected)[0].detail


def test_orders_of_two_writers_that_are_more_than_the_site_are_cut_at_the_auction(bench: Bench) -> None:
    by_people = a_buy("b1").model_copy(update={"quantity_wh": 400_000})
    automatic = a_buy("b2", at=EARLY + SECOND, writer="scheduler").model_copy(update={"quantity_wh": 400_000})

    give(bench, automatic, by_people)

    reasons = {fill.order_id: fill.reason for fill in seal_all(bench).fills}
    assert reasons == {"b1": FillReason.NO_TRADE, "b2": FillReason.SITE_LIMIT}


def test_an_order_that_would_meet_an_earlier_one_of_its_participant_is_left_out(bench: Bench) -> None:
    own_sell = an_order("s0", "hanbit-machining", Side.SELL, 100)
    own_buy = an_order("b0", "hanbit-machining", Side.BUY, 150, at=EARLY + SECOND)
    below = an_order("b9", "hanbit-machining", Side.BUY, 99, at=EARLY + SECOND).model_copy(update={"sequence": 9})

    give(bench, own_sell, own_buy, below, a_buy())

    # Without b0 the sell at 100 meets b1 at 120: 110. b9 at 99 would not meet it, and stays in.
    auction = seal_all(bench)
    reasons = {fill.order_id: fill.reason for fill in auction.fills}
    assert (auction.price_jeon_per_kwh, auction.volume_wh) == (11_000, 10_000)
    assert reasons["b0"] is FillReason.OWN_ORDER
    assert reasons["b9"] is FillReason.OUTBID


def test_a_participants_own_limit_of_open_orders_is_kept(bench: Bench) -> None:
    give(bench, limits(open_orders_max=1), a_buy(), a_buy("b2"), a_cancel("b1", BUYER, at=EARLY), a_buy("b3"))

    assert [event.open_orders_max for event in bench.published(LimitsChanged)] == [1]
    assert answers(bench) == [("b2", "too_many_orders")]


def test_a_book_takes_no_more_orders_than_its_auction_may_have_however_many_take_part(tmp_path: Path) -> None:
    [factory] = [one for one in COMPLEX.participants if one.participant_id == BUYER]
    crowd = tuple(factory.model_copy(update={"participant_id": f"p{n}"}) for n in range(400))
    complexes = Complexes(COMPLEX.model_copy(update={"participants": crowd}))
    bench = Bench(handlers.service(complexes, seal_alarm=ALARM), store.METADATA, tmp_path, EARLY)

    bench.give(*(an_order(f"b{n}", f"p{n}", Side.BUY, 120) for n in range(362)), producer="trading_api")
    give(bench, an_order("a399", "p399", Side.BUY, 120, writer="scheduler"))

    # An auction may have 720 orders: 360 from each of the two writers.
    assert answers(bench) == [("b360", "too_many_orders"), ("b361", "too_many_orders")]
    assert len(bench.published(OrderAccepted)) == 361
    bench.close()


def test_open_orders_cost_no_more_than_the_credit_limit_over_all_books(bench: Bench) -> None:
    # 10 kWh at 120 cost 1,200 KRW. Two fit into 2,500 (2,402 with a won for rounding each), a third does not.
    later = a_buy("b2").model_copy(update={"delivery_start": DELIVERY + INTERVAL})
    third = a_buy("b3").model_copy(update={"delivery_start": DELIVERY + 2 * INTERVAL})
    sell = an_order("s9", BUYER, Side.SELL, 100)

    give(bench, limits(credit_krw_max=2_500), a_buy(), later, third)

    assert answers(bench) == [("b3", "credit_limit_exceeded")]
    assert "at most 2500 KRW" in bench.published(OrderRejected)[0].detail
    give(bench, sell)
    assert answers(bench)[1:] == [("s9", "quantity_too_large")]  # it has no generator; money is not what stops it


def test_an_order_whose_book_has_closed_no_longer_uses_credit(bench: Bench) -> None:
    later = a_buy("b2", at=GATE).model_copy(update={"delivery_start": DELIVERY + INTERVAL})

    give(bench, limits(credit_krw_max=1_300), a_buy(), later)

    assert [event.order_id for event in bench.published(OrderAccepted)] == ["b1", "b2"]


@pytest.mark.parametrize(
    ("changed", "order", "reason"),
    [
        ({"tick_jeon": 1_000}, a_buy(), None),
        ({"tick_jeon": 700}, a_buy(), "price_off_tick"),
        ({"lot_wh": 3_000}, a_buy(), "quantity_off_lot"),
        ({"price_jeon_per_kwh_max": 11_999}, a_buy(), "price_out_of_range"),
        ({"order_quantity_wh_max": 9_999}, a_buy(), "quantity_too_large"),
        ({"traders": ("hanbit-machining",)}, a_buy(), "may_not_trade"),
        ({"traders": ("hanbit-machining", BUYER)}, a_buy(), None),
        ({"gate_closure_lead_s": 2_400}, a_buy(at=EARLY), "gate_closed"),
        ({"opening_lead_s": 2_399}, a_buy(at=EARLY), "not_open_yet"),
        ({"opening_lead_s": 2_400}, a_buy(at=EARLY), None),
    ],
)
def test_a_version_of_the_calendar_rules_what_is_stamped_from_its_beginning(
    bench: Bench, changed: dict[str, object], order: OrderSubmitted, reason: str | None
) -> None:
    before = order.model_copy(update={"order_id": "before", "submitted_at": EARLY - SECOND})

    give(bench, a_calendar(**changed), order, before)

    # EARLY is 40 minutes, 2,400 s, before delivery; an order stamped a second earlier is under the file's rules.
    assert answers(bench) == ([] if reason is None else [("b1", reason)])
    assert "before" in {event.order_id for event in bench.published(OrderAccepted)}
    assert [event.calendar_version for event in bench.published(CalendarChanged)] == [1]


def test_the_price_is_rounded_to_the_calendars_tick(bench: Bench) -> None:
    sell, buy = an_order("s1", "hanbit-machining", Side.SELL, 100), an_order("b1", BUYER, Side.BUY, 130)

    give(bench, a_calendar(tick_jeon=1_000), sell, buy)

    # The midpoint of 100 and 130 is 115, half way between ticks of 10 KRW: up to 120.
    assert seal_all(bench).price_jeon_per_kwh == 12_000


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"effective_from": EARLY - SECOND}, "15 minutes after the request"),
        ({"gate_closure_lead_s": 1_799}, "at least 30 minutes before delivery"),
        ({"opening_lead_s": 1_800}, "opening must come before gate closure"),
        ({"price_jeon_per_kwh_min": 2, "price_jeon_per_kwh_max": 1}, "in order"),
        ({"traders": ("stranger",)}, "stranger"),
        ({"price_jeon_per_kwh_max": 10**7 + 1}, "within ±100000.00 KRW/kWh"),
        ({"price_jeon_per_kwh_min": -(10**7) - 1}, "within ±100000.00 KRW/kWh"),
        ({"day_ahead_gate_s": 86_400 - 1_800 + 1}, "day-ahead gate"),
    ],
)
def test_a_calendar_that_breaks_a_rule_changes_nothing(bench: Bench, changed: dict[str, object], rule: str) -> None:
    give(bench, a_calendar(**changed))

    [refused] = bench.published(CalendarChangeRefused)
    assert rule in refused.detail
    assert bench.published(CalendarChanged) == []


def test_versions_follow_one_another(bench: Bench) -> None:
    give(bench, a_calendar(), a_calendar(), a_calendar(effective_from=EARLY + INTERVAL))

    assert [event.calendar_version for event in bench.published(CalendarChanged)] == [1, 2]
    assert len(bench.published(CalendarChangeRefused)) == 1


def test_limits_of_a_stranger_are_set_aside(bench: Bench) -> None:
    give(bench, limits(1).model_copy(update={"participant_id": "stranger"}))

    assert bench.published(LimitsChanged) == []
    assert len(bench.bus.messages("market.dead_letters.v1")) == 1
