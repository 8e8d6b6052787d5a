"""What an order writer (the trading API for people, the scheduler for automatic bids) hands to the market."""

from typing import Annotated, Literal

from pydantic import Field

from shared.events.base import EnergyWh, Event, Identifier, Instant, PriceJeon, Whole
from shared.events.records import Side
from shared.intervals import INTERVALS_PER_DAY


class OrderSubmitted(Event):
    """An order became durable at its writer: `submitted_at` and `sequence` were stamped in that transaction."""

    order_id: Identifier
    client_order_id: str
    participant_id: Identifier
    delivery_start: Instant
    side: Side
    price_jeon_per_kwh: PriceJeon
    quantity_wh: Annotated[EnergyWh, Field(gt=0)]
    submitted_at: Instant
    writer: Identifier
    sequence: Annotated[Whole, Field(ge=1)]
    auction: Literal["intraday", "day_ahead"] = "intraday"


class BlockSubmitted(Event):
    """A fill-or-kill order of the day-ahead auction became durable: all of its intervals, one after another, or none.

    `price_jeon_per_kwh` is the worst average over its energy. Cancelling names `order_id` as for any order.
    """

    order_id: Identifier
    client_order_id: str
    participant_id: Identifier
    delivery_start: Instant
    side: Side
    price_jeon_per_kwh: PriceJeon
    block_wh: Annotated[tuple[Annotated[EnergyWh, Field(gt=0)], ...], Field(min_length=1, max_length=INTERVALS_PER_DAY)]
    submitted_at: Instant
    writer: Identifier
    sequence: Annotated[Whole, Field(ge=1)]


class OrderCancelRequested(Event):
    """The participant asked to take an order back; the market says whether that was in time."""

    order_id: Identifier
    participant_id: Identifier
    delivery_start: Instant
    requested_at: Instant
    writer: Identifier
    sequence: Annotated[Whole, Field(ge=1)]


class OrderAmendRequested(Event):
    """The participant asked for another price or quantity; the market says whether that was in time and allowed."""

    order_id: Identifier
    participant_id: Identifier
    delivery_start: Instant
    price_jeon_per_kwh: PriceJeon
    quantity_wh: Annotated[EnergyWh, Field(gt=0)]
    requested_at: Instant
    writer: Identifier
    sequence: Annotated[Whole, Field(ge=1)]


class OrdersSealed(Event):
    """A writer's watermark: it will send nothing more that it stamped before this delivery interval's gate closure."""

    writer: Identifier
    delivery_start: Instant
    sealed_at: Instant
    last_sequence: Whole
