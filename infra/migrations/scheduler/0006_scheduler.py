"""Keep the versions of the market calendar, which automatic orders have to fit."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0006_scheduler"
down_revision = "0005_scheduler"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calendar",
        sa.Column("complex_id", sa.Text(), primary_key=True),
        sa.Column("version", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("effective_from", UtcInstant(), nullable=False),
        sa.Column("calendar", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("calendar")
