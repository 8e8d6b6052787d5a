"""The tables of batteries' charge, set-points and plans."""

import sqlalchemy as sa

from services.trading_api.db.metadata import instant, table, text, whole

SOC = table(
    "soc",
    "device_id delivery_start@",
    *instant("observed_at"),
    *whole("soc_wh"),
    sa.Index("soc_by_delivery", "complex_id", "delivery_start"),
)
SETPOINT = table(
    "setpoint",
    "setpoint_id",
    *text("device_id", "participant_id?", "status", "reason?", "detail?"),
    *instant("delivery_start", "issued_at?", "confirmed_at?"),
    *whole("status_rank", "setpoint_w"),
    sa.Index("setpoint_by_delivery", "complex_id", "delivery_start"),
)
SCHEDULE = table(
    "schedule",
    "schedule_id",
    *text("device_id", "participant_id", "status"),
    *instant("solved_at", "first_delivery_start"),
    sa.Column("series", sa.JSON, nullable=False),
    sa.Index("schedule_by_start", "complex_id", "first_delivery_start"),
)
