"""What-if studies: asked for, seen, taken back."""

from fastapi import APIRouter, Response
from sqlalchemy.engine import RowMapping

from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import PageOut
from services.trading_api.http.problems import Problem
from services.trading_api.http.state import AppState, Caller, State
from services.trading_api.log.commands import AuditedCommand
from services.trading_api.roles import Principal, Scope
from services.trading_api.studies import commands, queries
from services.trading_api.studies.schemas import StudyIn
from services.trading_api.studies.views import StudyResultView, StudyView, study_view
from shared.db.engine import reading

router = APIRouter(prefix="/api/v1/studies", route_class=guarded(Scope.STUDIES_RUN), tags=["studies"])
ROUTERS = (router,)


@router.post("", status_code=202)
def post_study(wanted: StudyIn, response: Response, state: State, caller: Caller) -> StudyView:
    """Ask for a what-if study of a day."""
    with state.begin() as db:
        row = commands.request_study(AuditedCommand(db, caller, state.clock.now()), wanted)
    response.headers["Location"] = f"/api/v1/studies/{row['study_id']}"
    return study_view(row)


@router.get("/{study_id}")
def get_study(study_id: str, state: State, caller: Caller) -> StudyView:
    """Return how far a study is."""
    return study_view(_study(state, caller, study_id))


@router.get("/{study_id}/results")
def get_study_results(study_id: str, state: State, caller: Caller) -> PageOut[StudyResultView]:
    """Return a completed study's scenarios, in the order asked."""
    row = _study(state, caller, study_id)
    if row["results"] is None:
        raise Problem("study_unfinished", study_status=row["status"])
    # What an earlier version kept knows of no feeder.
    return PageOut[StudyResultView](
        items=[{**result, "feeder_limits_broken": result.get("feeder_limits_broken", [])} for result in row["results"]],
        next_cursor=None,
    )


@router.delete("/{study_id}", status_code=202)
def delete_study(study_id: str, state: State, caller: Caller) -> StudyView:
    """Tell the planner that a study is no longer wanted."""
    with state.begin() as db:
        row = commands.cancel_study(AuditedCommand(db, caller, state.clock.now()), study_id)
    if row is None:
        raise Problem("not_found")
    return study_view(row)


def _study(state: AppState, caller: Principal, study_id: str) -> RowMapping:
    with reading(state.engine) as db:
        row = queries.study(db, caller.complex_id, study_id)
    if row is None:
        raise Problem("not_found")
    return row
