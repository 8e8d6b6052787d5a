"""Keep forecasts until their intervals are over, and how good they were."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0002_forecast"
down_revision = "0001_forecast"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "issued",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("issue", UtcInstant(), nullable=False),
        sa.Column("sites", sa.JSON(), nullable=False),
        sa.Column("quantiles_kw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "kind", "issue"),
    )
    op.create_table(
        "tally",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("sites", sa.JSON(), nullable=False),
        sa.Column("sums", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "kind", "trading_day"),
    )
    op.add_column("issues", sa.Column("scored_through", UtcInstant(), nullable=True))


def downgrade() -> None:
    op.drop_column("issues", "scored_through")
    op.drop_table("tally")
    op.drop_table("issued")
