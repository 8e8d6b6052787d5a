"""Keep the version of a reading, so that an older one that comes late changes nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0009_settlement"
down_revision = "0008_settlement"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reading", sa.Column("reading_version", sa.BigInteger(), server_default="1", nullable=False))


def downgrade() -> None:
    op.drop_column("reading", "reading_version")
