"""Let models be learned anew: what serves now says since when its week goes."""

from alembic import op

revision = "0005_forecast"
down_revision = "0004_forecast"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE models SET is_serving = false, body = NULL")
    op.execute("DELETE FROM judged")


def downgrade() -> None:
    op.execute("UPDATE models SET is_serving = false, body = NULL")
    op.execute("DELETE FROM judged")
