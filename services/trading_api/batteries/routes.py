"""The batteries' plans."""

from fastapi import APIRouter

from services.trading_api.batteries import queries
from services.trading_api.batteries.views import ScheduleView, schedule_view
from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import Cursor, Limit, PageOut, paged
from services.trading_api.http.state import Caller, State
from services.trading_api.roles import Scope

router = APIRouter(prefix="/api/v1", route_class=guarded(Scope.SERIES_READ), tags=["facts"])
ROUTERS = (router,)


@router.get("/schedules")
def get_schedules(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[ScheduleView]:
    """List the newest plan of each battery."""
    listing = queries.schedule_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(state, listing, schedule_view, limit=limit, cursor=cursor)
