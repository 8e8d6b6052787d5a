"""Forecasts and how good they were."""

import sqlalchemy as sa

from services.trading_api.db.paging import Listing
from services.trading_api.db.sql import of_complex, seen_only
from services.trading_api.forecasts.tables import ACCURACY, FORECAST


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


def accuracy_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List the newest accuracy of each site, and of all together."""
    query = of_complex(ACCURACY, complex_id)
    if seen_by is not None:
        query = query.where((ACCURACY.c.participant_id == seen_by) | ACCURACY.c.participant_id.is_(None))
    return Listing("accuracy", query, (ACCURACY.c.kind, ACCURACY.c.site_id))
