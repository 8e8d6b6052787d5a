"""The tables of the numbered logs."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.trading_api.db.metadata import METADATA, instant, table, text, whole
from shared.db.append_only import keep_append_only

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


def _guard_audit(metadata: sa.MetaData, db: Connection, **_: object) -> None:
    """Make the database refuse changes; the migrations do the same."""
    del metadata
    keep_append_only(db, [AUDIT], function="refuse_audit_change", reason="the audit chain is append-only")


sa.event.listen(METADATA, "after_create", _guard_audit)
