"""Keep what was learned, how it did on days held back, and which model serves."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0003_forecast"
down_revision = "0002_forecast"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "models",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("learned_from", UtcInstant(), nullable=False),
        sa.Column("learned_until", UtcInstant(), nullable=False),
        sa.Column("ranged_until", UtcInstant(), nullable=False),
        sa.Column("losses", sa.JSON(), nullable=False),
        sa.Column("sites", sa.JSON(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("is_serving", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("complex_id", "kind", "model_id"),
    )
    op.create_table(
        "judged",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id"),
    )


def downgrade() -> None:
    op.drop_table("judged")
    op.drop_table("models")
