"""Keep weather forecasts as they became available."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0004_forecast"
down_revision = "0003_forecast"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "weather",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("fetched_at", UtcInstant(), nullable=False),
        sa.Column("used", sa.JSON(), nullable=False),
        sa.Column("passed_over", sa.JSON(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "fetched_at"),
    )


def downgrade() -> None:
    op.drop_table("weather")
