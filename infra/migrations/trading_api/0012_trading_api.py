"""Remember the tokens of an identity provider that operators revoked."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0012_trading_api"
down_revision = "0011_trading_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "revoked_token",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("revoked_at", UtcInstant(), nullable=False),
        sa.Column("forgotten_at", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "jti"),
    )


def downgrade() -> None:
    op.drop_table("revoked_token")
