"""The market's values: books, sites, orders."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from optimizers.clearing.book import Feeder
from optimizers.legal.checks import Law
from optimizers.orders.rules import OrderRules
from shared.events.records import OrderTerms, Side
from shared.units import JEON_WH_PER_KRW

# AuctionCleared carries a fill and at most one trade an order, at worst 1,060 bytes together (ids of 100 characters);
# an event's body may have 1,000,000.
ORDERS_PER_AUCTION_MAX: Final = 720
# ... beside the trades of the day before, at worst 720 bytes each: orders in an interval, blocks in a day.
DAY_AHEAD_ORDERS_MAX: Final = 192
DAY_AHEAD_BLOCKS_MAX: Final = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How many orders the books of a complex take; a day-ahead book is that of an interval, or of a day's blocks.

    Args:
        open_orders_max: How many one participant may have in one book from each writer.
        open_day_ahead_max: As `open_orders_max`, in the day-ahead auction.
        open_blocks_max: How many blocks for a day.
        writer_orders_max: How many orders of one writer a book takes from all participants together, and likewise
            `writer_day_ahead_max` and `writer_blocks_max`: where there are more participants than orders in an auction.
    """

    open_orders_max: int
    open_day_ahead_max: int = 1
    open_blocks_max: int = 1
    writer_orders_max: int = ORDERS_PER_AUCTION_MAX
    writer_day_ahead_max: int = DAY_AHEAD_ORDERS_MAX
    writer_blocks_max: int = DAY_AHEAD_BLOCKS_MAX

    def open_max(self, order: "BookOrder") -> int:
        """Return how many orders of an order's kind one participant may have in a book from each writer."""
        if order.auction == "day_ahead":
            return self.open_blocks_max if order.block_wh else self.open_day_ahead_max
        return self.open_orders_max

    def writer_max(self, order: "BookOrder") -> int:
        """Return how many a book takes from one writer."""
        if order.auction == "day_ahead":
            return self.writer_blocks_max if order.block_wh else self.writer_day_ahead_max
        return self.writer_orders_max


@dataclass(frozen=True, slots=True)
class ParticipantLimits:
    """What one participant may have open, beside what holds for all; None: no limit of its own.

    Args:
        open_orders_max: Orders in one book from each writer.
        credit_krw_max: What its open orders may cost at most, from each writer, in all books together.
    """

    open_orders_max: int | None = None
    credit_krw_max: int | None = None


NO_LIMITS: Final = ParticipantLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSite:
    """A participant's connection: its feeder, and the most energy it can take or deliver in one interval."""

    feeder_id: str
    take_wh_max: int
    deliver_wh_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """The market of one complex: rules, books, sites by participant, feeders, and the law that it trades under."""

    complex_id: str
    rules: OrderRules
    capacity: Capacity
    sites: Mapping[str, MarketSite]
    feeders: tuple[Feeder, ...]
    law: Law


@dataclass(frozen=True, slots=True, kw_only=True)
class BookOrder(OrderTerms):
    """A limit order as its writer stamped it."""

    order_id: str
    participant_id: str
    submitted_at: datetime
    writer: str
    sequence: int

    @property
    def cost_krw_max(self) -> int:
        """Return the most that the order can cost its participant, rounded up to the won."""
        is_cost = (self.side is Side.BUY) == (self.price_jeon_per_kwh > 0)
        return -(-abs(self.price_jeon_per_kwh) * self.quantity_wh // JEON_WH_PER_KRW) if is_cost else 0

    @property
    def book(self) -> Literal["intraday", "day_ahead", "block"]:
        """Return the book it stands in."""
        return "block" if self.block_wh else self.auction
