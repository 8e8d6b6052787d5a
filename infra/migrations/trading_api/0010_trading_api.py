"""Keep the links of the certificates' chain as they were published, for the audit."""

import sqlalchemy as sa
from alembic import op

revision = "0010_trading_api"
down_revision = "0009_trading_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certification_link",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "number"),
    )


def downgrade() -> None:
    op.drop_table("certification_link")
