"""Keep which participants are suspended; find states of charge by delivery, so that old ones can be dropped."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0009_trading_api"
down_revision = "0008_trading_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "participant_state",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("since", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "participant_id"),
    )
    op.create_index("soc_by_delivery", "soc", ["complex_id", "delivery_start"], unique=False)


def downgrade() -> None:
    op.drop_index("soc_by_delivery", "soc")
    op.drop_table("participant_state")
