"""Create the tables of fems."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0001_fems"
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
        "meter",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("next_start", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "meter_id"),
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
        "setpoint",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("setpoint_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("expires_at", UtcInstant(), nullable=False),
        sa.Column("issued_at", UtcInstant(), nullable=False),
        sa.Column("setpoint_w", sa.BigInteger(), nullable=False),
        sa.Column("charge_w_max", sa.BigInteger(), nullable=False),
        sa.Column("discharge_w_max", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "setpoint_id"),
    )
    with op.batch_alter_table("setpoint", schema=None) as batch_op:
        batch_op.create_index("setpoint_by_interval", ["complex_id", "device_id", "delivery_start"], unique=False)
        batch_op.create_index("setpoint_by_status", ["status", "complex_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("setpoint", schema=None) as batch_op:
        batch_op.drop_index("setpoint_by_status")
        batch_op.drop_index("setpoint_by_interval")

    op.drop_table("setpoint")
    op.drop_table("outbox")
    op.drop_table("meter")
    op.drop_table("inbox")
