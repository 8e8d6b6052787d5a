"""Say how often a statement was corrected."""

import sqlalchemy as sa
from alembic import op

revision = "0004_trading_api"
down_revision = "0003_trading_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.add_column(sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.drop_column("revision")
