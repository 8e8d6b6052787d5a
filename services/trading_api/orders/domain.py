"""The states of an order as its participant sees them, and the limits that an order must keep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from optimizers.orders.rules import Broken, Limit, OrderRules
from shared.events.records import OrderTerms
from shared.units import krw_text, kwh_text


class OrderStatus(StrEnum):
    """What has become of an order, as far as it is known here."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    PART_FILLED = "part_filled"
    FILLED = "filled"
    EXPIRED = "expired"


# Events of different topics arrive in any order: a state never gives way to one of a lower or the same rank.
RANKS: Mapping[OrderStatus, int] = {
    OrderStatus.RECEIVED: 0,
    OrderStatus.ACCEPTED: 1,
    OrderStatus.REJECTED: 2,
    OrderStatus.CANCELLED: 2,
    OrderStatus.PART_FILLED: 2,
    OrderStatus.FILLED: 2,
    OrderStatus.EXPIRED: 2,
}
OPEN = frozenset(status for status, rank in RANKS.items() if rank < RANKS[OrderStatus.FILLED])


def status_after_auction(*, quantity_wh: int, filled_wh: int) -> OrderStatus:
    """Return the last state of an order that was in the book of an auction."""
    if filled_wh == 0:
        return OrderStatus.EXPIRED
    return OrderStatus.FILLED if filled_wh == quantity_wh else OrderStatus.PART_FILLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft(OrderTerms):
    """What a participant asks for, under its own name for it."""

    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedOrder(Draft):
    """An order as its writer stamped it, in the complex that it belongs to."""

    complex_id: str
    order_id: str
    participant_id: str
    submitted_at: datetime
    writer: str
    sequence: int


@dataclass(frozen=True, slots=True)
class BrokenLimit:
    """A field beyond its limit, for the person who wrote the order."""

    field: str
    rule: str
    limit: str
    value: str


def broken_limits(draft: Draft, rules: OrderRules) -> list[BrokenLimit]:
    """Return which limits of the calendar in force a draft breaks."""
    return [_for_a_person(breach) for breach in rules.broken(draft.price_jeon_per_kwh, draft.parts_wh)]


def _for_a_person(broken: Broken) -> BrokenLimit:
    text: Callable[[int], str]
    match broken.limit:
        case Limit.PRICE_MIN | Limit.PRICE_MAX | Limit.TICK:
            field, unit, text = "price_krw_per_kwh", "KRW/kWh", krw_text
        case Limit.QUANTITY_MAX | Limit.LOT:
            field, unit, text = "quantity_kwh", "kWh", kwh_text
        case _:
            assert_never(broken.limit)
    limit = text(broken.limit_value)
    return BrokenLimit(field, f"must be {_RULES[broken.limit]} {limit} {unit}", limit, text(broken.value))


_RULES: Mapping[Limit, str] = {
    Limit.PRICE_MIN: "at least",
    Limit.PRICE_MAX: "at most",
    Limit.QUANTITY_MAX: "at most",
    Limit.TICK: "a multiple of",
    Limit.LOT: "a multiple of",
}
