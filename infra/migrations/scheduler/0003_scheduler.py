"""Keep whether the market is halted: no automatic orders then."""

import sqlalchemy as sa
from alembic import op

revision = "0003_scheduler"
down_revision = "0002_scheduler"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("progress", sa.Column("is_halted", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("progress", "is_halted")
