"""Keep what a complex's own rule for imbalance adds to an interval's cost, and what was lost on the way."""

import sqlalchemy as sa
from alembic import op

revision = "0008_trading_api"
down_revision = "0007_trading_api"
branch_labels = None
depends_on = None

TABLES = ("settled_line", "statement")
COLUMNS = ("spread_krw", "loss_wh", "loss_krw")


def upgrade() -> None:
    for table in TABLES:
        for name in COLUMNS:
            op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    for table in TABLES:
        for name in COLUMNS:
            op.drop_column(table, name)
