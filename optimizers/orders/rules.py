"""What the market calendar asks of an order: one set of rules for people, uploads, the scheduler and the market."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from shared.complex.model import MarketCalendar
from shared.events.records import Calendar, Side
from shared.intervals import DAY, day_ahead_gate, day_start, trading_day_of

# 100,000 KRW/kWh: far beyond any market, and what an order costs then fits into a database's 64 bits.
PRICE_JEON_PER_KWH_CAP: Final = 10**7
# The complex file's own calendar holds from the beginning.
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

Auction = Literal["intraday", "day_ahead"]


class Limit(StrEnum):
    """A rule that a number of an order can break."""

    PRICE_MIN = "price_min"
    PRICE_MAX = "price_max"
    QUANTITY_MAX = "quantity_max"
    TICK = "tick"
    LOT = "lot"


def ruled_at(auction: Auction, delivery_start: datetime, stamped_at: datetime) -> datetime:
    """Return the instant whose calendar holds for an order and for whoever changes or takes it back.

    For an interval's own auction that is the stamp. A day-ahead auction is ruled by the calendar in force when the day
    before begins in Korea, whenever its orders are stamped: a calendar that changes during that day changes the next.
    """
    return stamped_at if auction == "intraday" else day_start(trading_day_of(delivery_start)) - DAY


@dataclass(frozen=True, slots=True)
class Broken:
    """A limit that an order breaks: the limit's number and the order's own, in jeon per kWh or Wh."""

    limit: Limit
    limit_value: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRules:
    """One version of a complex's market calendar. Version 0 is the complex file's own."""

    version: int
    calendar: Calendar

    @property
    def gate_closure_lead(self) -> timedelta:
        """Return how long before delivery the gate of an interval's own auction closes."""
        return timedelta(seconds=self.calendar.gate_closure_lead_s)

    @property
    def opening_lead(self) -> timedelta | None:
        """Return how long before delivery a book opens; None: it is always open."""
        return _duration(self.calendar.opening_lead_s)

    @property
    def day_ahead_gate(self) -> timedelta | None:
        """Return the day-ahead gate from Korean midnight of the day before; None: there is no such auction."""
        return _duration(self.calendar.day_ahead_gate_s)

    def gate_closure(self, auction: Auction, delivery_start: datetime) -> datetime | None:
        """Return when the book of an auction closes; None where there is no such auction."""
        if auction == "intraday":
            return delivery_start - self.gate_closure_lead
        gate = self.day_ahead_gate
        return None if gate is None else day_ahead_gate(gate, trading_day_of(delivery_start))

    def is_open_for(self, delivery_start: datetime, *, at: datetime) -> bool:
        """Say whether an order for an interval's own auction can be stamped at an instant."""
        ahead = delivery_start - at
        return ahead > self.gate_closure_lead and (self.opening_lead is None or ahead <= self.opening_lead)

    def may_trade(self, participant_id: str) -> bool:
        """Say whether the calendar lets a participant trade."""
        return self.calendar.traders is None or participant_id in self.calendar.traders

    def broken(self, price_jeon_per_kwh: int, parts_wh: Sequence[int]) -> list[Broken]:
        """Return which limits an order breaks, in the order in which they are checked.

        Args:
            price_jeon_per_kwh: Its price.
            parts_wh: Its energy by interval: one part of a simple order, several of a block.
        """
        calendar, largest_wh = self.calendar, max(parts_wh)
        off_lot_wh = next((part_wh for part_wh in parts_wh if part_wh % calendar.lot_wh), None)
        low, high = calendar.price_jeon_per_kwh_min, calendar.price_jeon_per_kwh_max
        checks = (
            (price_jeon_per_kwh < low, Broken(Limit.PRICE_MIN, low, price_jeon_per_kwh)),
            (price_jeon_per_kwh > high, Broken(Limit.PRICE_MAX, high, price_jeon_per_kwh)),
            (
                largest_wh > calendar.order_quantity_wh_max,
                Broken(Limit.QUANTITY_MAX, calendar.order_quantity_wh_max, largest_wh),
            ),
            (price_jeon_per_kwh % calendar.tick_jeon != 0, Broken(Limit.TICK, calendar.tick_jeon, price_jeon_per_kwh)),
            (off_lot_wh is not None, Broken(Limit.LOT, calendar.lot_wh, off_lot_wh or 0)),
        )
        return [broken for is_broken, broken in checks if is_broken]

    def fit(self, side: Side, *, price_jeon_per_kwh: int, quantity_wh: int) -> tuple[int, int] | None:
        """Return price and quantity as the rules allow them; None where no order can be had for what is meant.

        A buyer never pays more and a seller never gets less than it meant: the price goes to the next tick and limit on
        its own side. The quantity goes down to a whole number of lots.
        """
        calendar, tick = self.calendar, self.calendar.tick_jeon
        low = -(-calendar.price_jeon_per_kwh_min // tick) * tick
        high = calendar.price_jeon_per_kwh_max // tick * tick
        if side is Side.BUY:
            price = min(price_jeon_per_kwh // tick * tick, high)
        else:
            price = max(-(-price_jeon_per_kwh // tick) * tick, low)
        quantity = min(quantity_wh, calendar.order_quantity_wh_max) // calendar.lot_wh * calendar.lot_wh
        return (price, quantity) if low <= price <= high and quantity > 0 else None


def own_rules(market: MarketCalendar) -> OrderRules:
    """Return the calendar of a complex file, which holds until an operator changes it."""
    return OrderRules(
        version=0,
        calendar=Calendar(
            effective_from=BEGINNING,
            gate_closure_lead_s=int(market.gate_closure_lead.total_seconds()),
            price_jeon_per_kwh_min=max(market.price_jeon_per_kwh_min, -PRICE_JEON_PER_KWH_CAP),
            price_jeon_per_kwh_max=min(market.price_jeon_per_kwh_max, PRICE_JEON_PER_KWH_CAP),
            order_quantity_wh_max=market.order_quantity_wh_max,
        ),
    )


def rules_in_force(market: MarketCalendar, told: tuple[int, Calendar] | None) -> OrderRules:
    """Return the version that the market told of, with its number; the complex file's own where it told of none."""
    return own_rules(market) if told is None else OrderRules(version=told[0], calendar=told[1])


def _duration(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
