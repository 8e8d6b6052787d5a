"""The tables of what the market has said that orders must keep."""

import sqlalchemy as sa

from services.trading_api.db.metadata import instant, table, text, whole
from shared.db.records import RecordColumns
from shared.events.market import LimitsChanged

CALENDAR = table(
    "calendar",
    "",
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    *instant("effective_from", "requested_at"),
    *text("operator"),
    sa.Column("calendar", sa.JSON, nullable=False),
)
LIMITS = table(
    "limits",
    "participant_id",
    *whole("open_orders_max?", "credit_krw_max?"),
    *instant("changed_at"),
    *text("operator"),
)
LIMITS_RECORD = RecordColumns(LIMITS, LimitsChanged, beside="")
# The market's newest word about a participant; one of whom it never spoke has no row.
PARTICIPANT_STATE = table(
    "participant_state",
    "participant_id",
    sa.Column("suspended", sa.Boolean, nullable=False),
    *text("reason", "operator"),
    *instant("since"),
)
