"""Create the tables of forecast."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0001_forecast"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("consumed_at", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "issues",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("issued_for", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id"),
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
        "readings",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("import_wh", sa.BigInteger(), nullable=False),
        sa.Column("export_wh", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start", "meter_id"),
    )


def downgrade() -> None:
    op.drop_table("readings")
    op.drop_table("outbox")
    op.drop_table("issues")
    op.drop_table("inbox")
