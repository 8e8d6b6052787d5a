"""Keep amendments, reasons, calendars and limits."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0002_trading_api"
down_revision = "0001_trading_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calendar",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("effective_from", UtcInstant(), nullable=False),
        sa.Column("requested_at", UtcInstant(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("calendar", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "version"),
    )
    op.create_table(
        "limits",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("open_orders_max", sa.BigInteger(), nullable=True),
        sa.Column("credit_krw_max", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", UtcInstant(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "participant_id"),
    )
    with op.batch_alter_table("order_outcome", schema=None) as batch_op:
        batch_op.add_column(sa.Column("why", sa.JSON(none_as_null=True), nullable=True))

    with op.batch_alter_table("submitted_order", schema=None) as batch_op:
        batch_op.add_column(sa.Column("amended_price_jeon_per_kwh", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("amended_quantity_wh", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("amendment", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("amendment_detail", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("submitted_order", schema=None) as batch_op:
        batch_op.drop_column("amendment_detail")
        batch_op.drop_column("amendment")
        batch_op.drop_column("amended_quantity_wh")
        batch_op.drop_column("amended_price_jeon_per_kwh")

    with op.batch_alter_table("order_outcome", schema=None) as batch_op:
        batch_op.drop_column("why")

    op.drop_table("limits")
    op.drop_table("calendar")
