"""What every event is, and the envelope that carries it."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

# What every database column holds. A message beyond it must be set aside, not end each process that tries to store it.
INT64_MAX = 2**63 - 1
YEAR_MIN, YEAR_MAX = 1970, 2999


def utc(instant: datetime) -> datetime:
    """Return an aware instant in UTC; ValueError where no market can have been open."""
    if not YEAR_MIN <= instant.year <= YEAR_MAX:
        raise ValueError(f"Instant should lie in the years {YEAR_MIN} to {YEAR_MAX}")
    return instant.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(utc)]
Identifier = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]
Whole = Annotated[int, Field(strict=True, ge=0, le=INT64_MAX)]
SignedWhole = Annotated[int, Field(strict=True, ge=-INT64_MAX, le=INT64_MAX)]
EnergyWh = Whole
MoneyKrw = SignedWhole
PriceJeon = SignedWhole


class Fact(BaseModel):
    """A frozen record inside an event. Unknown fields are ignored, so that an optional field may be added."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Event(Fact):
    """A fact that a service published. Ids and times of publication stand in the envelope, not here.

    Its records (shared/events/records.py) are checked whenever an event is made of them.
    """

    model_config = ConfigDict(revalidate_instances="always")

    version: ClassVar[int] = 1

    complex_id: Identifier

    @classmethod
    def event_type(cls) -> str:
        """Return the CloudEvents type: the class name and its version."""
        return f"sandan.{cls.__name__}.v{cls.version}"


E_co = TypeVar("E_co", bound=Event, covariant=True)


@dataclass(frozen=True, slots=True)
class Envelope(Generic[E_co]):
    """An event with its id, the instant it occurred and the service that says so."""

    event_id: uuid.UUID
    occurred_at: datetime
    source: str
    event: E_co


def derived_id(cause: uuid.UUID, index: int, event_type: str) -> uuid.UUID:
    """Return the id of the index-th event that a cause led to; a repeat of the cause gives the same id."""
    return uuid.uuid5(cause, f"{index}:{event_type}")


def named_id(*parts: object) -> uuid.UUID:
    """Return an id made of a name (service, complex, interval, ...), for facts that have no causing event."""
    return uuid.uuid5(uuid.NAMESPACE_URL, "sandan:" + "/".join(str(part) for part in parts))
