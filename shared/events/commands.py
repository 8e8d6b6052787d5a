"""What people asked for through the trading API. Requests are facts too: that they were asked."""

from datetime import date
from typing import Annotated

from pydantic import Field

from shared.events.base import Event, Identifier, Instant


class MarketHaltRequested(Event):
    """An operator asked to halt the market."""

    requested_at: Instant
    operator: str
    reason: str


class MarketResumeRequested(Event):
    """An operator asked to resume the market."""

    requested_at: Instant
    operator: str


class StudyRequested(Event):
    """A planner asked what a day would have cost with other batteries, more solar or another tariff."""

    study_id: Identifier
    requested_at: Instant
    requested_by: str
    trading_day: date
    battery_scales: tuple[Annotated[float, Field(ge=0, le=100)], ...]
    pv_scales: tuple[Annotated[float, Field(ge=0, le=100)], ...]
    tariff_options: tuple[str, ...]


class StudyCancelRequested(Event):
    """Whoever asked for a study no longer wants it."""

    study_id: Identifier
    requested_at: Instant
