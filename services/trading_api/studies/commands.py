"""Ask for a study, and take it back."""

from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.log.commands import AuditedCommand
from services.trading_api.studies import queries
from services.trading_api.studies.domain import ENDED
from services.trading_api.studies.schemas import StudyIn
from shared.events.base import named_id
from shared.events.commands import StudyCancelRequested, StudyRequested


def request_study(command: AuditedCommand, wanted: StudyIn) -> RowMapping:
    """Ask the planner for a study and return its row."""
    by = command.principal
    number = command.record("study.request", "a study", "requested")
    request = StudyRequested(
        complex_id=by.complex_id,
        study_id=str(named_id("study", by.complex_id, number)),
        requested_at=command.now,
        requested_by=by.name,
        trading_day=wanted.trading_day,
        battery_scales=wanted.battery_scales,
        pv_scales=wanted.pv_scales,
        tariff_options=wanted.tariff_options,
    )
    row = {
        "complex_id": request.complex_id,
        "study_id": request.study_id,
        "requested_by": request.requested_by,
        "requested_at": request.requested_at,
        "status": "requested",
        "done": 0,
        "total": wanted.scenarios,
        "asked": request.model_dump(mode="json", include=set(StudyIn.model_fields)),
    }
    queries.save_study(command.db, row)
    command.emit(request, number)
    return _study(command.db, request.complex_id, request.study_id)


def cancel_study(command: AuditedCommand, study_id: str) -> RowMapping | None:
    """Tell the planner that a study is no longer wanted; None where there is no such study."""
    complex_id = command.principal.complex_id
    known = queries.study(command.db, complex_id, study_id)
    if known is None or known["status"] in ENDED:
        return known
    queries.change_study(command.db, complex_id, study_id, status="cancelled")
    number = command.record("study.cancel", study_id, "requested")
    command.emit(StudyCancelRequested(complex_id=complex_id, study_id=study_id, requested_at=command.now), number)
    return _study(command.db, complex_id, study_id)


def _study(db: Connection, complex_id: str, study_id: str) -> RowMapping:
    row = queries.study(db, complex_id, study_id)
    assert row is not None  # noqa: S101 -- written in this transaction; narrows the type
    return row
