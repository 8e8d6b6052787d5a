"""Settle again when a meter's value is corrected: keep what was known before, and name what a correction corrects."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0002_settlement"
down_revision = "0001_settlement"
branch_labels = None
depends_on = None

AMOUNTS = (
    "metered_import_wh",
    "metered_export_wh",
    "bought_wh",
    "sold_wh",
    "grid_import_wh",
    "grid_export_wh",
    "grid_import_price_jeon_per_kwh",
    "grid_export_price_jeon_per_kwh",
    "trade_paid_krw",
    "trade_received_krw",
    "grid_paid_krw",
    "grid_received_krw",
    "cost_without_krw",
)


def upgrade() -> None:
    op.create_table(
        "superseded_reading",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("superseded_by", sa.Uuid(), nullable=False),
        sa.Column("superseded_at", UtcInstant(), nullable=False),
        sa.Column("import_wh", sa.BigInteger(), nullable=False),
        sa.Column("export_wh", sa.BigInteger(), nullable=False),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start", "meter_id", "superseded_by"),
    )
    # Added in place: Alembic's batches would copy the table, and its triggers would not come along.
    op.add_column("ledger_entry", sa.Column("corrects_entry_id", sa.Text(), nullable=True))
    op.create_index("ledger_entry_by_delivery", "ledger_entry", ["complex_id", "delivery_start"])
    _remake_lines([sa.Column("revision", sa.Integer(), server_default="0", nullable=False)])


def downgrade() -> None:
    op.execute("DELETE FROM settled_line WHERE revision > 0")
    _remake_lines([])
    op.drop_index("ledger_entry_by_delivery", "ledger_entry")
    op.drop_column("ledger_entry", "corrects_entry_id")
    op.drop_table("superseded_reading")


def _remake_lines(more_of_the_key: list[sa.Column[int]]) -> None:
    """Make the table anew, as SQLite can't change a primary key, and keep its rows."""
    names = [column.name for column in more_of_the_key]
    op.create_table(
        "settled_line_new",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        *more_of_the_key,
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in AMOUNTS),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start", "participant_id", *names),
    )
    kept = ", ".join(("complex_id", "delivery_start", "participant_id", *AMOUNTS))
    op.execute(f"INSERT INTO settled_line_new ({kept}) SELECT {kept} FROM settled_line")  # noqa: S608 -- own names
    op.drop_table("settled_line")
    op.rename_table("settled_line_new", "settled_line")
