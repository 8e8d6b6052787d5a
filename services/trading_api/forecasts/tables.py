"""The tables of forecasts and of how good they were."""

import sqlalchemy as sa

from services.trading_api.db.metadata import instant, table, text, whole

FORECAST = table(
    "forecast",
    "site_id kind first_delivery_start@",
    *text("participant_id", "model"),
    *instant("issued_at"),
    sa.Column("series", sa.JSON, nullable=False),
    sa.Index("forecast_by_start", "complex_id", "first_delivery_start"),
)
ACCURACY = table(
    "accuracy",
    "kind site_id",  # "" stands for all sites of the kind together
    *text("participant_id?"),
    *instant("measured_at"),
    *whole("days"),
    sa.Column("is_drifting", sa.Boolean, nullable=False),
    sa.Column("leads", sa.JSON, nullable=False),
)
