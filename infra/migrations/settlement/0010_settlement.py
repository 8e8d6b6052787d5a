"""Let SQLite refuse to replace a row of the ledger or of the certificates by inserting it again."""

from alembic import op

revision = "0010_settlement"
down_revision = "0009_settlement"
branch_labels = None
depends_on = None

# The keys of each table, by which SQLite would replace a row.
REPLACED = {
    "the ledger is append-only": {
        "ledger_entry": ("complex_id entry_id",),
        "ledger_line": ("complex_id entry_id number",),
        "ledger_link": ("complex_id number", "complex_id entry_id"),
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
        return
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
        return
    for tables in REPLACED.values():
        for table in tables:
            op.execute(f"DROP TRIGGER {table}_no_replace")
