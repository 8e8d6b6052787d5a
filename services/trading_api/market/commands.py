"""What an operator asks the market for: each is a deed, whose outcome the market tells."""

from services.trading_api.log.commands import AuditedCommand
from services.trading_api.market.queries import save_deed
from services.trading_api.market.schemas import Asked
from services.trading_api.text import instant_text
from shared.events.base import Event
from shared.events.commands import (
    CalendarChangeRequested,
    LimitsChangeRequested,
    MarketHaltRequested,
    MarketResumeRequested,
    ParticipantResumeRequested,
    ParticipantSuspendRequested,
)
from shared.events.records import CALENDAR_JSON, Calendar


def halt(command: AuditedCommand, reason: str) -> Asked:
    """Ask the market to halt."""
    by = command.principal
    request = MarketHaltRequested(complex_id=by.complex_id, requested_at=command.now, operator=by.name, reason=reason)
    return _asked(command, "market.halt", by.complex_id, f"requested: {reason}", request)


def resume(command: AuditedCommand) -> Asked:
    """Ask the market to go on."""
    by = command.principal
    request = MarketResumeRequested(complex_id=by.complex_id, requested_at=command.now, operator=by.name)
    return _asked(command, "market.resume", by.complex_id, "requested", request)


def change_limits(
    command: AuditedCommand, participant_id: str, *, open_orders_max: int | None, credit_krw_max: int | None
) -> Asked:
    """Ask the market to limit what a participant may have open."""
    by = command.principal
    request = LimitsChangeRequested(
        complex_id=by.complex_id,
        participant_id=participant_id,
        open_orders_max=open_orders_max,
        credit_krw_max=credit_krw_max,
        requested_at=command.now,
        operator=by.name,
    )
    limits = f"orders {open_orders_max}, credit {credit_krw_max} KRW"
    return _asked(command, "limits.change", participant_id, limits, request)


def suspend_participant(command: AuditedCommand, participant_id: str, reason: str) -> Asked:
    """Ask the market to take no more of a participant's orders."""
    by = command.principal
    request = ParticipantSuspendRequested(
        complex_id=by.complex_id,
        participant_id=participant_id,
        requested_at=command.now,
        operator=by.name,
        reason=reason,
    )
    return _asked(command, "participant.suspend", participant_id, f"requested: {reason}", request)


def resume_participant(command: AuditedCommand, participant_id: str) -> Asked:
    """Ask the market to take a participant's orders again."""
    by = command.principal
    request = ParticipantResumeRequested(
        complex_id=by.complex_id, participant_id=participant_id, requested_at=command.now, operator=by.name
    )
    return _asked(command, "participant.resume", participant_id, "requested", request)


def change_calendar(command: AuditedCommand, calendar: Calendar) -> Asked:
    """Ask the market for a new version of its calendar."""
    by = command.principal
    request = CalendarChangeRequested(
        complex_id=by.complex_id, requested_at=command.now, operator=by.name, calendar=calendar
    )
    return _asked(command, "calendar.change", by.complex_id, CALENDAR_JSON.dump_json(calendar).decode(), request)


def _asked(command: AuditedCommand, action: str, target: str, result: str, request: Event) -> Asked:
    """Write a deed down and publish it; what comes of it is the market's to say."""
    deed_id = str(command.emit(request, command.record(action, target, result)))
    row = {
        "complex_id": request.complex_id,
        "deed_id": deed_id,
        "action": action,
        "object": target,
        "operator": command.principal.name,
        "requested_at": command.now,
    }
    save_deed(command.db, row)
    return Asked(deed_id=deed_id, requested_at=instant_text(command.now))
