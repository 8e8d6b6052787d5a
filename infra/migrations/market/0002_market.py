"""Keep what it takes to hold an auction again."""

import sqlalchemy as sa
from alembic import op

revision = "0002_market"
down_revision = "0001_market"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("auction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("terms", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("event_sha256", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("auction", schema=None) as batch_op:
        batch_op.drop_column("event_sha256")
        batch_op.drop_column("terms")
