"""Keep monthly invoices."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0006_trading_api"
down_revision = "0005_trading_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "invoice",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=False),
        sa.Column("issued_at", UtcInstant(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "month", "participant_id"),
    )


def downgrade() -> None:
    op.drop_table("invoice")
