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
# The newest version of each plan that a factory stated; `expected_w` null: its base load.
LOAD_PLAN = table(
    "load_plan",
    "participant_id plan_id",
    *whole("version", "expected_w?"),
    *text("kind"),
    *instant("begin", "end", "stated_at"),
    sa.Column("is_withdrawn", sa.Boolean, nullable=False),
    sa.Index("load_plan_by_end", "complex_id", "end"),
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
