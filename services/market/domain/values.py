"""The market's values: rules, sites, orders."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from optimizers import clearing

Side = Literal["buy", "sell"]

# AuctionCleared carries a fill and at most one trade an order, at worst 1,060 bytes together (ids of 100 characters);
# an event's body may have 1,000,000.
ORDERS_PER_AUCTION_MAX: Final = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A complex's market calendar, and how many open orders one participant may have in one book from each writer."""

    gate_closure_lead: timedelta
    price_jeon_per_kwh_min: int
    price_jeon_per_kwh_max: int
    quantity_wh_max: int
    open_orders_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A participant's connection: its feeder, and the most energy it can take or deliver in one interval."""

    feeder_id: str
    take_wh_max: int
    deliver_wh_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """The market of one complex: rules, sites by participant, feeders."""

    complex_id: str
    rules: Rules
    sites: Mapping[str, Site]
    feeders: tuple[clearing.Feeder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A limit order as its writer stamped it."""

    order_id: str
    participant_id: str
    delivery_start: datetime
    side: Side
    price_jeon_per_kwh: int
    quantity_wh: int
    submitted_at: datetime
    writer: str
    sequence: int
