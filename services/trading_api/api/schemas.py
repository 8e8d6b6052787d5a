"""What callers send. Unknown fields are refused; decimals are exact."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from services.trading_api.domain.access import Role
from services.trading_api.domain.orders import Draft
from services.trading_api.domain.tokens import Identifier
from shared.events.records import Calendar, Side
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, is_delivery_start, trading_day_of
from shared.study_fields import OPTIONS_AS_IS, SCALES_AS_BUILT, OptionNames, Scales
from shared.units import krw_text, scaled_integer

PRICE_DECIMALS, QUANTITY_DECIMALS = 2, 3
SCALED_MAX = 10**15
FIRST_YEAR, LAST_YEAR = 2000, 2200


class Request(BaseModel):
    """A body; fields that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _scaled(given: Any, decimals: int) -> int:
    """Return a decimal (string or exact JSON number) times 10**decimals."""
    if isinstance(given, bool) or not isinstance(given, str | int | Decimal):
        raise ValueError("must be a decimal string or a number")  # noqa: TRY004 -- pydantic reports ValueError
    if isinstance(given, str) and not _is_plain_decimal(given):
        raise ValueError("must be a decimal like 130.25")
    try:
        scaled = scaled_integer(Decimal(given), decimals)
    except InvalidOperation:
        raise ValueError("must be a decimal like 130.25") from None
    if scaled is None:
        raise ValueError(f"must have at most {decimals} decimals")
    if abs(scaled) > SCALED_MAX:
        raise ValueError(f"must be within ±{SCALED_MAX // 10**decimals}")
    return scaled


def _is_plain_decimal(text: str) -> bool:
    digits = text.removeprefix("-")
    return len(text) <= 40 and digits.isascii() and digits.replace(".", "", 1).isdigit()  # noqa: PLR2004 -- as for numbers


def _jeon(given: Any) -> int:
    return _scaled(given, PRICE_DECIMALS)


def _wh(given: Any) -> int:
    return _scaled(given, QUANTITY_DECIMALS)


def _instant(given: Any) -> datetime:
    if not isinstance(given, str):
        raise ValueError("must be a string in ISO 8601 with an offset")  # noqa: TRY004 -- pydantic reports ValueError
    try:
        instant = datetime.fromisoformat(given)
        if instant.tzinfo is None:
            raise ValueError("must carry an offset, as in 2026-05-20T03:00:00Z")
        utc = instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"must lie in {FIRST_YEAR}-{LAST_YEAR}") from None
    if not FIRST_YEAR <= utc.year <= LAST_YEAR:
        raise ValueError(f"must lie in {FIRST_YEAR}-{LAST_YEAR}")
    return utc


def _day(given: Any) -> date:
    if not isinstance(given, str) or re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", given) is None:
        raise ValueError("must be a Korean day like 2026-05-20")
    try:
        day = date.fromisoformat(given)
    except ValueError:
        raise ValueError("must be a day that there is") from None
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise ValueError(f"must lie in {FIRST_YEAR}-{LAST_YEAR - 1}")
    return day


def _flag(given: Any) -> Any:
    # Some clients write Python's True; a word such as yes or 1 may mean anything in the place of a deed.
    if isinstance(given, str) and given.lower() not in {"true", "false"}:
        raise ValueError("must be true or false")
    return given


def _digits(given: Any) -> Any:
    if isinstance(given, str) and not (given.isascii() and given.isdigit() and len(given) < 10):  # noqa: PLR2004 -- far beyond any limit
        raise ValueError("must be a whole number")
    return given


def _delivery_start(instant: datetime) -> datetime:
    if not is_delivery_start(instant):
        raise ValueError("must be the start of a 15-minute delivery interval")
    return instant


def _positive(wh: int) -> int:
    if wh <= 0:
        raise ValueError("must be > 0 kWh")
    return wh


_DECIMAL_SCHEMA = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "examples": ["130.25"]}
_INSTANT_SCHEMA = {"type": "string", "format": "date-time", "examples": ["2026-05-20T03:00:00Z"]}

PriceJeon = Annotated[int, BeforeValidator(_jeon), WithJsonSchema(_DECIMAL_SCHEMA)]
QuantityWh = Annotated[int, BeforeValidator(_wh), AfterValidator(_positive), WithJsonSchema(_DECIMAL_SCHEMA)]
UtcInstant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema(_INSTANT_SCHEMA)]
DeliveryStart = Annotated[
    datetime, BeforeValidator(_instant), AfterValidator(_delivery_start), WithJsonSchema(_INSTANT_SCHEMA)
]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
# As they stand in an address.
WholeNumber = Annotated[int, BeforeValidator(_digits)]
DryRun = Annotated[bool, BeforeValidator(_flag), Query(description="true: say what would happen, and do nothing.")]
# What a client may call its order: printable ASCII without spaces, so that it survives logs, URLs and spreadsheets.
ClientOrderId = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=r"^[!-~]+$")]
Sentence = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=200)]


class SideIn(StrEnum):
    """Which way the energy goes, seen from the participant."""

    BUY = "buy"
    SELL = "sell"


class _Asked(Request):
    client_order_id: ClientOrderId
    delivery_start: DeliveryStart
    side: SideIn
    price_jeon_per_kwh: PriceJeon = Field(alias="price_krw_per_kwh")


class OrderIn(_Asked):
    """An order for one delivery interval, in its own auction or in that of the day before."""

    quantity_wh: QuantityWh = Field(alias="quantity_kwh")
    auction: Literal["intraday", "day_ahead"] = "intraday"

    def draft(self) -> Draft:
        """Return the order in the domain's numbers."""
        return Draft(
            client_order_id=self.client_order_id,
            delivery_start=self.delivery_start,
            side=Side(self.side),
            price_jeon_per_kwh=self.price_jeon_per_kwh,
            quantity_wh=self.quantity_wh,
            auction=self.auction,
        )


class BlockIn(_Asked):
    """A fill-or-kill order of the day-ahead auction: all of its intervals, one after another, or none."""

    block_wh: Annotated[tuple[QuantityWh, ...], Field(min_length=1, max_length=INTERVALS_PER_DAY)] = Field(
        alias="quantity_kwh"
    )

    @model_validator(mode="after")
    def _within_a_day(self) -> "BlockIn":
        last = self.delivery_start + (len(self.block_wh) - 1) * INTERVAL
        if trading_day_of(last) != trading_day_of(self.delivery_start):
            raise ValueError("must lie within one Korean day")
        return self

    def draft(self) -> Draft:
        """Return the block in the domain's numbers."""
        return Draft(
            client_order_id=self.client_order_id,
            delivery_start=self.delivery_start,
            side=Side(self.side),
            price_jeon_per_kwh=self.price_jeon_per_kwh,
            quantity_wh=sum(self.block_wh),
            auction="day_ahead",
            block_wh=self.block_wh,
        )


class AmendIn(Request):
    """What an order is to be; a figure that is left out stays as it is."""

    price_jeon_per_kwh: PriceJeon | None = Field(None, alias="price_krw_per_kwh")
    quantity_wh: QuantityWh | None = Field(None, alias="quantity_kwh")

    @model_validator(mode="after")
    def _something(self) -> "AmendIn":
        if self.price_jeon_per_kwh is None and self.quantity_wh is None:
            raise ValueError("must change price_krw_per_kwh or quantity_kwh")
        return self


class LimitsIn(Request):
    """What a participant may have open; null: no limit of its own."""

    participant_id: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100)]
    open_orders_max: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None
    credit_limit_krw: Annotated[int, Field(strict=True, ge=0, le=SCALED_MAX)] | None


class CalendarIn(Request):
    """A version of the market calendar; what is left out has its default, not what held before."""

    effective_from: UtcInstant
    gate_closure_lead_s: Annotated[int, Field(strict=True, ge=1, le=86_400)]
    opening_lead_s: Annotated[int, Field(strict=True, ge=1, le=31_536_000)] | None = None
    price_jeon_per_kwh_min: PriceJeon = Field(alias="price_krw_per_kwh_min")
    price_jeon_per_kwh_max: PriceJeon = Field(alias="price_krw_per_kwh_max")
    order_quantity_wh_max: QuantityWh = Field(alias="order_quantity_kwh_max")
    # Defaults stand in the unit of the public name, as the document shows them, and are read as if they were sent.
    tick_jeon: Annotated[PriceJeon, Field(ge=1)] = Field("0.01", alias="tick_krw_per_kwh", validate_default=True)
    lot_wh: QuantityWh = Field("0.001", alias="lot_kwh", validate_default=True)
    traders: Annotated[tuple[str, ...], Field(max_length=10_000)] | None = None
    day_ahead_gate_s: Annotated[int, Field(strict=True, ge=1, le=86_400)] | None = None

    def calendar(self) -> Calendar:
        """Return it as the market is asked for it."""
        return Calendar(
            effective_from=self.effective_from,
            gate_closure_lead_s=self.gate_closure_lead_s,
            opening_lead_s=self.opening_lead_s,
            price_jeon_per_kwh_min=self.price_jeon_per_kwh_min,
            price_jeon_per_kwh_max=self.price_jeon_per_kwh_max,
            order_quantity_wh_max=self.order_quantity_wh_max,
            tick_jeon=self.tick_jeon,
            lot_wh=self.lot_wh,
            traders=self.traders,
            day_ahead_gate_s=self.day_ahead_gate_s,
        )


class HaltIn(Request):
    """Why the market is to halt."""

    reason: Sentence


class SuspendIn(Request):
    """Why a participant is to trade no more."""

    reason: Sentence


class StudyIn(Request):
    """A what-if study: every combination of the scales and options is a scenario."""

    trading_day: Day
    battery_scales: Scales = SCALES_AS_BUILT
    pv_scales: Scales = SCALES_AS_BUILT
    tariff_options: OptionNames = OPTIONS_AS_IS


class KeyIn(Request):
    """A new API key; `participant_id` belongs to the role factory, and to no other."""

    name: Sentence
    role: Role
    participant_id: str | None = None


class RevokedTokenIn(Request):
    """The token that is to work no longer, by the name that its provider gave it."""

    jti: Identifier


class SessionIn(Request):
    """The key that a console session shall stand for."""

    key: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200)]


class BootstrapKey(Request):
    """A key that a deployment starts with."""

    key: Annotated[str, StringConstraints(strict=True, min_length=32, max_length=200)]
    role: Role
    complex_id: str
    participant_id: str | None = None
    name: Sentence


ItemT = TypeVar("ItemT")


class PageOut(BaseModel, Generic[ItemT]):
    """A page of a list; `next_cursor` is null at its end."""

    items: list[ItemT]
    next_cursor: str | None


class Asked(BaseModel):
    """The market has been asked; its word follows on the stream."""

    requested_at: str


class DryRunOut(BaseModel):
    """What would have happened."""

    dry_run: Literal[True] = True
    would_be: Literal["received"] = "received"
    gate_closure: str
    value_krw: str


def order_value_krw(draft: Draft) -> str:
    """Return the most an order can cost or earn, as a decimal string."""
    return krw_text(draft.price_jeon_per_kwh * draft.quantity_wh // 10**QUANTITY_DECIMALS)
