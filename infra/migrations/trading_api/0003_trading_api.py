"""Keep day-ahead orders, blocks, what the day-ahead auction gave, batteries' charge and forecasts' accuracy."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0003_trading_api"
down_revision = "0002_trading_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_ahead",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("auction_id", "status", "book_hash", "method")),
        sa.Column("cleared_at", UtcInstant(), nullable=False),
        sa.Column("price_jeon_per_kwh", sa.BigInteger(), nullable=True),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("volume_wh", "fees_krw", "order_count", "trade_count")
        ),
        sa.Column("feeder_price_jeon_per_kwh", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start"),
    )
    op.create_table(
        "accuracy",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=True),
        sa.Column("measured_at", UtcInstant(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("is_drifting", sa.Boolean(), nullable=False),
        sa.Column("leads", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "kind", "site_id"),
    )
    op.create_table(
        "soc",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("observed_at", UtcInstant(), nullable=False),
        sa.Column("soc_wh", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "device_id", "delivery_start"),
    )
    op.add_column("submitted_order", sa.Column("auction", sa.Text(), server_default="intraday", nullable=False))
    op.add_column("submitted_order", sa.Column("block_wh", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("submitted_order", "block_wh")
    op.drop_column("submitted_order", "auction")
    op.drop_table("soc")
    op.drop_table("accuracy")
    op.drop_table("day_ahead")
