"""Issue monthly invoices."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0004_settlement"
down_revision = "0003_settlement"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "invoice",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("issued_at", UtcInstant(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("closing_krw", sa.BigInteger(), nullable=False),
        sa.Column("closing_entry_id", sa.Text(), nullable=True),
        sa.Column("billable_peak_w", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "month", "participant_id", "revision"),
    )
    op.create_table(
        "invoice_due",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "month", "participant_id"),
    )


def downgrade() -> None:
    op.drop_table("invoice_due")
    op.drop_table("invoice")
