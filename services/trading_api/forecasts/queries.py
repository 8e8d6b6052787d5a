"""Forecasts and how good they were."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.trading_api.db.paging import Listing
from services.trading_api.db.sql import of_complex, seen_only, upsert
from services.trading_api.forecasts.tables import ACCURACY, FORECAST, LOAD_PLAN
from shared.db.records import RecordColumns
from shared.events.records import LoadPlan

PLAN_RECORD = RecordColumns(LOAD_PLAN, LoadPlan, beside="complex_id")


def forecast_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List the newest forecast of each site."""
    newest = (
        sa.select(FORECAST.c.site_id, FORECAST.c.kind, sa.func.max(FORECAST.c.first_delivery_start).label("newest"))
        .where(FORECAST.c.complex_id == complex_id)
        .group_by(FORECAST.c.site_id, FORECAST.c.kind)
        .subquery()
    )
    is_newest = (
        (FORECAST.c.site_id == newest.c.site_id)
        & (FORECAST.c.kind == newest.c.kind)
        & (FORECAST.c.first_delivery_start == newest.c.newest)
    )
    query = seen_only(of_complex(FORECAST, complex_id).join(newest, is_newest), FORECAST, seen_by)
    return Listing("forecasts", query, (FORECAST.c.site_id, FORECAST.c.kind))


def load_plan_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List the plans that hold, the newest version of each."""
    query = seen_only(of_complex(LOAD_PLAN, complex_id), LOAD_PLAN, seen_by).where(~LOAD_PLAN.c.is_withdrawn)
    return Listing("load_plans", query, (LOAD_PLAN.c.participant_id, LOAD_PLAN.c.plan_id))


def load_plan(db: Connection, complex_id: str, participant_id: str, plan_id: str) -> LoadPlan | None:
    """Return the newest version of a factory's plan, withdrawn or not."""
    query = of_complex(LOAD_PLAN, complex_id).where(
        LOAD_PLAN.c.participant_id == participant_id, LOAD_PLAN.c.plan_id == plan_id
    )
    row = db.execute(query).one_or_none()
    return None if row is None else PLAN_RECORD.record(row)


def save_load_plan(db: Connection, complex_id: str, plan: LoadPlan) -> None:
    """Keep a plan's newest version."""
    upsert(db, LOAD_PLAN, [PLAN_RECORD.row(plan, complex_id=complex_id)], newer="version")


def accuracy_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List the newest accuracy of each site, and of all together."""
    query = of_complex(ACCURACY, complex_id)
    if seen_by is not None:
        query = query.where((ACCURACY.c.participant_id == seen_by) | ACCURACY.c.participant_id.is_(None))
    return Listing("accuracy", query, (ACCURACY.c.kind, ACCURACY.c.site_id))
