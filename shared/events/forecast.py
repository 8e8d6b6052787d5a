"""What the sun and the factories are expected to do."""

from enum import StrEnum

from shared.events.base import Event, Identifier, Instant


class ForecastKind(StrEnum):
    """Available solar power, or a factory's consumption without its solar and battery."""

    PV = "pv"
    LOAD = "load"


class ForecastIssued(Event):
    """Average AC power by 15-minute interval from `first_delivery_start` on; floats, as no money hangs on them."""

    site_id: Identifier
    participant_id: Identifier
    kind: ForecastKind
    issued_at: Instant
    first_delivery_start: Instant
    model: str
    p10_kw: tuple[float, ...]
    p50_kw: tuple[float, ...]
    p90_kw: tuple[float, ...]
    mean_kw: tuple[float, ...]
