"""Keep billable peaks, what the converters were seen to do, and which alarms were raised."""

import sqlalchemy as sa
from alembic import op

revision = "0002_scheduler"
down_revision = "0001_scheduler"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "peak",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("interval_wh", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "participant_id", "month"),
    )
    for name in ("charge_w", "discharge_w"):
        op.add_column("ess_state", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("setpoint", sa.Column("alarmed", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("setpoint", "alarmed")
    for name in ("discharge_w", "charge_w"):
        op.drop_column("ess_state", name)
    op.drop_table("peak")
