"""What the sun and the factories are expected to do."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.events.base import Event, Fact, Identifier, Instant, Whole


class ForecastKind(StrEnum):
    """Available solar power, or a factory's consumption without its solar and battery."""

    PV = "pv"
    LOAD = "load"


class ForecastIssued(Event):
    """Average AC power by 15-minute interval from `first_delivery_start` on; floats, as no money hangs on them.

    Of a learned model, `learned_from` and `learned_until` say from which readings, and `inputs` is their digest.
    `weather_source` names whose weather forecasts a roof's forecast follows, joined by "+" where one goes on where
    another ends; "clear_sky" is nobody's. Null for a load.
    """

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
    learned_from: Instant | None = None
    learned_until: Instant | None = None
    inputs: str | None = None
    weather_source: str | None = None


class LeadAccuracy(Fact):
    """Figures of the forecasts of one range of leads; shares of a roof's inverter limit, or of the mean load.

    `skill_*` compare with smart persistence (a roof) or the week before (a load): 1 is perfect, 0 no better, below 0
    worse. Null where there is nothing to divide by. `coverage` is the share of what came between P10 and P90.
    """

    lead_hours: str
    forecasts: Whole
    nmae: float | None
    rmse_kw: float
    pinball_kw: float
    coverage: float | None
    skill_mae: float | None
    skill_rmse: float | None


class SiteAccuracy(Fact):
    """How good one site's forecasts were; without a site id, those of all sites' sum."""

    site_id: Identifier | None
    participant_id: Identifier | None
    is_drifting: bool
    leads: tuple[LeadAccuracy, ...]


class AccuracyMeasured(Event):
    """The forecasts of up to the last seven days, held against what came. A roof's nights are not counted."""

    kind: ForecastKind
    measured_at: Instant
    days: Annotated[Whole, Field(ge=1)]
    sites: tuple[SiteAccuracy, ...]
