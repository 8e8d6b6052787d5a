"""Forecasts and how good they were."""

from fastapi import APIRouter

from services.trading_api.forecasts import commands, queries
from services.trading_api.forecasts.schemas import LoadPlanIn, PlanId
from services.trading_api.forecasts.views import (
    AccuracyView,
    ForecastView,
    LoadPlanView,
    accuracy_view,
    forecast_view,
    load_plan_view,
)
from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import Cursor, Limit, PageOut, paged
from services.trading_api.http.problems import FieldError, Problem
from services.trading_api.http.state import Caller, State
from services.trading_api.roles import Principal, Scope
from services.trading_api.text import instant_text

router = APIRouter(prefix="/api/v1", route_class=guarded(Scope.SERIES_READ), tags=["facts"])
stating = APIRouter(prefix="/api/v1/load-plans", route_class=guarded(Scope.PLANS_WRITE), tags=["facts"])
ROUTERS = (router, stating)


@router.get("/forecasts")
def get_forecasts(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[ForecastView]:
    """List the newest forecast of each site."""
    listing = queries.forecast_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(state, listing, forecast_view, limit=limit, cursor=cursor)


@router.get("/load-plans")
def get_load_plans(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[LoadPlanView]:
    """List the plans of consumption that factories stated and did not withdraw."""
    listing = queries.load_plan_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(state, listing, load_plan_view, limit=limit, cursor=cursor)


@stating.put("/{plan_id}")
def put_load_plan(plan_id: PlanId, wanted: LoadPlanIn, state: State, caller: Caller) -> LoadPlanView:
    """State a plan of the own consumption, or a new version of it; forecasts heed it from now on."""
    now = state.clock.now()
    if wanted.end <= now:
        error = FieldError("end", "must be in the future", None, instant_text(wanted.end))
        raise Problem("invalid_request", errors=[error])
    with state.begin() as db:
        plan = commands.state_plan(db, _owner(caller), plan_id, wanted, now)
    return load_plan_view(queries.PLAN_RECORD.row(plan))


@stating.delete("/{plan_id}")
def delete_load_plan(plan_id: PlanId, state: State, caller: Caller) -> LoadPlanView:
    """Withdraw a plan, which is its last version: forecasts from now on do without it."""
    with state.begin() as db:
        withdrawn = commands.withdraw_plan(db, _owner(caller), plan_id, state.clock.now())
    if withdrawn is None:
        raise Problem("not_found")
    return load_plan_view(queries.PLAN_RECORD.row(withdrawn))


def _owner(caller: Principal) -> tuple[str, str]:
    assert caller.participant_id is not None  # noqa: S101 -- whoever may state plans is a factory; narrows the type
    return caller.complex_id, caller.participant_id


@router.get("/accuracy")
def get_accuracy(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[AccuracyView]:
    """List how good the forecasts were, by lead: of each site, and of all sites together."""
    listing = queries.accuracy_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(state, listing, accuracy_view, limit=limit, cursor=cursor)
