"""What people asked for through the trading API. Requests are facts too: that they were asked."""

from datetime import date
from typing import Annotated

from pydantic import Field

from shared.events.base import Event, Identifier, Instant, Whole
from shared.events.records import Calendar, LoadPlan


class DeedRecorded(Event):
    """A link was added to the operators' chain: kept elsewhere, it shows where the chain was made anew or cut off."""

    number: Whole
    hash: str
    recorded_at: Instant


class MarketHaltRequested(Event):
    """An operator asked to halt the market."""

    requested_at: Instant
    operator: str
    reason: str


class MarketResumeRequested(Event):
    """An operator asked to resume the market."""

    requested_at: Instant
    operator: str


class CalendarChangeRequested(Event):
    """An operator asked for a new version of the market calendar."""

    requested_at: Instant
    operator: str
    calendar: Calendar


class LimitsChangeRequested(Event):
    """An operator asked to limit what one participant may have open; null: no limit of its own."""

    participant_id: Identifier
    open_orders_max: Whole | None
    credit_krw_max: Whole | None
    requested_at: Instant
    operator: str


class ParticipantSuspendRequested(Event):
    """An operator asked to take no more orders of one participant."""

    participant_id: Identifier
    requested_at: Instant
    operator: str
    reason: str


class ParticipantResumeRequested(Event):
    """An operator asked to take a suspended participant's orders again."""

    participant_id: Identifier
    requested_at: Instant
    operator: str


class LoadPlanStated(Event):
    """A factory stated a plan of its consumption, or a new version of it; forecasts heed it from then on."""

    plan: LoadPlan


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
