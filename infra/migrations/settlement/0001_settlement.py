"""Create the tables of settlement."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0001_settlement"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auction",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("auction_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start"),
    )
    op.create_table(
        "complex_lock", sa.Column("complex_id", sa.Text(), nullable=False), sa.PrimaryKeyConstraint("complex_id")
    )
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("consumed_at", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cause_event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "entry_id"),
    )
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", UtcInstant(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_table(
        "reading",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("meter_kind", sa.Text(), nullable=False),
        sa.Column("import_wh", sa.BigInteger(), nullable=False),
        sa.Column("export_wh", sa.BigInteger(), nullable=False),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start", "meter_id"),
    )
    op.create_table(
        "settled_interval",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("settled_at", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start"),
    )
    op.create_table(
        "settled_line",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("metered_import_wh", sa.BigInteger(), nullable=False),
        sa.Column("metered_export_wh", sa.BigInteger(), nullable=False),
        sa.Column("bought_wh", sa.BigInteger(), nullable=False),
        sa.Column("sold_wh", sa.BigInteger(), nullable=False),
        sa.Column("grid_import_wh", sa.BigInteger(), nullable=False),
        sa.Column("grid_export_wh", sa.BigInteger(), nullable=False),
        sa.Column("grid_import_price_jeon_per_kwh", sa.BigInteger(), nullable=False),
        sa.Column("grid_export_price_jeon_per_kwh", sa.BigInteger(), nullable=False),
        sa.Column("trade_paid_krw", sa.BigInteger(), nullable=False),
        sa.Column("trade_received_krw", sa.BigInteger(), nullable=False),
        sa.Column("grid_paid_krw", sa.BigInteger(), nullable=False),
        sa.Column("grid_received_krw", sa.BigInteger(), nullable=False),
        sa.Column("cost_without_krw", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start", "participant_id"),
    )
    op.create_table(
        "trade",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("trade_id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("seller_id", sa.Text(), nullable=False),
        sa.Column("quantity_wh", sa.BigInteger(), nullable=False),
        sa.Column("paid_krw", sa.BigInteger(), nullable=False),
        sa.Column("received_krw", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start", "number"),
        sa.UniqueConstraint("trade_id"),
    )
    op.create_table(
        "ledger_line",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("debit_krw", sa.BigInteger(), nullable=False),
        sa.Column("credit_krw", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "debit_krw >= 0 AND credit_krw >= 0 AND (debit_krw = 0) <> (credit_krw = 0)",
            name="ledger_line_has_one_side",
        ),
        sa.ForeignKeyConstraint(
            ["complex_id", "entry_id"],
            ["ledger_entry.complex_id", "ledger_entry.entry_id"],
        ),
        sa.PrimaryKeyConstraint("complex_id", "entry_id", "number"),
    )
    _make_append_only("ledger_entry", "ledger_line")


def _make_append_only(*tables: str) -> None:
    """Make the database refuse every change of what the ledger holds."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        op.execute(
            "CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
        )
    for table in tables:
        if on_postgresql:
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()"
            )
            continue
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
            )


def downgrade() -> None:
    op.drop_table("ledger_line")
    op.drop_table("trade")
    op.drop_table("settled_line")
    op.drop_table("settled_interval")
    op.drop_table("reading")
    op.drop_table("outbox")
    op.drop_table("ledger_entry")
    op.drop_table("inbox")
    op.drop_table("complex_lock")
    op.drop_table("auction")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_ledger_change()")
