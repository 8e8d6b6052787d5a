"""What crosses a boundary, once: events carry these records, calculations take and return them, tables keep them.

Records are frozen dataclasses. An event checks the types and bounds of their fields when it is made and when it is read
(`Event.model_config`); calculations build them without that cost. Unknown fields of a message are ignored, so that an
optional field may be added.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from shared.events.base import EnergyWh, Identifier, Instant, MoneyKrw, PriceJeon, Whole
from shared.intervals import INTERVAL, is_delivery_start

# A plan for longer is two plans; it bounds what a statement costs those who heed it.
PLAN_LENGTH_MAX = timedelta(days=31)


class Side(StrEnum):
    """Which way the energy goes, seen from the participant."""

    BUY = "buy"
    SELL = "sell"


class FillReason(StrEnum):
    """What decided about an order of a book that was auctioned."""

    FILLED = "filled"
    AT_PRICE = "at_price"
    OUTBID = "outbid"
    NO_TRADE = "no_trade"
    HALTED = "halted"
    OWN_ORDER = "own_order"
    SITE_LIMIT = "site_limit"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerms:
    """What an order is for, whoever makes it: a limit price for the energy of one interval, or of a block's intervals.

    Args:
        delivery_start: Its interval; of a block, the first one.
        price_jeon_per_kwh: The worst price; of a block, the worst average over its energy.
        quantity_wh: Its energy; of a block, that of all intervals.
        block_wh: Of each interval of a block; empty for a simple order.
    """

    delivery_start: datetime
    side: Side
    price_jeon_per_kwh: int
    quantity_wh: int
    auction: Literal["intraday", "day_ahead"] = "intraday"
    block_wh: tuple[int, ...] = ()

    @property
    def parts_wh(self) -> tuple[int, ...]:
        """Return its energy by interval: one part of a simple order, several of a block."""
        return self.block_wh or (self.quantity_wh,)

    @property
    def legs(self) -> tuple[tuple[datetime, int], ...]:
        """Return the interval and energy of each part."""
        return tuple((self.delivery_start + n * INTERVAL, part_wh) for n, part_wh in enumerate(self.parts_wh))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The rules of the market that are data. Seconds are counted back from delivery.

    `day_ahead_gate_s` counts from Korean midnight of the day before; null: there is no day-ahead auction. `traders` are
    those who may trade; null: every participant. `opening_lead_s` null: books are always open.
    """

    effective_from: Instant
    gate_closure_lead_s: Annotated[Whole, Field(ge=1, le=86_400)]
    opening_lead_s: Annotated[Whole, Field(ge=1, le=31_536_000)] | None = None
    price_jeon_per_kwh_min: PriceJeon
    price_jeon_per_kwh_max: PriceJeon
    order_quantity_wh_max: Annotated[EnergyWh, Field(ge=1)]
    tick_jeon: Annotated[Whole, Field(ge=1)] = 1
    lot_wh: Annotated[Whole, Field(ge=1)] = 1
    traders: tuple[Identifier, ...] | None = None
    day_ahead_gate_s: Annotated[Whole, Field(ge=1, le=86_400)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What one order of the book got; `filled_wh` may be 0. Of the two money fields one is 0, by side.

    `reason` is a code of shared/events/fill_reasons.py; null in auctions of before it was said.
    """

    order_id: Identifier
    participant_id: Identifier
    side: Side
    quantity_wh: EnergyWh
    price_jeon_per_kwh: PriceJeon
    filled_wh: EnergyWh
    paid_krw: MoneyKrw
    received_krw: MoneyKrw
    reason: FillReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A filled quantity with its two sides; what the buyer pays beyond what the seller receives is wheeling fee."""

    trade_id: Identifier
    buy_order_id: Identifier
    sell_order_id: Identifier
    buyer_id: Identifier
    seller_id: Identifier
    quantity_wh: EnergyWh
    paid_krw: MoneyKrw
    received_krw: MoneyKrw


class Costs:
    """What follows from the sums of money of one or several settled intervals."""

    __slots__ = ()

    trade_paid_krw: int
    trade_received_krw: int
    grid_paid_krw: int
    grid_received_krw: int
    spread_krw: int
    loss_krw: int

    @property
    def grid_owed_krw(self) -> int:
        """Return what the participant owes the grid for its imbalance; below 0 the grid owes it."""
        return self.grid_paid_krw - self.grid_received_krw

    @property
    def cost_with_krw(self) -> int:
        """Return what it cost with trading and batteries; below 0 it earned."""
        of_trades_krw = self.trade_paid_krw - self.trade_received_krw
        return of_trades_krw + self.grid_owed_krw + self.spread_krw + self.loss_krw


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledLine(Costs):
    """One participant's interval: contracted against metered, and the money of both parts.

    `grid_import_wh`/`grid_export_wh` is the imbalance: metered net energy less the net of the trades.
    `cost_without_krw` is the same metered interval without trading and without batteries. Where the complex has a rule
    of its own for imbalance, `short_price_jeon_per_kwh` and `long_price_jeon_per_kwh` are its prices, and `spread_krw`
    is what is owed to the operator beyond what the grid is owed. `loss_wh` was lost on the way from the sellers.
    """

    participant_id: Identifier
    metered_import_wh: EnergyWh
    metered_export_wh: EnergyWh
    bought_wh: EnergyWh
    sold_wh: EnergyWh
    grid_import_wh: EnergyWh
    grid_export_wh: EnergyWh
    grid_import_price_jeon_per_kwh: PriceJeon
    grid_export_price_jeon_per_kwh: PriceJeon
    trade_paid_krw: MoneyKrw
    trade_received_krw: MoneyKrw
    grid_paid_krw: MoneyKrw
    grid_received_krw: MoneyKrw
    cost_without_krw: MoneyKrw
    short_price_jeon_per_kwh: PriceJeon | None = None
    long_price_jeon_per_kwh: PriceJeon | None = None
    spread_krw: MoneyKrw = 0
    loss_wh: EnergyWh = 0
    loss_krw: MoneyKrw = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateLine:
    """One participant's interval in certificates of a Wh each.

    It goes round: issued + reissued + received = passed_on + claimed + stored + withdrawn. `consumption_wh` is the
    load's, batteries apart. `location_wh` came in through the connection; `market_wh` was used without a certificate.
    """

    participant_id: Identifier
    consumption_wh: EnergyWh
    issued_wh: EnergyWh
    reissued_wh: EnergyWh
    received_wh: EnergyWh
    passed_on_wh: EnergyWh
    claimed_wh: EnergyWh
    stored_wh: EnergyWh
    withdrawn_wh: EnergyWh
    location_wh: EnergyWh
    market_wh: EnergyWh


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSlice:
    """A range of a device's certificates of the interval, both ends in it, and what it ended as.

    `purpose` is use, storage, export or correction. `account_id` held it last, `trade_id` brought it there.
    `battery_id` is the battery that it was charged into. Of a battery's own certificates `charged_at` is the interval
    of the charging that they come from, and `storage_efficiency_ppm` what comes back of a Wh charged, in millionths.
    """

    device_id: Identifier
    producer_id: Identifier
    range_start: Whole
    range_end: Whole
    account_id: Identifier
    purpose: Identifier
    trade_id: Identifier | None = None
    battery_id: Identifier | None = None
    charged_at: Instant | None = None
    storage_efficiency_ppm: Whole | None = None

    @property
    def quantity_wh(self) -> int:
        """Return how many certificates it is, of a Wh each."""
        return self.range_end - self.range_start + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line of an invoice; an amount below 0 is due to the participant.

    `basis` tells which intervals are in it: for energy version/season/band/discount factor, for the base charge what
    demand it is billed on.
    """

    code: Identifier
    amount_krw: MoneyKrw
    quantity_wh: EnergyWh | None = None
    demand_w: Whole | None = None
    price_jeon_per_kwh: PriceJeon | None = None
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceNote:
    """An assumption or omission: a stable code, and a sentence in each language."""

    code: Identifier
    en: str
    ko: str


class PlanKind(StrEnum):
    """What a factory states: what it draws in a shift, what a batch adds, or that it rests."""

    SHIFT = "shift"
    BATCH = "batch"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """What a factory states it will consume over [begin, end), without its solar and battery.

    A higher version replaces the ones before, from its `stated_at` on; the last one may withdraw the plan.

    Args:
        expected_w: In a shift all that the factory draws, in a batch what comes on top, in a shutdown what still runs;
            null in a shutdown: its base load.
    """

    plan_id: Identifier
    participant_id: Identifier
    kind: PlanKind
    begin: Instant
    end: Instant
    expected_w: Annotated[Whole, Field(le=10**10)] | None = None
    stated_at: Instant
    version: Annotated[Whole, Field(ge=1)]
    is_withdrawn: bool = False

    def __post_init__(self) -> None:
        for name, instant in (("begin", self.begin), ("end", self.end)):
            if not is_delivery_start(instant):
                raise ValueError(f"{name} must be the start of a quarter hour, was {instant.isoformat()}")
        if not self.begin < self.end <= self.begin + PLAN_LENGTH_MAX:
            raise ValueError(
                f"end must be after begin, by at most {PLAN_LENGTH_MAX.days} days, was {self.end.isoformat()}"
            )
        if self.expected_w is None and self.kind is not PlanKind.SHUTDOWN:
            raise ValueError(f"expected_w must be given for a {self.kind.value}, was null")


# A calendar in an audit trail, and as a document of its own.
CALENDAR_JSON = TypeAdapter(Calendar)
