"""The audit chain."""

from fastapi import APIRouter

from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import Cursor, Limit, PageOut, paged
from services.trading_api.http.state import Caller, State
from services.trading_api.operation import queries
from services.trading_api.operation.views import AuditView, audit_view
from services.trading_api.roles import Scope

router = APIRouter(prefix="/api/v1", route_class=guarded(Scope.MARKET_OPERATE), tags=["operation"])
ROUTERS = (router,)


@router.get("/audit")
def get_audit(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[AuditView]:
    """List the audit chain, the newest link first."""
    return paged(state, queries.audit_list(caller.complex_id), audit_view, limit=limit, cursor=cursor)
