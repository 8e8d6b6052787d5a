"""Chain the ledger's entries, those of before included; a link takes an entry in balance, and closes it."""

from itertools import groupby

import sqlalchemy as sa
from alembic import op

from shared.db.hashchain import link_hash
from shared.db.tables import UtcInstant

revision = "0003_settlement"
down_revision = "0002_settlement"
branch_labels = None
depends_on = None

OF_NEW = "complex_id = NEW.complex_id AND entry_id = NEW.entry_id"
REFUSED = (
    (
        "ledger_link",
        "ledger_link_balanced",
        f"(SELECT COALESCE(SUM(debit_krw - credit_krw), 1) FROM ledger_line WHERE {OF_NEW}) <> 0",  # noqa: S608 -- own
        "a ledger entry must balance",
    ),
    (
        "ledger_line",
        "ledger_line_before_link",
        f"EXISTS (SELECT 1 FROM ledger_link WHERE {OF_NEW})",  # noqa: S608 -- own names
        "the ledger is append-only",
    ),
)

ENTRY = sa.table(
    "ledger_entry",
    sa.column("complex_id", sa.Text()),
    sa.column("entry_id", sa.Text()),
    sa.column("delivery_start", UtcInstant()),
    sa.column("kind", sa.Text()),
    sa.column("cause_event_id", sa.Uuid()),
    sa.column("corrects_entry_id", sa.Text()),
)
LINE = sa.table(
    "ledger_line",
    sa.column("complex_id", sa.Text()),
    sa.column("entry_id", sa.Text()),
    sa.column("number", sa.Integer()),
    sa.column("account", sa.Text()),
    sa.column("debit_krw", sa.BigInteger()),
    sa.column("credit_krw", sa.BigInteger()),
)


def upgrade() -> None:
    link = op.create_table(
        "ledger_link",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["complex_id", "entry_id"], ["ledger_entry.complex_id", "ledger_entry.entry_id"]),
        sa.PrimaryKeyConstraint("complex_id", "number"),
        sa.UniqueConstraint("complex_id", "entry_id", name="ledger_link_once_an_entry"),
    )
    _link_what_is_there(link)
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        op.execute(
            "CREATE TRIGGER ledger_link_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_link "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()"
        )
    else:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER ledger_link_no_{change.lower()} BEFORE {change} ON ledger_link "
                "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
            )
    for table, trigger, when, reason in REFUSED:
        if on_postgresql:
            op.execute(
                f"CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN IF {when} THEN RAISE EXCEPTION '{reason}'; END IF; RETURN NEW; END $$"
            )
            op.execute(f"CREATE TRIGGER {trigger} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {trigger}()")
        else:
            op.execute(
                f"CREATE TRIGGER {trigger} BEFORE INSERT ON {table} WHEN {when} "
                f"BEGIN SELECT RAISE(ABORT, '{reason}'); END"
            )


def _link_what_is_there(link: sa.Table) -> None:
    """Give the entries of before their links, in the order of delivery and name."""
    db = op.get_bind()
    lines: dict[tuple[str, str], list[list[object]]] = {}
    for row in db.execute(sa.select(LINE).order_by(LINE.c.complex_id, LINE.c.entry_id, LINE.c.number)):
        posting: list[object] = [row.account, row.debit_krw, row.credit_krw]
        lines.setdefault((row.complex_id, row.entry_id), []).append(posting)
    ordered = sa.select(ENTRY).order_by(ENTRY.c.complex_id, ENTRY.c.delivery_start, ENTRY.c.entry_id)
    for _, entries in groupby(db.execute(ordered).mappings().all(), key=lambda entry: entry["complex_id"]):
        previous_hash = ""
        for number, entry in enumerate(entries, start=1):
            place = {"number": number, "previous_hash": previous_hash}
            key = (entry["complex_id"], entry["entry_id"])
            digest = link_hash({**entry, **place, "lines": lines.get(key, [])})
            told = {"complex_id": key[0], "entry_id": key[1], **place, "hash": digest}
            db.execute(sa.insert(link).values(told))
            previous_hash = digest


def downgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for table, trigger, _, _ in REFUSED:
        op.execute(f"DROP TRIGGER {trigger} ON {table}" if on_postgresql else f"DROP TRIGGER {trigger}")
        if on_postgresql:
            op.execute(f"DROP FUNCTION {trigger}()")
    op.drop_table("ledger_link")
