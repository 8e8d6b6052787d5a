"""Keep people's orders, and what automatic orders are made of, so that nothing is ordered twice."""

import sqlalchemy as sa
from alembic import op

revision = "0008_scheduler"
down_revision = "0007_scheduler"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_order",
        sa.Column("complex_id", sa.Text(), primary_key=True),
        sa.Column("order_id", sa.Text(), primary_key=True),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", sa.BigInteger(), nullable=False),
        sa.Column("side", sa.Text()),
        sa.Column("quantity_wh", sa.BigInteger(), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
    )
    op.create_index("known_order_by_delivery", "known_order", ["complex_id", "delivery_start"])
    op.create_table(
        "need",
        sa.Column("complex_id", sa.Text(), primary_key=True),
        sa.Column("delivery_start", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("participant_id", sa.Text(), primary_key=True),
        sa.Column("net_kw", sa.Float(), nullable=False),
        sa.Column("import_jeon", sa.BigInteger(), nullable=False),
        sa.Column("export_jeon", sa.BigInteger(), nullable=False),
        sa.Column("value_jeon", sa.BigInteger()),
        sa.Column("is_due", sa.Boolean(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.JSON()),
    )
    op.create_index("need_by_due", "need", ["complex_id", "is_due"])
    op.create_table(
        "bidding",
        sa.Column("complex_id", sa.Text(), primary_key=True),
        sa.Column("participant_id", sa.Text(), primary_key=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("stated", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("bidding")
    op.drop_table("need")
    op.drop_table("known_order")
