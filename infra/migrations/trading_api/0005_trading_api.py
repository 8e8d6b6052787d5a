"""Keep the head of the ledger's chain, where settlement can't change it."""

import sqlalchemy as sa
from alembic import op

revision = "0005_trading_api"
down_revision = "0004_trading_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("settled_interval", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ledger_number", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("ledger_hash", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("settled_interval", schema=None) as batch_op:
        batch_op.drop_column("ledger_hash")
        batch_op.drop_column("ledger_number")
