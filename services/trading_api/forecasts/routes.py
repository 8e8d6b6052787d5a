"""Forecasts and how good they were."""

from fastapi import APIRouter

from services.trading_api.forecasts import queries
from services.trading_api.forecasts.views import AccuracyView, ForecastView, accuracy_view, forecast_view
from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import Cursor, Limit, PageOut, paged
from services.trading_api.http.state import Caller, State
from services.trading_api.roles import Scope

router = APIRouter(prefix="/api/v1", route_class=guarded(Scope.SERIES_READ), tags=["facts"])
ROUTERS = (router,)


@router.get("/forecasts")
def get_forecasts(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[ForecastView]:
    """List the newest forecast of each site."""
    listing = queries.forecast_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(state, listing, forecast_view, limit=limit, cursor=cursor)


@router.get("/accuracy")
def get_accuracy(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[AccuracyView]:
    """List how good the forecasts were, by lead: of each site, and of all sites together."""
    listing = queries.accuracy_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(state, listing, accuracy_view, limit=limit, cursor=cursor)
