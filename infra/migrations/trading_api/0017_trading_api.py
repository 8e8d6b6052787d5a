"""Let the database refuse to change, take out or replace a link of the operators' chain."""

from alembic import op

revision = "0017_trading_api"
down_revision = "0016_trading_api"
branch_labels = None
depends_on = None

# The keys of each table, by which SQLite would replace a row.
NEW = ("audit",)
REPLACED = {
    "the audit chain is append-only": {
        "audit": ("complex_id number",),
    },
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit chain is append-only'; END $$"
        )
        for table in NEW:
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"
            )
        return
    for table in NEW:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the audit chain is append-only'); END"
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
        op.execute("DROP FUNCTION refuse_audit_change() CASCADE")
        return
    for table in NEW:
        for change in ("update", "delete"):
            op.execute(f"DROP TRIGGER {table}_no_{change}")
    for tables in REPLACED.values():
        for table in tables:
            op.execute(f"DROP TRIGGER {table}_no_replace")
