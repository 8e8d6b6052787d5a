"""The kinds of fields that a complex file's records have, with the rules of each."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from shared.complex.register_maps import RegisterMap, named_register_map
from shared.errors import BadInput
from shared.events.base import Identifier
from shared.units import scaled_integer


def _price(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be a number")  # noqa: TRY004 -- pydantic turns ValueError into a message
    return Decimal(str(value))


def _map_named(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        return named_register_map(given)
    except BadInput as error:
        raise ValueError(error.rule) from None


def _pairs_of_mapping(given: object) -> object:
    return tuple(given.items()) if isinstance(given, dict) else given


def _two_decimals(price: Decimal) -> Decimal:
    if scaled_integer(price, 2) is None:
        raise ValueError("must have at most 2 decimals")
    return price


# How the file's records are read.
RECORD = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
PriceKrw = Annotated[Decimal, BeforeValidator(_price), AfterValidator(_two_decimals)]
PositiveKw = Annotated[float, Field(gt=0, le=1e7)]
# Ids of auctions, trades and statements are made of these two and must stay within an identifier's 100 characters.
ShortIdentifier = Annotated[Identifier, Field(max_length=64)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Port = Annotated[int, Field(ge=1, le=65_535)]
MonthName = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
# A mapping in the file; pairs here, as a contract is a key of caches.
MonthlyKw = Annotated[
    tuple[tuple[MonthName, Annotated[float, Field(ge=0, le=1e7)]], ...], BeforeValidator(_pairs_of_mapping)
]
NamedRegisterMap = Annotated[RegisterMap, BeforeValidator(_map_named)]
