"""Keep when participants may not trade."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0005_market"
down_revision = "0004_market"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suspension",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("suspended_at", UtcInstant(), nullable=False),
        sa.Column("resumed_at", UtcInstant(), nullable=True),
        sa.PrimaryKeyConstraint("complex_id", "participant_id", "suspended_at"),
    )


def downgrade() -> None:
    op.drop_table("suspension")
