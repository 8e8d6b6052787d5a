"""Settlement's own tables: what it was told, what it settled, and the ledger, to which the database only lets add."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.settlement.interval import SettledTrade
from shared.db.append_only import keep_append_only
from shared.db.records import RecordColumns
from shared.db.tables import UtcInstant, new_metadata
from shared.events.fems import Quality
from shared.events.records import SettledLine

METADATA = new_metadata()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReading:
    """A meter's interval as it came."""

    meter_id: str
    participant_id: str
    meter_kind: str
    delivery_start: datetime
    import_wh: int
    export_wh: int
    quality: Quality
    reading_version: int

    @property
    def energy_wh(self) -> tuple[int, int]:
        """Return what was drawn and given."""
        return self.import_wh, self.export_wh


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedInvoice:
    """An issued invoice; the next one of the month has the next revision."""

    revision: int
    closing_krw: int
    closing_entry_id: str | None
    content: Mapping[str, Any]


COMPLEX_LOCK = sa.Table("complex_lock", METADATA, sa.Column("complex_id", sa.Text, primary_key=True))

AUCTION = sa.Table(
    "auction",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("auction_id", sa.Text, nullable=False),
    sa.Column("price_jeon_per_kwh", sa.BigInteger),
)

TRADE = sa.Table(
    "trade",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("trade_id", sa.Text, nullable=False, unique=True),
    sa.Column("buyer_id", sa.Text, nullable=False),
    sa.Column("seller_id", sa.Text, nullable=False),
    sa.Column("quantity_wh", sa.BigInteger, nullable=False),
    sa.Column("paid_krw", sa.BigInteger, nullable=False),
    sa.Column("received_krw", sa.BigInteger, nullable=False),
)
TRADE_RECORD = RecordColumns(TRADE, SettledTrade, beside="complex_id delivery_start number")

READING = sa.Table(
    "reading",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("meter_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, nullable=False),
    sa.Column("meter_kind", sa.Text, nullable=False),
    sa.Column("import_wh", sa.BigInteger, nullable=False),
    sa.Column("export_wh", sa.BigInteger, nullable=False),
    sa.Column("quality", sa.Text, nullable=False),
    sa.Column("reading_version", sa.BigInteger, nullable=False, server_default="1"),
)
READING_RECORD = RecordColumns(READING, KeptReading, beside="complex_id")

# What a meter had said before a later reading took its place; the event is the one that brought the later reading.
SUPERSEDED_READING = sa.Table(
    "superseded_reading",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("meter_id", sa.Text, primary_key=True),
    sa.Column("superseded_by", sa.Uuid, primary_key=True),
    sa.Column("superseded_at", UtcInstant, nullable=False),
    sa.Column("import_wh", sa.BigInteger, nullable=False),
    sa.Column("export_wh", sa.BigInteger, nullable=False),
    sa.Column("quality", sa.Text, nullable=False),
)

SETTLED_INTERVAL = sa.Table(
    "settled_interval",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("settled_at", UtcInstant, nullable=False),
)

# Revision 0 is the first settlement; a re-settlement adds the lines that it changed under the next number.
SETTLED_LINE = sa.Table(
    "settled_line",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False, server_default="0"),
    sa.Column("metered_import_wh", sa.BigInteger, nullable=False),
    sa.Column("metered_export_wh", sa.BigInteger, nullable=False),
    sa.Column("bought_wh", sa.BigInteger, nullable=False),
    sa.Column("sold_wh", sa.BigInteger, nullable=False),
    sa.Column("grid_import_wh", sa.BigInteger, nullable=False),
    sa.Column("grid_export_wh", sa.BigInteger, nullable=False),
    sa.Column("grid_import_price_jeon_per_kwh", sa.BigInteger, nullable=False),
    sa.Column("grid_export_price_jeon_per_kwh", sa.BigInteger, nullable=False),
    sa.Column("trade_paid_krw", sa.BigInteger, nullable=False),
    sa.Column("trade_received_krw", sa.BigInteger, nullable=False),
    sa.Column("grid_paid_krw", sa.BigInteger, nullable=False),
    sa.Column("grid_received_krw", sa.BigInteger, nullable=False),
    sa.Column("cost_without_krw", sa.BigInteger, nullable=False),
    sa.Column("short_price_jeon_per_kwh", sa.BigInteger),
    sa.Column("long_price_jeon_per_kwh", sa.BigInteger),
    *(
        sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        for name in ("spread_krw", "loss_wh", "loss_krw")
    ),
)
SETTLED_LINE_RECORD = RecordColumns(SETTLED_LINE, SettledLine, beside="complex_id delivery_start revision")

LEDGER_ENTRY = sa.Table(
    "ledger_entry",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("entry_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("cause_event_id", sa.Uuid, nullable=False),
    sa.Column("corrects_entry_id", sa.Text),
    sa.Index("ledger_entry_by_delivery", "complex_id", "delivery_start"),
)

# That its entry is there is asked once for all lines of a statement, by a trigger: as the ledger only grows, a foreign
# key would hold no more, and its look at each line costs a fifth of a settlement.
LEDGER_LINE = sa.Table(
    "ledger_line",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("entry_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("debit_krw", sa.BigInteger, nullable=False),
    sa.Column("credit_krw", sa.BigInteger, nullable=False),
    sa.CheckConstraint(
        "debit_krw >= 0 AND credit_krw >= 0 AND (debit_krw = 0) <> (credit_krw = 0)", name="ledger_line_has_one_side"
    ),
)


# The audit chain: an entry counts once it has its link, which the database gives only to an entry in balance; no line
# joins an entry after that. The link's hash covers the entry, its lines, and the hash before.
LEDGER_LINK = sa.Table(
    "ledger_link",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("entry_id", sa.Text, nullable=False),
    sa.Column("previous_hash", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.UniqueConstraint("complex_id", "entry_id", name="ledger_link_once_an_entry"),
)

# The operators' chain as the trading API published it, link by link.
OPERATORS_LINK = sa.Table(
    "operators_link",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcInstant, nullable=False),
)

# Who has to be invoiced for a month, or again; the tick works it off.
INVOICE_DUE = sa.Table(
    "invoice_due",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
)

# `closing_krw` is what the ledger holds for the month as billed, `closing_entry_id` the last entry over it.
INVOICE = sa.Table(
    "invoice",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("issued_at", UtcInstant, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("closing_krw", sa.BigInteger, nullable=False),
    sa.Column("closing_entry_id", sa.Text),
    sa.Column("billable_peak_w", sa.BigInteger, nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
)
ISSUED_RECORD = RecordColumns(
    INVOICE, IssuedInvoice, beside="complex_id month participant_id issued_at complete billable_peak_w"
)

LEDGER = (LEDGER_ENTRY, LEDGER_LINE, LEDGER_LINK)
_SAME_ENTRY = "complex_id = {new}.complex_id AND entry_id = {new}.entry_id"
# What a trigger refuses to have inserted: (table, trigger, when, reason).
_REFUSED = (
    (
        "ledger_line",
        "ledger_line_of_entry",
        f"(SELECT COUNT(*) FROM ledger_entry WHERE {_SAME_ENTRY}) = 0",  # noqa: S608 -- own names
        "a ledger line must belong to an entry",
    ),
    (
        "ledger_link",
        "ledger_link_balanced",
        f"(SELECT COALESCE(SUM(debit_krw - credit_krw), 1) FROM ledger_line WHERE {_SAME_ENTRY}) <> 0",  # noqa: S608 -- own
        "a ledger entry must balance",
    ),
    (
        "ledger_line",
        "ledger_line_before_link",
        f"(SELECT COUNT(*) FROM ledger_link WHERE {_SAME_ENTRY}) > 0",  # noqa: S608 -- own names
        "the ledger is append-only",
    ),
)


def _guard_ledger(metadata: sa.MetaData, db: Connection, **_: object) -> None:
    """Make the database keep the ledger's promises; the migrations do the same."""
    del metadata
    keep_append_only(db, LEDGER, function="refuse_ledger_change", reason="the ledger is append-only")
    keep_append_only(db, [OPERATORS_LINK], function="refuse_link_change", reason="the operators'' chain is append-only")
    on_postgresql = db.dialect.name == "postgresql"
    for table, trigger, when, reason in _REFUSED:
        if on_postgresql:
            # Once for all rows of a statement: a call of the function for each takes longer than what it asks.
            db.exec_driver_sql(
                f"CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS "  # noqa: S608 -- own names
                "$$ BEGIN IF EXISTS (SELECT 1 FROM (SELECT DISTINCT complex_id, entry_id FROM inserted) AS entry "
                f"WHERE {when.format(new='entry')}) THEN RAISE EXCEPTION '{reason}'; END IF; RETURN NULL; END $$"
            )
            db.exec_driver_sql(
                f"CREATE TRIGGER {trigger} AFTER INSERT ON {table} REFERENCING NEW TABLE AS inserted "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {trigger}()"
            )
            continue
        db.exec_driver_sql(
            f"CREATE TRIGGER {trigger} BEFORE INSERT ON {table} WHEN {when.format(new='NEW')} "
            f"BEGIN SELECT RAISE(ABORT, '{reason}'); END"
        )


sa.event.listen(METADATA, "after_create", _guard_ledger)
