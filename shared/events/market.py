"""What became of the orders."""

from typing import Annotated, Literal

from pydantic import Field

from shared.events.base import EnergyWh, Event, Identifier, Instant, MoneyKrw, PriceJeon, Whole
from shared.events.records import Calendar, Fill, Trade


class OrderAccepted(Event):
    """The order is in the book of its auction."""

    order_id: Identifier
    participant_id: Identifier
    delivery_start: Instant


class OrderRejected(Event):
    """The order is not in the book. `reason` is a stable code, `detail` the rule with its numbers."""

    order_id: Identifier
    participant_id: Identifier
    delivery_start: Instant
    reason: str
    detail: str


class OrderCancelled(Event):
    """The order was taken out of the book before gate closure.

    `reason` is null where its participant asked for it, and "suspended" where the participant may not trade.
    """

    order_id: Identifier
    participant_id: Identifier
    delivery_start: Instant
    reason: Literal["suspended"] | None = None


class OrderLapsed(Event):
    """The order's auction is not held: the calendar changed after the order was accepted."""

    order_id: Identifier
    participant_id: Identifier
    delivery_start: Instant
    reason: Literal["no_day_ahead_auction"]


class OrderAmended(Event):
    """The order stands in its book as it was asked to. Only less at the same price keeps its place in time."""

    order_id: Identifier
    participant_id: Identifier
    delivery_start: Instant
    price_jeon_per_kwh: PriceJeon
    quantity_wh: Annotated[EnergyWh, Field(gt=0)]
    keeps_priority: bool


class AmendmentRejected(Event):
    """The order stands as it was, if it stood. `reason` is a stable code, `detail` the rule with its numbers."""

    order_id: Identifier
    participant_id: Identifier
    delivery_start: Instant
    reason: str
    detail: str


class AuctionCleared(Event):
    """A delivery interval's call auction is over. Without a trade `price_jeon_per_kwh` is null, never 0.

    `binding_limits` names the feeders that could carry no more, and which way. `day_ahead_trades` are those of the
    interval that were agreed the day before: a participant's position is the sum of both. The certificate's hash, with
    the book's hash, prices, welfare and binding limits, is the proof that is published; `sandan replay` makes it again.
    """

    auction_id: Identifier
    delivery_start: Instant
    cleared_at: Instant
    status: Annotated[str, Field(pattern="^(cleared|halted)$")]
    price_jeon_per_kwh: PriceJeon | None
    price_low_jeon_per_kwh: PriceJeon | None
    price_high_jeon_per_kwh: PriceJeon | None
    volume_wh: EnergyWh
    fees_krw: MoneyKrw
    feeder_price_jeon_per_kwh: dict[str, int | None]
    book_hash: str
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]
    binding_limits: dict[str, Literal["import", "export"]] = Field(default_factory=dict)
    day_ahead_trades: tuple[Trade, ...] = ()
    welfare_jeon_wh: Annotated[int, Field(strict=True)] | None = None
    certificate_sha256: str | None = None


class DayAheadCleared(Event):
    """One interval of tomorrow in the day-ahead auction. Its trades come again in the interval's own AuctionCleared.

    Fills and trades of a block name its order id. `method` says how blocks were chosen: "fallback" where the best
    choice took too long.
    """

    auction_id: Identifier
    delivery_start: Instant
    cleared_at: Instant
    status: Annotated[str, Field(pattern="^(cleared|halted)$")]
    price_jeon_per_kwh: PriceJeon | None
    volume_wh: EnergyWh
    fees_krw: MoneyKrw
    feeder_price_jeon_per_kwh: dict[str, int | None]
    binding_limits: dict[str, Literal["import", "export"]]
    book_hash: str
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]
    method: Literal["none", "program", "fallback"]


class BlockDecided(Event):
    """What became of a block in the day-ahead auction.

    `reason` is "accepted", "out_of_money" (the prices do not suit it, or an interval of it has none, as nothing is
    traded there), "in_the_money" (they would, but with it somebody would lose, or all together gain less),
    "site_limit", "halted" or "suspended". `gain_krw` is what it gains or would have gained against its own price;
    null where an interval has no price.
    """

    order_id: Identifier
    participant_id: Identifier
    delivery_start: Instant
    reason: Literal["accepted", "out_of_money", "in_the_money", "site_limit", "halted", "suspended"]
    paid_krw: MoneyKrw
    received_krw: MoneyKrw
    gain_krw: MoneyKrw | None


class DeedDecided(Event):
    """What came of what an operator asked the market for; `deed_id` is the id of the request's event.

    `outcome` is "done", "unchanged" (it was so already) or "refused", and `detail` then the rule that it breaks.
    """

    deed_id: Identifier
    outcome: Literal["done", "unchanged", "refused"]
    detail: str | None


class MarketHalted(Event):
    """No new orders are taken until the market resumes."""

    halted_at: Instant
    reason: str
    operator: str


class MarketResumed(Event):
    """Orders are taken again."""

    resumed_at: Instant
    operator: str


class CalendarChanged(Event):
    """A new version of the market calendar, and from when it holds."""

    calendar_version: Annotated[Whole, Field(ge=1)]
    requested_at: Instant
    operator: str
    calendar: Calendar


class CalendarChangeRefused(Event):
    """The calendar stays as it is; `detail` is the rule that the request breaks."""

    requested_at: Instant
    operator: str
    detail: str


class LimitsChanged(Event):
    """What one participant may have open from now on; null: no limit of its own."""

    participant_id: Identifier
    open_orders_max: Whole | None
    credit_krw_max: Whole | None
    changed_at: Instant
    operator: str


class ParticipantSuspended(Event):
    """One participant's open orders are cancelled and no new ones are taken; what it has traded stands."""

    participant_id: Identifier
    suspended_at: Instant
    reason: str
    operator: str


class ParticipantResumed(Event):
    """A suspended participant's orders are taken again."""

    participant_id: Identifier
    resumed_at: Instant
    operator: str
