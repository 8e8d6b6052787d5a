"""Keep minutes, and note what the archive does not have yet."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0004_fems"
down_revision = "0003_fems"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "minute",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("start", UtcInstant(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("import_wh", sa.BigInteger(), nullable=False),
        sa.Column("export_wh", sa.BigInteger(), nullable=False),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "start", "meter_id"),
    )
    op.create_table(
        "unarchived",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "day"),
    )


def downgrade() -> None:
    op.drop_table("unarchived")
    op.drop_table("minute")
