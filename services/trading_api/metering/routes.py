"""Readings and devices."""

from fastapi import APIRouter

from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import Cursor, Limit, PageOut, paged
from services.trading_api.http.state import Caller, State
from services.trading_api.metering import queries
from services.trading_api.metering.devices import DeviceView, devices_shown
from services.trading_api.metering.views import ReadingView, reading_view
from services.trading_api.roles import Scope

router = APIRouter(prefix="/api/v1", route_class=guarded(Scope.SERIES_READ), tags=["facts"])
ROUTERS = (router,)


@router.get("/readings")
def get_readings(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[ReadingView]:
    """List meter readings, the latest first."""
    listing = queries.reading_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(state, listing, reading_view, limit=limit, cursor=cursor)


@router.get("/devices")
def get_devices(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[DeviceView]:
    """List the devices as they were last heard; of what is `stale` or has `flags`, nothing counts as of now."""
    listing = queries.device_list(caller.complex_id, seen_by=caller.participant_id)
    show = devices_shown(state.complex_of(caller), now=state.clock.shown(), speed=state.clock.speed)
    return paged(state, listing, show, limit=limit, cursor=cursor)
