"""Create the tables of market."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0001_market"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auction",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("auction_id", sa.Text(), nullable=False),
        sa.Column("cleared_at", UtcInstant(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("price_jeon_per_kwh", sa.BigInteger(), nullable=True),
        sa.Column("volume_wh", sa.BigInteger(), nullable=False),
        sa.Column("fees_krw", sa.BigInteger(), nullable=False),
        sa.Column("book_hash", sa.Text(), nullable=False),
        sa.Column("certificate", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start"),
        sa.UniqueConstraint("auction_id"),
    )
    op.create_table(
        "book_order",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("price_jeon_per_kwh", sa.BigInteger(), nullable=False),
        sa.Column("quantity_wh", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", UtcInstant(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_at", UtcInstant(), nullable=True),
        sa.PrimaryKeyConstraint("complex_id", "order_id"),
    )
    with op.batch_alter_table("book_order", schema=None) as batch_op:
        batch_op.create_index("book_order_by_book", ["complex_id", "delivery_start", "participant_id"], unique=False)

    op.create_table(
        "early_cancel",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("requested_at", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "order_id", "participant_id"),
    )
    op.create_table(
        "fill",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("filled_wh", sa.BigInteger(), nullable=False),
        sa.Column("paid_krw", sa.BigInteger(), nullable=False),
        sa.Column("received_krw", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "order_id"),
    )
    op.create_table(
        "halt",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("halted_at", UtcInstant(), nullable=False),
        sa.Column("resumed_at", UtcInstant(), nullable=True),
        sa.PrimaryKeyConstraint("complex_id", "halted_at"),
    )
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("consumed_at", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", UtcInstant(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_table(
        "progress",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("cleared_through", UtcInstant(), nullable=True),
        sa.Column("alarmed_through", UtcInstant(), nullable=True),
        sa.PrimaryKeyConstraint("complex_id"),
    )
    op.create_table(
        "rejection",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "order_id"),
    )
    op.create_table(
        "seal",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("sealed_at", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "writer", "delivery_start"),
    )


def downgrade() -> None:
    op.drop_table("seal")
    op.drop_table("rejection")
    op.drop_table("progress")
    op.drop_table("outbox")
    op.drop_table("inbox")
    op.drop_table("halt")
    op.drop_table("fill")
    op.drop_table("early_cancel")
    with op.batch_alter_table("book_order", schema=None) as batch_op:
        batch_op.drop_index("book_order_by_book")

    op.drop_table("book_order")
    op.drop_table("auction")
