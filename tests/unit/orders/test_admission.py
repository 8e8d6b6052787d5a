"""Who may be in a book."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from optimizers.clearing.book import Feeder
from optimizers.legal.checks import Law, Trader
from optimizers.orders.admission import OrderStanding, Rejection, admit
from optimizers.orders.book_order import BookOrder, Capacity, MarketSite, Venue
from optimizers.orders.rules import BEGINNING, OrderRules
from shared.events.records import Calendar, Side
from shared.reference.load import legal_modes

DELIVERY = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
LEAD = timedelta(minutes=15)
OPEN = OrderStanding(sealed_through=None, halted_at=None, open_orders=0)
TRADER = Trader(feeder_id="F", contract_kw=1_000, roof_kw=0, has_storage=False)
VENUE = Venue(
    complex_id="c",
    rules=OrderRules(
        version=0,
        calendar=Calendar(
            effective_from=BEGINNING,
            gate_closure_lead_s=900,
            price_jeon_per_kwh_min=-1_000,
            price_jeon_per_kwh_max=50_000,
            order_quantity_wh_max=200_000,
        ),
    ),
    capacity=Capacity(open_orders_max=2),
    sites={"p": MarketSite(feeder_id="F", take_wh_max=250_000, deliver_wh_max=100_000)},
    feeders=(Feeder(feeder_id="F", import_limit_wh=None, export_limit_wh=None, wheeling_fee_jeon_per_kwh=0),),
    law=Law(legal_modes().modes["demonstration"], {"p": TRADER}),
)
ORDER = BookOrder(
    order_id="o",
    participant_id="p",
    delivery_start=DELIVERY,
    side=Side.BUY,
    price_jeon_per_kwh=13_000,
    quantity_wh=10_000,
    submitted_at=DELIVERY - timedelta(hours=1),
    writer="trading_api",
    sequence=1,
)


def test_an_order_within_the_rules_is_admitted() -> None:
    assert admit(VENUE, ORDER, OPEN) is None


def test_an_order_that_the_legal_mode_forbids_is_rejected_with_the_rule_that_spoke() -> None:
    venue = replace(VENUE, law=Law(legal_modes().modes["on_site"], {"p": TRADER}))
    selling = replace(ORDER, side=Side.SELL)

    assert admit(venue, ORDER, OPEN) is None
    assert admit(venue, selling, OPEN) == Rejection(
        "legal_mode",
        "seller_has_roof_or_storage: p: only who makes or stores renewable power may sell it / "
        "p: 재생에너지 발전설비나 저장설비를 가진 참여자만 판매할 수 있음",
    )


@pytest.mark.parametrize(
    ("change", "reason", "numbers"),
    [
        ({"participant_id": "stranger"}, "unknown_participant", "stranger"),
        ({"delivery_start": DELIVERY + timedelta(minutes=1)}, "not_an_interval", "2026-05-20T01:01:00Z"),
        ({"submitted_at": DELIVERY - LEAD}, "gate_closed", "15 minutes"),
        ({"submitted_at": DELIVERY + LEAD}, "gate_closed", "2026-05-20T01:15:00Z"),
        ({"delivery_start": datetime.min.replace(tzinfo=UTC)}, "gate_closed", "0001-01-01"),
        ({"price_jeon_per_kwh": 50_001}, "price_out_of_range", "-10.00..500.00 KRW/kWh, was 500.01"),
        ({"price_jeon_per_kwh": -1_001}, "price_out_of_range", "was -10.01"),
        ({"quantity_wh": 200_001}, "quantity_too_large", "at most 200.000 kWh, was 200.001"),
        ({"side": "sell", "quantity_wh": 100_001}, "quantity_too_large", "deliver at most 100.000 kWh"),
    ],
)
def test_an_order_beyond_a_rule_is_rejected_with_its_numbers(
    change: dict[str, object], reason: str, numbers: str
) -> None:
    rejection = admit(VENUE, replace(ORDER, **change), OPEN)  # type: ignore[arg-type]  # one field of each type a case

    assert rejection is not None
    assert rejection.reason == reason
    assert numbers in rejection.detail


@pytest.mark.parametrize(
    "change",
    [
        {"submitted_at": DELIVERY - LEAD - timedelta(microseconds=1)},
        {"price_jeon_per_kwh": 50_000},
        {"price_jeon_per_kwh": -1_000},
        {"quantity_wh": 200_000},
        {"side": "sell", "quantity_wh": 100_000},
    ],
)
def test_an_order_at_a_limit_is_admitted(change: dict[str, object]) -> None:
    assert admit(VENUE, replace(ORDER, **change), OPEN) is None  # type: ignore[arg-type]  # as above


def test_an_order_of_a_sealed_interval_is_too_late_though_stamped_in_time() -> None:
    rejection = admit(VENUE, ORDER, replace(OPEN, sealed_through=DELIVERY))

    assert rejection is not None
    assert rejection.reason == "auction_over"
    assert admit(VENUE, ORDER, replace(OPEN, sealed_through=DELIVERY - LEAD)) is None


def test_an_order_in_a_halt_is_rejected() -> None:
    halted_at = DELIVERY - timedelta(hours=2)

    assert admit(VENUE, ORDER, replace(OPEN, halted_at=halted_at)) == Rejection(
        "market_halted", "the market takes no orders since 2026-05-19T23:00:00Z"
    )


def test_a_book_takes_only_so_many_orders_of_one_writer_from_all_participants_together() -> None:
    crowded = replace(VENUE, capacity=replace(VENUE.capacity, writer_orders_max=3))

    assert admit(crowded, ORDER, replace(OPEN, writer_orders=2)) is None
    assert admit(crowded, ORDER, replace(OPEN, writer_orders=3)) == Rejection(
        "too_many_orders", "the book for an interval takes at most 3 orders by one writer, had 3"
    )


def test_a_participant_may_have_only_so_many_open_orders() -> None:
    assert admit(VENUE, ORDER, replace(OPEN, open_orders=1)) is None
    rejection = admit(VENUE, ORDER, replace(OPEN, open_orders=2))

    assert rejection is not None
    assert rejection.reason == "too_many_orders"
