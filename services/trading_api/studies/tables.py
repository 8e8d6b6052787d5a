"""The table of what-if studies."""

import sqlalchemy as sa

from services.trading_api.db.metadata import instant, table, text, whole

STUDY = table(
    "study",
    "study_id",
    *text("requested_by", "status", "reason?"),
    *instant("requested_at"),
    *whole("done", "total"),
    sa.Column("asked", sa.JSON, nullable=False),
    sa.Column("results", sa.JSON),
)
