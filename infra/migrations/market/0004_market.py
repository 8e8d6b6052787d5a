"""Keep day-ahead orders, blocks and trades."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0004_market"
down_revision = "0003_market"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_ahead",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("auction_id", sa.Text(), nullable=False),
        sa.Column("cleared_at", UtcInstant(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("price_jeon_per_kwh", sa.BigInteger(), nullable=True),
        sa.Column("volume_wh", sa.BigInteger(), nullable=False),
        sa.Column("fees_krw", sa.BigInteger(), nullable=False),
        sa.Column("book_hash", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start"),
        sa.UniqueConstraint("auction_id"),
    )
    op.create_table(
        "day_ahead_trade",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("trade_id", sa.Text(), nullable=False),
        sa.Column("buy_order_id", sa.Text(), nullable=False),
        sa.Column("sell_order_id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("seller_id", sa.Text(), nullable=False),
        sa.Column("quantity_wh", sa.BigInteger(), nullable=False),
        sa.Column("paid_krw", sa.BigInteger(), nullable=False),
        sa.Column("received_krw", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start", "number"),
    )
    with op.batch_alter_table("book_order", schema=None) as batch_op:
        batch_op.add_column(sa.Column("book", sa.Text(), server_default="intraday", nullable=False))
        batch_op.add_column(sa.Column("block_wh", sa.JSON(none_as_null=True), nullable=True))

    with op.batch_alter_table("progress", schema=None) as batch_op:
        batch_op.add_column(sa.Column("day_ahead_through", UtcInstant(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("progress", schema=None) as batch_op:
        batch_op.drop_column("day_ahead_through")

    with op.batch_alter_table("book_order", schema=None) as batch_op:
        batch_op.drop_column("block_wh")
        batch_op.drop_column("book")

    op.drop_table("day_ahead_trade")
    op.drop_table("day_ahead")
