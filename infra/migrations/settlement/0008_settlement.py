"""Keep how far each partition was taken in, and find what the inbox may forget without reading all of it."""

import sqlalchemy as sa
from alembic import op

revision = "0008_settlement"
down_revision = "0007_settlement"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consumed",
        sa.Column("topic", sa.Text(), primary_key=True),
        sa.Column("partition", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
    )
    op.create_index("inbox_by_age", "inbox", ["consumed_at"])


def downgrade() -> None:
    op.drop_index("inbox_by_age", "inbox")
    op.drop_table("consumed")
