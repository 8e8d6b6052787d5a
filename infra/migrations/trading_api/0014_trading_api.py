"""Keep an order writer's last stamp, so that none of its stamps goes back."""

import sqlalchemy as sa
from alembic import op

revision = "0014_trading_api"
down_revision = "0013_trading_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order_writer", sa.Column("last_stamp", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("order_writer", "last_stamp")
