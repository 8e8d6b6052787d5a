"""Keep the plans of consumption that factories stated."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0015_trading_api"
down_revision = "0014_trading_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "load_plan",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("expected_w", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("begin", UtcInstant(), nullable=False),
        sa.Column("end", UtcInstant(), nullable=False),
        sa.Column("stated_at", UtcInstant(), nullable=False),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "participant_id", "plan_id"),
    )
    op.create_index("load_plan_by_end", "load_plan", ["complex_id", "end"])


def downgrade() -> None:
    op.drop_index("load_plan_by_end", table_name="load_plan")
    op.drop_table("load_plan")
