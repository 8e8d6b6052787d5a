"""Note what was published, for the sum check of feeders."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0003_fems"
down_revision = "0002_fems"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "changed",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )


def downgrade() -> None:
    op.drop_table("changed")
