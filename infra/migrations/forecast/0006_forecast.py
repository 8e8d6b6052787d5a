"""Keep what factories state of their consumption, each version with when it was stated."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0006_forecast"
down_revision = "0005_forecast"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "load_plans",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("begin", UtcInstant(), nullable=False),
        sa.Column("end", UtcInstant(), nullable=False),
        sa.Column("expected_w", sa.BigInteger(), nullable=True),
        sa.Column("stated_at", UtcInstant(), nullable=False),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "participant_id", "plan_id", "version"),
    )


def downgrade() -> None:
    op.drop_table("load_plans")
