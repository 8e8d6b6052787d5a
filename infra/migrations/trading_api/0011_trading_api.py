"""Keep what validation found about readings and devices, and which version of a reading holds."""

import sqlalchemy as sa
from alembic import op

revision = "0011_trading_api"
down_revision = "0010_trading_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("reading", "device"):
        op.add_column(table, sa.Column("flags", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("reading", sa.Column("reading_version", sa.BigInteger(), nullable=False, server_default="1"))


def downgrade() -> None:
    op.drop_column("reading", "reading_version")
    for table in ("device", "reading"):
        op.drop_column(table, "flags")
