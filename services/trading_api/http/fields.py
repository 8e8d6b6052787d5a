"""Kinds of fields that callers send: exact decimals, instants, days."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from services.trading_api.text import JsonObject
from shared.intervals import is_delivery_start
from shared.strict_json import DIGITS_MAX
from shared.units import krw_text, kwh_text, scaled_integer
from shared.validation import one_line

PRICE_DECIMALS, QUANTITY_DECIMALS = 2, 3
SCALED_MAX = 10**15
POWER_W_MAX = 10**10
FIRST_YEAR, LAST_YEAR = 2000, 2200
DECIMAL = r"-?\d+(\.\d+)?"
# RFC 3339's `date-time`, as the document says, whose seconds may be left out; ISO 8601 has weeks and commas besides.
INSTANT = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?"


class Request(BaseModel):
    """A body; fields that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _scaled(given: object, decimals: int) -> int:
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
    return len(text) <= DIGITS_MAX and re.fullmatch(DECIMAL, text, re.ASCII) is not None


def _jeon(given: object) -> int:
    return _scaled(given, PRICE_DECIMALS)


def _wh(given: object) -> int:
    return _scaled(given, QUANTITY_DECIMALS)


def _instant(given: object) -> datetime:
    if not isinstance(given, str):
        raise ValueError("must be a string in ISO 8601 with an offset")  # noqa: TRY004 -- pydantic reports ValueError
    if re.fullmatch(INSTANT, given, re.ASCII) is None:
        raise ValueError("must be an instant like 2026-05-20T03:00:00Z")
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


def _day(given: object) -> date:
    if not isinstance(given, str) or re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", given) is None:
        raise ValueError("must be a Korean day like 2026-05-20")
    try:
        day = date.fromisoformat(given)
    except ValueError:
        raise ValueError("must be a day that there is") from None
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise ValueError(f"must lie in {FIRST_YEAR}-{LAST_YEAR - 1}")
    return day


def _digits(given: object) -> object:
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


def _not_negative(power_w: int) -> int:
    if not 0 <= power_w <= POWER_W_MAX:
        raise ValueError(f"must be from 0 to {POWER_W_MAX // 1000} kW")
    return power_w


def _price_text(price: int | str) -> str:
    # A default stands as text already.
    return price if isinstance(price, str) else krw_text(price)


def _quantity_text(quantity: int | str) -> str:
    return quantity if isinstance(quantity, str) else kwh_text(quantity)


_DECIMAL_SCHEMA: JsonObject = {"type": "string", "pattern": f"^{DECIMAL}$", "examples": ["130.25"]}
# A client may write a number, of which each digit is taken as it stands; answers have strings.
_DECIMAL_IN_SCHEMA: JsonObject = {"anyOf": [_DECIMAL_SCHEMA, {"type": "number"}]}
_DECIMAL_SCHEMAS = (
    WithJsonSchema(_DECIMAL_IN_SCHEMA, mode="validation"),
    WithJsonSchema(_DECIMAL_SCHEMA, mode="serialization"),
)
_INSTANT_SCHEMA = {"type": "string", "format": "date-time", "examples": ["2026-05-20T03:00:00Z"]}
PriceJeon = Annotated[int, BeforeValidator(_jeon), PlainSerializer(_price_text), *_DECIMAL_SCHEMAS]
QuantityWh = Annotated[
    int,
    BeforeValidator(_wh),
    AfterValidator(_positive),
    PlainSerializer(_quantity_text),
    *_DECIMAL_SCHEMAS,
]
# A power in kW, in W.
PowerW = Annotated[
    int,
    BeforeValidator(_wh),
    AfterValidator(_not_negative),
    PlainSerializer(_quantity_text),
    *_DECIMAL_SCHEMAS,
]
UtcInstant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema(_INSTANT_SCHEMA)]
DeliveryStart = Annotated[
    datetime, BeforeValidator(_instant), AfterValidator(_delivery_start), WithJsonSchema(_INSTANT_SCHEMA)
]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
# As they stand in an address.
WholeNumber = Annotated[int, BeforeValidator(_digits)]
# People read it in lists, logs and mails, where it must look like what it is.
Sentence = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=200), AfterValidator(one_line)
]
