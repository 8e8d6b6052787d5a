"""What operators ask of the market."""

import logging

from sqlalchemy.engine import Connection

from optimizers.orders.admission import Withdrawal
from optimizers.orders.book_order import ParticipantLimits, Venue
from optimizers.orders.calendar_change import CalendarStanding, refusal_of
from optimizers.orders.rules import OrderRules
from services.market.handlers.orders import take_out
from services.market.handlers.venues import Venues
from services.market.store.calendar import newest_version, save_limits, save_version
from services.market.store.orders import orders_to_withdraw
from services.market.store.progress import end_halt, open_halt, save_halt
from services.market.store.suspensions import end_suspension, open_suspension, save_suspension
from shared.events.base import Envelope, Event
from shared.events.commands import (
    CalendarChangeRequested,
    LimitsChangeRequested,
    MarketHaltRequested,
    MarketResumeRequested,
    ParticipantResumeRequested,
    ParticipantSuspendRequested,
)
from shared.events.market import (
    CalendarChanged,
    CalendarChangeRefused,
    DeedDecided,
    LimitsChanged,
    MarketHalted,
    MarketResumed,
    ParticipantResumed,
    ParticipantSuspended,
)
from shared.runtime.runloop import RuleBroken

logger = logging.getLogger(__name__)


class CommandHandlers:
    """Do what operators ask, or say which rule forbids it."""

    def __init__(self, venues: Venues) -> None:
        self._venues = venues

    def on_halt_requested(self, envelope: Envelope[MarketHaltRequested], db: Connection) -> list[Event]:
        """Take no more orders from the instant of the request on; a halted market stays halted."""
        event = envelope.event
        venue = self._venues[event.complex_id]
        if open_halt(db, venue.complex_id) is not None:
            return _decided(envelope)
        save_halt(db, venue.complex_id, event.requested_at)
        logger.warning("market halted", extra={"complex_id": venue.complex_id, "operator": event.operator})
        halted = MarketHalted(
            complex_id=venue.complex_id, halted_at=event.requested_at, reason=event.reason, operator=event.operator
        )
        return _decided(envelope, halted)

    def on_resume_requested(self, envelope: Envelope[MarketResumeRequested], db: Connection) -> list[Event]:
        """Take orders again from the instant of the request on."""
        event = envelope.event
        venue = self._venues[event.complex_id]
        if open_halt(db, venue.complex_id) is None:
            return _decided(envelope)
        end_halt(db, venue.complex_id, event.requested_at)
        logger.warning("market resumed", extra={"complex_id": venue.complex_id, "operator": event.operator})
        resumed = MarketResumed(complex_id=venue.complex_id, resumed_at=event.requested_at, operator=event.operator)
        return _decided(envelope, resumed)

    def on_calendar_change_requested(self, envelope: Envelope[CalendarChangeRequested], db: Connection) -> list[Event]:
        """Add a version of the calendar, which holds from an instant to come, or say which rule the request breaks."""
        event = envelope.event
        venue = self._venues[event.complex_id]
        newest, newest_from = newest_version(db, venue.complex_id)

        standing = CalendarStanding(venue.rules.gate_closure_lead, venue.sites.keys(), newest_from)
        broken = refusal_of(event.calendar, standing, requested_at=event.requested_at)

        request = {"requested_at": event.requested_at, "operator": event.operator}
        if broken is not None:
            _, rule = broken
            logger.warning("calendar change refused", extra={"complex_id": venue.complex_id, "rule": rule})
            refused = CalendarChangeRefused(complex_id=venue.complex_id, detail=rule, **request)
            return _decided(envelope, refused, refusal=rule)
        rules = OrderRules(version=newest + 1, calendar=event.calendar)
        save_version(db, venue.complex_id, rules, requested_at=event.requested_at, operator=event.operator)
        logger.warning("calendar changed", extra={"complex_id": venue.complex_id, "version": rules.version})
        changed = CalendarChanged(
            complex_id=venue.complex_id, calendar_version=rules.version, calendar=rules.calendar, **request
        )
        return _decided(envelope, changed)

    def on_limits_change_requested(self, envelope: Envelope[LimitsChangeRequested], db: Connection) -> list[Event]:
        """Limit what a participant may have open, for orders stamped from now on."""
        event = envelope.event
        venue = self._venues[event.complex_id]
        _require_member(venue, event.participant_id)
        limits = ParticipantLimits(event.open_orders_max, event.credit_krw_max)
        save_limits(db, venue.complex_id, event.participant_id, limits, changed_at=event.requested_at)
        logger.info("limits changed", extra={"participant_id": event.participant_id, "operator": event.operator})
        changed = LimitsChanged(
            complex_id=venue.complex_id,
            participant_id=event.participant_id,
            open_orders_max=event.open_orders_max,
            credit_krw_max=event.credit_krw_max,
            changed_at=event.requested_at,
            operator=event.operator,
        )
        return _decided(envelope, changed)

    def on_suspend_requested(self, envelope: Envelope[ParticipantSuspendRequested], db: Connection) -> list[Event]:
        """Take no more orders of a participant from the request on, and cancel those whose gate is open."""
        event = envelope.event
        venue = self._venues[event.complex_id]
        _require_member(venue, event.participant_id)
        if open_suspension(db, venue.complex_id, event.participant_id) is not None:
            return _decided(envelope)
        save_suspension(db, venue.complex_id, event.participant_id, event.requested_at)
        withdrawal = Withdrawal(event.participant_id, event.requested_at, "suspended")
        standing = orders_to_withdraw(db, venue.complex_id, withdrawal)
        cancelled = [one for order in standing for one in take_out(venue, order, withdrawal, db)]
        facts = {"participant_id": event.participant_id, "operator": event.operator, "orders": len(cancelled)}
        logger.warning("participant suspended", extra=facts)
        suspended = ParticipantSuspended(
            complex_id=venue.complex_id,
            participant_id=event.participant_id,
            suspended_at=event.requested_at,
            reason=event.reason,
            operator=event.operator,
        )
        return _decided(envelope, suspended, *cancelled)

    def on_participant_resume_requested(
        self, envelope: Envelope[ParticipantResumeRequested], db: Connection
    ) -> list[Event]:
        """Take a participant's orders again from the instant of the request on; what was cancelled stays so."""
        event = envelope.event
        venue = self._venues[event.complex_id]
        _require_member(venue, event.participant_id)
        if open_suspension(db, venue.complex_id, event.participant_id) is None:
            return _decided(envelope)
        end_suspension(db, venue.complex_id, event.participant_id, event.requested_at)
        facts = {"participant_id": event.participant_id, "operator": event.operator}
        logger.warning("participant resumed", extra=facts)
        resumed = ParticipantResumed(
            complex_id=venue.complex_id,
            participant_id=event.participant_id,
            resumed_at=event.requested_at,
            operator=event.operator,
        )
        return _decided(envelope, resumed)


def _decided(envelope: Envelope[Event], *events: Event, refusal: str | None = None) -> list[Event]:
    """Return what follows from a request, and what came of it: where nothing follows, it was so already."""
    outcome = "refused" if refusal is not None else "done" if events else "unchanged"
    told = DeedDecided(
        complex_id=envelope.event.complex_id, deed_id=str(envelope.event_id), outcome=outcome, detail=refusal
    )
    return [*events, told]


def _require_member(venue: Venue, participant_id: str) -> None:
    if participant_id not in venue.sites:
        raise RuleBroken(f"participant_id must be one of {sorted(venue.sites)}, was {participant_id}")
