from datetime import UTC, datetime

import pytest

from optimizers.orders.rules import BEGINNING, OrderRules
from services.trading_api.log.stream import StreamEntry
from services.trading_api.market.views import trade_view
from services.trading_api.orders.domain import (
    OPEN,
    RANKS,
    BrokenLimit,
    Draft,
    OrderStatus,
    broken_limits,
    status_after_auction,
)
from services.trading_api.roles import ALL, STAFF, STREAM_SCOPES, Principal, Role, audience_of
from services.trading_api.text import instant_text
from shared.events.records import Calendar, Side

LIMITS = OrderRules(
    version=0,
    calendar=Calendar(
        effective_from=BEGINNING,
        gate_closure_lead_s=1_800,
        price_jeon_per_kwh_min=-1_000,
        price_jeon_per_kwh_max=50_000,
        order_quantity_wh_max=2_000_000,
    ),
)


def a_draft(*, price_jeon_per_kwh: int = 13_025, quantity_wh: int = 12_345) -> Draft:
    return Draft(
        client_order_id="a",
        delivery_start=datetime(2026, 5, 20, 3, 30, tzinfo=UTC),
        side=Side.BUY,
        price_jeon_per_kwh=price_jeon_per_kwh,
        quantity_wh=quantity_wh,
    )


def a_caller(role: Role, participant_id: str | None = None) -> Principal:
    return Principal(key_id="k", name="n", role=role, complex_id="c", participant_id=participant_id)


@pytest.mark.parametrize(
    ("filled_wh", "status"), [(0, OrderStatus.EXPIRED), (1, OrderStatus.PART_FILLED), (10, OrderStatus.FILLED)]
)
def test_an_order_ends_by_what_it_got(filled_wh: int, status: OrderStatus) -> None:
    assert status_after_auction(quantity_wh=10, filled_wh=filled_wh) is status


def test_only_an_order_without_an_end_is_open() -> None:
    assert {OrderStatus.RECEIVED, OrderStatus.ACCEPTED} == OPEN
    assert set(RANKS) == set(OrderStatus)


@pytest.mark.parametrize("price_jeon_per_kwh", [-1_000, 50_000])
def test_a_limit_itself_is_allowed(price_jeon_per_kwh: int) -> None:
    assert broken_limits(a_draft(price_jeon_per_kwh=price_jeon_per_kwh, quantity_wh=2_000_000), LIMITS) == []


def test_every_broken_limit_is_told() -> None:
    broken = broken_limits(a_draft(price_jeon_per_kwh=-1_001, quantity_wh=2_000_001), LIMITS)

    assert broken == [
        BrokenLimit("price_krw_per_kwh", "must be at least -10.00 KRW/kWh", "-10.00", "-10.01"),
        BrokenLimit("quantity_kwh", "must be at most 2000.000 kWh", "2000.000", "2000.001"),
    ]


def test_a_factory_hears_what_is_for_all_and_for_itself_and_the_operator_hears_everything() -> None:
    audiences = [ALL, STAFF, audience_of("a"), audience_of("b")]

    assert [a_caller(Role.FACTORY, "a").hears("order", audience) for audience in audiences] == [
        True,
        False,
        True,
        False,
    ]
    assert all(a_caller(Role.OPERATOR).hears(kind, audience) for kind in STREAM_SCOPES for audience in audiences)


def test_a_planner_hears_of_energy_and_the_market_and_nothing_of_what_a_factory_does_or_is_paid() -> None:
    audiences = [ALL, STAFF, audience_of("a")]
    public = {"auction", "day_ahead", "market", "calendar"}
    series = {"devices", "reading", "corrected", "late", "accuracy", "schedule", "setpoint"}

    heard = {kind: [a_caller(Role.PLANNER).hears(kind, audience) for audience in audiences] for kind in STREAM_SCOPES}

    assert {kind for kind, answers in heard.items() if any(answers)} == public | series | {"study"}
    assert all(all(answers) or not any(answers) for answers in heard.values())


def test_a_kind_that_no_scope_is_stated_for_is_told_to_nobody_and_not_kept() -> None:
    callers = [a_caller(Role.FACTORY, "a"), a_caller(Role.OPERATOR), a_caller(Role.PLANNER)]

    assert not any(caller.hears("something new", ALL) for caller in callers)
    with pytest.raises(ValueError, match="nobody may hear of 'something new'"):
        StreamEntry(ALL, "something new", {})


def test_a_participant_named_like_an_audience_hears_no_more_than_its_own() -> None:
    for name in (ALL, STAFF):
        caller = a_caller(Role.FACTORY, name)
        assert [caller.hears("order", audience) for audience in (STAFF, audience_of("b"))] == [False, False]


@pytest.mark.parametrize(("role", "participant_id"), [(Role.FACTORY, None), (Role.OPERATOR, "a"), (Role.PLANNER, "a")])
def test_only_a_factory_s_key_names_a_participant(role: Role, participant_id: str | None) -> None:
    with pytest.raises(ValueError, match="belongs to the role factory"):
        a_caller(role, participant_id)


def test_a_trade_with_oneself_shows_both_sides() -> None:
    row = {
        "trade_id": "t",
        "auction_id": "a",
        "delivery_start": datetime(2026, 5, 20, 3, 30, tzinfo=UTC),
        "buy_order_id": "b",
        "sell_order_id": "s",
        "buyer_id": "x",
        "seller_id": "x",
        "quantity_wh": 1_500,
        "paid_krw": 195,
        "received_krw": 195,
    }

    view = trade_view(row, seen_by="x")

    assert (view["buyer_id"], view["seller_id"], view["quantity_kwh"]) == ("x", "x", "1.500")


def test_an_instant_reads_as_utc_with_a_z() -> None:
    seoul = datetime.fromisoformat("2026-05-20T12:30:00.5+09:00")

    assert instant_text(seoul) == "2026-05-20T03:30:00.500000Z"
