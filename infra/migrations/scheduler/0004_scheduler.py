"""Keep which participants may not trade: there are no automatic orders for them."""

import sqlalchemy as sa
from alembic import op

revision = "0004_scheduler"
down_revision = "0003_scheduler"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suspended",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "participant_id"),
    )


def downgrade() -> None:
    op.drop_table("suspended")
