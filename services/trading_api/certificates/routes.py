"""Granular certificates, and how well consumption was matched by them."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import StringConstraints

from services.trading_api.certificates.queries import certificate_list, matched_between
from services.trading_api.certificates.views import (
    CertificateView,
    FactorView,
    MatchingView,
    RegistryView,
    TextView,
    certificate_view,
    factor_view,
    matching_views,
    registry_view,
)
from services.trading_api.http.fields import Day
from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import Cursor, Limit, PageOut, paged
from services.trading_api.http.problems import FieldError, Problem
from services.trading_api.http.state import Caller, State
from services.trading_api.roles import Scope
from shared.db.engine import reading
from shared.intervals import DAY, day_start, month_bounds
from shared.reference.load import emissions

router = APIRouter(prefix="/api/v1", route_class=guarded(Scope.ACCOUNTS_READ), tags=["facts"])
ROUTERS = (router,)
Period = Annotated[
    str,
    Path(description="A day (YYYY-MM-DD) or a month (YYYY-MM), local."),
    StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])(-[0-3][0-9])?$"),
]


class CertificatesOut(PageOut[CertificateView]):
    """A page of bundles, and what holds for all of them."""

    registry: RegistryView


class MatchingOut(PageOut[MatchingView]):
    """Participants' sums, all together, and what they were counted with."""

    total: MatchingView
    factor: FactorView
    note: TextView
    synthetic: TextView


@router.get("/certificates")
def get_certificates(
    state: State, caller: Caller, day: Day | None = None, limit: Limit = 100, cursor: Cursor = None
) -> CertificatesOut:
    """List bundles of certificates, the latest interval first; a factory sees what it made and what it held last."""
    seen_by = caller.participant_id
    span = None if day is None else (day_start(day), day_start(day) + DAY)
    listing = certificate_list(caller.complex_id, seen_by=seen_by, span=span)
    listed = paged(state, listing, lambda row: certificate_view(row, seen_by=seen_by), limit=limit, cursor=cursor)
    registry = registry_view(state.complex_of(caller))
    return CertificatesOut(items=listed.items, next_cursor=listed.next_cursor, registry=registry)


@router.get("/matching/{period}")
def get_matching(period: Period, state: State, caller: Caller) -> MatchingOut:
    """Return what share of its consumption each participant met by certificates, and its CO2 by both methods."""
    first, end = _bounds(period)
    with reading(state.engine) as db:
        rows = matched_between(db, caller.complex_id, first, end, seen_by=caller.participant_id)
    year = int(period[:4])
    factor = emissions().factor_for(year)
    items, total = matching_views(rows, factor)
    registry = registry_view(state.complex_of(caller))
    return MatchingOut(
        items=items,
        next_cursor=None,
        total=total,
        factor=factor_view(factor, year),
        note=registry["note"],
        synthetic=registry["synthetic"],
    )


def _bounds(period: str) -> tuple[datetime, datetime]:
    if len(period) == len("2026-05"):
        return month_bounds(period)
    try:
        day = date.fromisoformat(period)
    except ValueError:
        error = FieldError("path.period", "must be a day that there is", None, period)
        raise Problem("invalid_request", errors=[error]) from None
    return day_start(day), day_start(day) + DAY
