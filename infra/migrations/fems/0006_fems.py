"""Remember to where each meter's intervals are complete."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0006_fems"
down_revision = "0005_fems"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("meter", sa.Column("complete_to", UtcInstant(), nullable=True))
    # Estimates went on from the newest reading; a meter that never had one waits since it was first known.
    op.execute(
        "UPDATE meter SET complete_to = COALESCE((SELECT MAX(delivery_start) FROM reading WHERE"
        " reading.complex_id = meter.complex_id AND reading.meter_id = meter.meter_id), next_start)"
    )
    with op.batch_alter_table("meter", schema=None) as batch_op:
        batch_op.alter_column("complete_to", nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("meter", schema=None) as batch_op:
        batch_op.drop_column("complete_to")
