"""Keep calendars, limits and amendments."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0003_market"
down_revision = "0002_market"
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
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "version"),
    )
    op.create_table(
        "limits",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("changed_at", UtcInstant(), nullable=False),
        sa.Column("open_orders_max", sa.BigInteger(), nullable=True),
        sa.Column("credit_krw_max", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("complex_id", "participant_id", "changed_at"),
    )
    with op.batch_alter_table("book_order", schema=None) as batch_op:
        batch_op.add_column(sa.Column("amended_sequence", sa.BigInteger(), nullable=True))
        batch_op.create_index(
            "book_order_by_participant", ["complex_id", "participant_id", "delivery_start"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("book_order", schema=None) as batch_op:
        batch_op.drop_index("book_order_by_participant")
        batch_op.drop_column("amended_sequence")

    op.drop_table("limits")
    op.drop_table("calendar")
