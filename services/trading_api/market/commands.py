"""What an operator asks the market for."""

from services.trading_api.log.commands import AuditedCommand
from shared.events.commands import (
    CalendarChangeRequested,
    LimitsChangeRequested,
    MarketHaltRequested,
    MarketResumeRequested,
    ParticipantResumeRequested,
    ParticipantSuspendRequested,
)
from shared.events.records import CALENDAR_JSON, Calendar


def halt(command: AuditedCommand, reason: str) -> None:
    """Ask the market to halt."""
    by = command.principal
    number = command.record("market.halt", by.complex_id, f"requested: {reason}")
    request = MarketHaltRequested(complex_id=by.complex_id, requested_at=command.now, operator=by.name, reason=reason)
    command.emit(request, number)


def resume(command: AuditedCommand) -> None:
    """Ask the market to go on."""
    by = command.principal
    number = command.record("market.resume", by.complex_id, "requested")
    command.emit(MarketResumeRequested(complex_id=by.complex_id, requested_at=command.now, operator=by.name), number)


def change_limits(
    command: AuditedCommand, participant_id: str, *, open_orders_max: int | None, credit_krw_max: int | None
) -> None:
    """Ask the market to limit what a participant may have open."""
    by = command.principal
    number = command.record("limits.change", participant_id, f"orders {open_orders_max}, credit {credit_krw_max} KRW")
    request = LimitsChangeRequested(
        complex_id=by.complex_id,
        participant_id=participant_id,
        open_orders_max=open_orders_max,
        credit_krw_max=credit_krw_max,
        requested_at=command.now,
        operator=by.name,
    )
    command.emit(request, number)


def suspend_participant(command: AuditedCommand, participant_id: str, reason: str) -> None:
    """Ask the market to take no more of a participant's orders."""
    by = command.principal
    number = command.record("participant.suspend", participant_id, f"requested: {reason}")
    request = ParticipantSuspendRequested(
        complex_id=by.complex_id,
        participant_id=participant_id,
        requested_at=command.now,
        operator=by.name,
        reason=reason,
    )
    command.emit(request, number)


def resume_participant(command: AuditedCommand, participant_id: str) -> None:
    """Ask the market to take a participant's orders again."""
    by = command.principal
    number = command.record("participant.resume", participant_id, "requested")
    request = ParticipantResumeRequested(
        complex_id=by.complex_id, participant_id=participant_id, requested_at=command.now, operator=by.name
    )
    command.emit(request, number)


def change_calendar(command: AuditedCommand, calendar: Calendar) -> None:
    """Ask the market for a new version of its calendar."""
    by = command.principal
    number = command.record("calendar.change", by.complex_id, CALENDAR_JSON.dump_json(calendar).decode())
    request = CalendarChangeRequested(
        complex_id=by.complex_id, requested_at=command.now, operator=by.name, calendar=calendar
    )
    command.emit(request, number)
