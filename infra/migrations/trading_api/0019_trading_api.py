"""Keep what was stated of each participant's automatic bidding, and what came of operators' deeds."""

import sqlalchemy as sa
from alembic import op

revision = "0019_trading_api"
down_revision = "0018_trading_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bidding",
        sa.Column("complex_id", sa.Text(), primary_key=True),
        sa.Column("participant_id", sa.Text(), primary_key=True),
        sa.Column("bidding_version", sa.BigInteger(), nullable=False),
        sa.Column("wh_per_day_max", sa.BigInteger()),
        sa.Column("krw_per_day_max", sa.BigInteger()),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("stated_by", sa.Text(), nullable=False),
        sa.Column("buy_share_permille", sa.BigInteger(), nullable=False),
        sa.Column("sell_share_permille", sa.BigInteger(), nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("stated_at", sa.BigInteger(), nullable=False),
        sa.Column("paused_until", sa.BigInteger()),
    )
    op.create_table(
        "deed",
        sa.Column("complex_id", sa.Text(), primary_key=True),
        sa.Column("deed_id", sa.Text(), primary_key=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger()),
    )
    op.add_column("device", sa.Column("soh_permille", sa.BigInteger()))
    op.create_index("deed_by_request", "deed", ["complex_id", "requested_at"])


def downgrade() -> None:
    op.drop_column("device", "soh_permille")
    op.drop_table("deed")
    op.drop_table("bidding")
