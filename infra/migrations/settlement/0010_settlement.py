"""Let the database refuse to change trades, settled lines and invoices, and to replace a row of the books."""

from alembic import op

revision = "0010_settlement"
down_revision = "0009_settlement"
branch_labels = None
depends_on = None

# The keys of each table, by which SQLite would replace a row.
NEW = ("trade", "settled_interval", "settled_line", "invoice")
REPLACED = {
    "the ledger is append-only": {
        "ledger_entry": ("complex_id entry_id",),
        "ledger_line": ("complex_id entry_id number",),
        "ledger_link": ("complex_id number", "complex_id entry_id"),
    },
    "the books are append-only": {
        "trade": ("complex_id delivery_start number", "trade_id"),
        "settled_interval": ("complex_id delivery_start",),
        "settled_line": ("complex_id delivery_start participant_id revision",),
        "invoice": ("complex_id month participant_id revision",),
    },
    "certificates are append-only": {
        "certification": ("complex_id delivery_start revision", "complex_id number"),
        "certificate_bundle": (
            "complex_id delivery_start device_id range_start",
            "complex_id delivery_start device_id range_end",
        ),
        "certificate_slice": (
            "complex_id delivery_start device_id revision range_start",
            "complex_id delivery_start device_id revision range_end",
        ),
        "certificate_line": ("complex_id delivery_start participant_id revision",),
        "storage_record": ("complex_id delivery_start device_id revision",),
        "storage_draw": ("complex_id delivery_start device_id revision charged_at",),
    },
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_books_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the books are append-only'; END $$"
        )
        for table in NEW:
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_books_change()"
            )
        return
    for table in NEW:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the books are append-only'); END"
            )
    for reason, tables in REPLACED.items():
        for table, keys in tables.items():
            same = (" AND ".join(f"{name} = NEW.{name}" for name in key.split()) for key in keys)
            there = " OR ".join(f"({key})" for key in same)
            op.execute(
                f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "  # noqa: S608 -- own names
                f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {there}) BEGIN SELECT RAISE(ABORT, '{reason}'); END"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_books_change() CASCADE")
        return
    for table in NEW:
        for change in ("update", "delete"):
            op.execute(f"DROP TRIGGER {table}_no_{change}")
    for tables in REPLACED.values():
        for table in tables:
            op.execute(f"DROP TRIGGER {table}_no_replace")
