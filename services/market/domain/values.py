"""The market's values: rules, sites, orders."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from optimizers import clearing, legal
from shared.intervals import INTERVAL
from shared.units import JEON_WH_PER_KRW

Side = Literal["buy", "sell"]

# 100,000 KRW/kWh: far beyond any market, and what an order costs then fits into a database's 64 bits.
PRICE_JEON_PER_KWH_CAP: Final = 10**7
# AuctionCleared carries a fill and at most one trade an order, at worst 1,060 bytes together (ids of 100 characters);
# an event's body may have 1,000,000.
ORDERS_PER_AUCTION_MAX: Final = 720
# ... beside the trades of the day before, at worst 720 bytes each: orders in an interval, blocks in a day.
DAY_AHEAD_ORDERS_MAX: Final = 192
DAY_AHEAD_BLOCKS_MAX: Final = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One version of a complex's market calendar.

    Args:
        gate_closure_lead: Orders are stamped more than this before delivery.
        open_orders_max: How many one participant may have in one book from each writer.
        version: 0 is the complex file's own.
        opening_lead: A book opens this long before delivery; None: it is always open.
        tick_jeon: Prices are multiples of it.
        lot_wh: Quantities are multiples of it.
        traders: Who may trade; None: every participant.
        open_day_ahead_max: As `open_orders_max`, in the day-ahead auction.
        open_blocks_max: How many blocks for a day.
        writer_orders_max: How many orders of one writer a book takes from all participants together, and likewise
            `writer_day_ahead_max` and `writer_blocks_max`: where there are more participants than orders in an auction.
        day_ahead_gate: When the day-ahead auction closes, from Korean midnight of the day before; None: there is none.
    """

    gate_closure_lead: timedelta
    price_jeon_per_kwh_min: int
    price_jeon_per_kwh_max: int
    quantity_wh_max: int
    open_orders_max: int
    version: int = 0
    opening_lead: timedelta | None = None
    tick_jeon: int = 1
    lot_wh: int = 1
    traders: frozenset[str] | None = None
    day_ahead_gate: timedelta | None = None
    open_day_ahead_max: int = 1
    open_blocks_max: int = 1
    writer_orders_max: int = ORDERS_PER_AUCTION_MAX
    writer_day_ahead_max: int = DAY_AHEAD_ORDERS_MAX
    writer_blocks_max: int = DAY_AHEAD_BLOCKS_MAX

    def open_max(self, order: "Order") -> int:
        """Return how many orders of an order's kind one participant may have in a book from each writer."""
        if order.auction == "day_ahead":
            return self.open_blocks_max if order.block_wh else self.open_day_ahead_max
        return self.open_orders_max

    def writer_max(self, order: "Order") -> int:
        """Return how many a book takes from one writer."""
        if order.auction == "day_ahead":
            return self.writer_blocks_max if order.block_wh else self.writer_day_ahead_max
        return self.writer_orders_max


@dataclass(frozen=True, slots=True)
class Limits:
    """What one participant may have open, beside what holds for all; None: no limit of its own.

    Args:
        open_orders_max: Orders in one book from each writer.
        credit_krw_max: What its open orders may cost at most, from each writer, in all books together.
    """

    open_orders_max: int | None = None
    credit_krw_max: int | None = None


NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A participant's connection: its feeder, and the most energy it can take or deliver in one interval."""

    feeder_id: str
    take_wh_max: int
    deliver_wh_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """The market of one complex: rules, sites by participant, feeders, and the law that it trades under."""

    complex_id: str
    rules: Rules
    sites: Mapping[str, Site]
    feeders: tuple[clearing.Feeder, ...]
    law: legal.Law


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A limit order as its writer stamped it.

    Args:
        delivery_start: Its interval; of a block, the first one.
        quantity_wh: Its energy; of a block, that of all intervals.
        block_wh: Of each interval of a block; empty for a simple order.
    """

    order_id: str
    participant_id: str
    delivery_start: datetime
    side: Side
    price_jeon_per_kwh: int
    quantity_wh: int
    submitted_at: datetime
    writer: str
    sequence: int
    auction: Literal["intraday", "day_ahead"] = "intraday"
    block_wh: tuple[int, ...] = ()

    @property
    def cost_krw_max(self) -> int:
        """Return the most that the order can cost its participant, rounded up to the won."""
        is_cost = (self.side == "buy") == (self.price_jeon_per_kwh > 0)
        return -(-abs(self.price_jeon_per_kwh) * self.quantity_wh // JEON_WH_PER_KRW) if is_cost else 0

    @property
    def book(self) -> Literal["intraday", "day_ahead", "block"]:
        """Return the book it stands in."""
        return "block" if self.block_wh else self.auction

    @property
    def legs(self) -> tuple[tuple[datetime, int], ...]:
        """Return the interval and energy of each part: one of a simple order, several of a block."""
        parts_wh = self.block_wh or (self.quantity_wh,)
        return tuple((self.delivery_start + n * INTERVAL, part_wh) for n, part_wh in enumerate(parts_wh))
