"""How instants, quantities and sentences read on the wire, whatever they are about."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from typing_extensions import TypedDict

from shared.units import kwh_text

# A row of the read model by column name: each column's own type is with its table.
Row = Mapping[Any, Any]
# A JSON object whose form no class says.
JsonObject = dict[str, Any]

ValueT = TypeVar("ValueT")

# W to kW takes the same three places as Wh to kWh.
kw_text = kwh_text


def instant_text(instant: datetime) -> str:
    """Write an aware instant as ISO 8601 in UTC, with a Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def maybe(write: Callable[[ValueT], str], value: ValueT | None) -> str | None:
    """Write a value, None where there is none."""
    return None if value is None else write(value)


class WhyView(TypedDict):
    """Why an order got what it got, in a sentence of each language."""

    ko: str
    en: str


class NoteView(TypedDict):
    """What had to be assumed or left out."""

    code: str
    ko: str
    en: str
