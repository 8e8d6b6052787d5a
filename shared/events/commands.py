"""What people asked for through the trading API. Requests are facts too: that they were asked."""

from datetime import date
from typing import Annotated, Literal

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


class BiddingChanged(Event):
    """A factory, or the operator for it, changed how the scheduler bids for it, from a delivery interval on.

    Shares are those of the complex file: 0 is what the grid pays, 1 what it charges. Budgets are of one Korean day of
    delivery; null: none. Intervals before `paused_until` are not bid for.
    """

    participant_id: Identifier
    bidding_version: Whole
    mode: Literal["automatic", "off"]
    buy_share_permille: Annotated[Whole, Field(le=1_000)]
    sell_share_permille: Annotated[Whole, Field(le=1_000)]
    wh_per_day_max: Whole | None
    krw_per_day_max: Whole | None
    paused_until: Instant | None
    effective_from: Instant
    stated_at: Instant
    stated_by: str


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
