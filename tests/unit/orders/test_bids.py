"""Automatic orders, worked by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.orders.bids import ORDER_WH_MIN, SiteQuote, automatic_bid, intervals_to_bid_for
from optimizers.orders.rules import BEGINNING, OrderRules
from shared.complex.model import Bidding
from shared.events.records import CALENDAR_JSON, OrderTerms, Side

START = datetime(2026, 5, 20, 3, tzinfo=UTC)
BIDDING = Bidding(mode="automatic", buy_share=0.85, sell_share=0.15)


def rules(**changed: int) -> OrderRules:
    facts: dict[str, object] = {
        "effective_from": BEGINNING,
        "gate_closure_lead_s": 1_800,
        "price_jeon_per_kwh_min": -100_000,
        "price_jeon_per_kwh_max": 100_000,
        "order_quantity_wh_max": 30_000,
    }
    return OrderRules(version=1, calendar=CALENDAR_JSON.validate_python({**facts, **changed}))


def a_bid(net_kw: float, import_jeon: int = 13_340, export_jeon: int = 10_000, **changed: int) -> OrderTerms | None:
    quote = SiteQuote(import_jeon=import_jeon, export_jeon=export_jeon)
    return automatic_bid(BIDDING, START, net_kw, quote, rules(**changed))


def terms(side: Side, price_jeon_per_kwh: int, quantity_wh: int) -> OrderTerms:
    return OrderTerms(delivery_start=START, side=side, price_jeon_per_kwh=price_jeon_per_kwh, quantity_wh=quantity_wh)


@pytest.mark.parametrize(
    ("load_kw", "pv_kw", "bid"),
    [
        (140.0, 40.0, terms(Side.BUY, 12_839, 25_000)),  # 100 kW short: 25 kWh; 100 + 0.85 x 33.40 = 128.39 KRW
        (40.0, 140.0, terms(Side.SELL, 10_501, 25_000)),  # 100 + 0.15 x 33.40 = 105.01 KRW
        (500.0, 0.0, terms(Side.BUY, 12_839, 30_000)),  # 125 kWh, but an order holds 30
        (100.0, 100.0, None),
        (0.396, 0.0, None),  # 99 Wh
        (0.4, 0.0, terms(Side.BUY, 12_839, 100)),
    ],
)
def test_a_bid_covers_the_shortage_or_places_the_surplus(load_kw: float, pv_kw: float, bid: OrderTerms | None) -> None:
    assert a_bid(load_kw - pv_kw) == bid


def test_no_bid_where_the_grid_pays_as_much_as_it_charges() -> None:
    assert a_bid(100.0, import_jeon=10_000) is None
    assert a_bid(100.0, import_jeon=9_000) is None


@given(
    load_kw=st.floats(0, 1e5),
    pv_kw=st.floats(0, 1e5),
    export_jeon=st.integers(-50_000, 50_000),
    spread_jeon=st.integers(1, 50_000),
)
def test_a_bid_s_price_lies_between_the_grid_s_two_prices(
    load_kw: float, pv_kw: float, export_jeon: int, spread_jeon: int
) -> None:
    bid = a_bid(load_kw - pv_kw, import_jeon=export_jeon + spread_jeon, export_jeon=export_jeon)

    if bid is not None:
        assert export_jeon <= bid.price_jeon_per_kwh <= export_jeon + spread_jeon
        assert ORDER_WH_MIN <= bid.quantity_wh <= 30_000
        assert bid.side == ("buy" if load_kw > pv_kw else "sell")


def test_bid_at_value_asks_what_the_plan_says_within_what_the_grid_offers() -> None:
    bidding = Bidding(mode="automatic", buy_share=0.75, sell_share=0.25, pricing="value")

    def price(value_jeon: int | None, net_kw: float = -10.0) -> int:
        quote = SiteQuote(import_jeon=15_000, export_jeon=9_000, value_jeon=value_jeon)
        bid = automatic_bid(bidding, START, net_kw, quote, rules())
        assert bid is not None
        return bid.price_jeon_per_kwh

    assert price(12_345) == 12_345
    assert price(99_999) == 15_000
    assert price(-1) == 9_000
    # Without a battery there is no plan: 90 + 0.25 * 60 = 105.
    assert price(None) == 10_500


@pytest.mark.parametrize(
    ("net_kw", "changed", "bid"),
    [
        # 128.39 KRW: a buyer pays no more than it meant, so 125; 105.01 KRW: a seller gets no less, so 110.
        (100.0, {"tick_jeon": 500}, (12_500, 25_000)),
        (-100.0, {"tick_jeon": 500}, (11_000, 25_000)),
        # A cap below what a buyer would pay is what it pays; a seller that wants more than the cap has no order.
        (100.0, {"price_jeon_per_kwh_max": 12_000}, (12_000, 25_000)),
        (-100.0, {"price_jeon_per_kwh_max": 10_500}, None),
        (-100.0, {"price_jeon_per_kwh_min": 10_700}, (10_700, 25_000)),
        (100.0, {"price_jeon_per_kwh_min": 12_840}, None),
        # The cap lies between two ticks: the lower one is allowed.
        (100.0, {"price_jeon_per_kwh_max": 12_300, "tick_jeon": 500}, (12_000, 25_000)),
        # 25.1 kWh in lots of 2 kWh are 12 of them; 1.9 kWh are none.
        (100.4, {"lot_wh": 2_000}, (12_839, 24_000)),
        (7.6, {"lot_wh": 2_000}, None),
        (500.0, {"lot_wh": 4_000}, (12_839, 28_000)),
    ],
)
def test_a_bid_fits_the_calendar_in_force_on_its_own_side(
    net_kw: float, changed: dict[str, int], bid: tuple[int, int] | None
) -> None:
    found = a_bid(net_kw, **changed)

    assert (None if found is None else (found.price_jeon_per_kwh, found.quantity_wh)) == bid


NOON = START
LATEST = NOON + timedelta(minutes=22.5)


def test_in_a_calendar_that_stays_one_interval_a_round_is_bid_for() -> None:
    half = rules()

    assert intervals_to_bid_for(half, half, now=NOON, next_round=LATEST, bid_through=None) == [
        NOON + timedelta(minutes=45)
    ]
    late = NOON + timedelta(minutes=7)
    assert intervals_to_bid_for(half, half, now=late, next_round=LATEST, bid_through=NOON + timedelta(minutes=30)) == [
        NOON + timedelta(minutes=45)
    ]
    assert intervals_to_bid_for(half, half, now=late, next_round=LATEST, bid_through=NOON + timedelta(minutes=45)) == []


def test_before_a_longer_gate_the_intervals_that_it_closes_are_bid_for_and_after_it_none_is_skipped() -> None:
    half, hour = rules(), rules(gate_closure_lead_s=3_600)
    bid_for: list[datetime] = []
    for number in range(6):
        now = NOON + number * timedelta(minutes=15)
        in_force, following = (half if number < 2 else hour), (half if number < 1 else hour)
        latest = LATEST + number * timedelta(minutes=15)
        through = bid_for[-1] if bid_for else None
        bid_for += intervals_to_bid_for(in_force, following, now=now, next_round=latest, bid_through=through)

    # At 03:15 the orders for 04:00 and 04:15 are made, whose gates are closed from 03:30 on.
    assert bid_for == [NOON + timedelta(minutes=minutes) for minutes in range(45, 151, 15)]


def test_an_interval_whose_book_is_not_open_yet_is_not_bid_for() -> None:
    short = rules(opening_lead_s=2_400)

    assert intervals_to_bid_for(short, short, now=NOON, next_round=LATEST, bid_through=None) == []
