"""The states of an order as its participant sees them, and the limits that an order must keep."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from shared.intervals import day_ahead_gate, trading_day_of
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
class Draft:
    """What a participant asks for.

    Args:
        delivery_start: Its interval; of a block, the first one.
        quantity_wh: Its energy; of a block, that of all intervals.
        block_wh: Of each interval of a block; empty for a simple order.
    """

    client_order_id: str
    delivery_start: datetime
    side: Literal["buy", "sell"]
    price_jeon_per_kwh: int
    quantity_wh: int
    auction: Literal["intraday", "day_ahead"] = "intraday"
    block_wh: tuple[int, ...] = ()

    @property
    def largest_wh(self) -> int:
        """Return the most energy that it moves in one interval."""
        return max(self.block_wh, default=self.quantity_wh)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLimits:
    """What an order of this complex must keep, and until when its book is open.

    Args:
        gate_closure_lead: Of an interval's own auction, before delivery.
        day_ahead_gate: Of the day-ahead auction, from Korean midnight of the day before; None: there is none.
    """

    price_jeon_per_kwh_min: int
    price_jeon_per_kwh_max: int
    quantity_wh_max: int
    gate_closure_lead: timedelta
    day_ahead_gate: timedelta | None = None

    def gate_closure(self, auction: str, delivery_start: datetime) -> datetime | None:
        """Return when the book of an auction closes; None where there is no such auction."""
        if auction == "intraday":
            return delivery_start - self.gate_closure_lead
        gate = self.day_ahead_gate
        return None if gate is None else day_ahead_gate(gate, trading_day_of(delivery_start))


@dataclass(frozen=True, slots=True)
class BrokenLimit:
    """A field beyond its limit, for the person who wrote the order."""

    field: str
    rule: str
    limit: str
    value: str


def broken_limits(draft: Draft, limits: OrderLimits) -> list[BrokenLimit]:
    """Return which limits a draft breaks."""
    price, quantity = krw_text(draft.price_jeon_per_kwh), kwh_text(draft.largest_wh)
    broken = []
    if draft.price_jeon_per_kwh < limits.price_jeon_per_kwh_min:
        lowest = krw_text(limits.price_jeon_per_kwh_min)
        broken.append(BrokenLimit("price_krw_per_kwh", f"must be at least {lowest} KRW/kWh", lowest, price))
    if draft.price_jeon_per_kwh > limits.price_jeon_per_kwh_max:
        highest = krw_text(limits.price_jeon_per_kwh_max)
        broken.append(BrokenLimit("price_krw_per_kwh", f"must be at most {highest} KRW/kWh", highest, price))
    if draft.largest_wh > limits.quantity_wh_max:
        most = kwh_text(limits.quantity_wh_max)
        broken.append(BrokenLimit("quantity_kwh", f"must be at most {most} kWh", most, quantity))
    return broken
