"""Keep published readings, and how far counting is."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0002_fems"
down_revision = "0001_fems"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "counting",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "meter_id"),
    )
    op.create_table(
        "reading",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("meter_kind", sa.Text(), nullable=False),
        sa.Column("import_wh", sa.BigInteger(), nullable=False),
        sa.Column("export_wh", sa.BigInteger(), nullable=False),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("reading_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "meter_id", "delivery_start"),
    )


def downgrade() -> None:
    op.drop_table("reading")
    op.drop_table("counting")
