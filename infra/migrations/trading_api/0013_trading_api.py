"""Keep when a device last answered, and what a day's statement counts for what is stored."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0013_trading_api"
down_revision = "0012_trading_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("device") as device:
        device.add_column(sa.Column("heard_at", UtcInstant(), nullable=True))
    with op.batch_alter_table("statement") as statement:
        statement.add_column(sa.Column("stored_value_krw", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE device SET heard_at = observed_at WHERE reachable")


def downgrade() -> None:
    with op.batch_alter_table("statement") as statement:
        statement.drop_column("stored_value_krw")
    with op.batch_alter_table("device") as device:
        device.drop_column("heard_at")
