"""One site whose forecasts are backtested: what is known of it beside its meter."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class SiteKind(StrEnum):
    """What a site's meter measures."""

    PV = "pv"
    LOAD = "load"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A solar plant or a factory; None is unknown, and learned where it matters.

    Attributes:
        timezone: IANA name of the site's days.
        rest_days: Public holidays on which factories rest.
    """

    site: str
    kind: SiteKind
    latitude: float
    longitude: float
    altitude_m: float = 0.0
    capacity_kw_ac: float | None = None
    capacity_kw_dc: float | None = None
    tilt_deg: float | None = None
    azimuth_deg: float | None = None
    timezone: str = "UTC"
    rest_days: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if self.kind is SiteKind.PV and not (self.capacity_kw_ac and self.capacity_kw_ac > 0):
            raise ValueError(f"a pv site's capacity_kw_ac must be > 0, was {self.capacity_kw_ac}")
