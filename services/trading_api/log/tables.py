"""The tables of the numbered logs."""

import sqlalchemy as sa

from services.trading_api.db.metadata import instant, table, text, whole

# The last number of a log of one complex; advancing it takes the row's lock, so numbers are committed in order.
LOG_HEAD = table("log_head", "log", *whole("last_number"), *text("last_hash"))
AUDIT = table(
    "audit",
    "",
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    *instant("at"),
    *text("key_id", "who", "role", "action", "object", "result", "previous_hash", "hash"),
)
STREAM = table(
    "stream",
    "",
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    *text("audience", "kind"),
    *instant("at"),
    sa.Column("payload", sa.JSON, nullable=False),
)
