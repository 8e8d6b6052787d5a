"""Keep whether the market is halted (no automatic orders then), and the range of forecasts."""

import sqlalchemy as sa
from alembic import op

revision = "0003_scheduler"
down_revision = "0002_scheduler"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("progress", sa.Column("is_halted", sa.Boolean(), server_default=sa.false(), nullable=False))
    for name in ("p10_kw", "p90_kw"):
        op.add_column("forecast", sa.Column(name, sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    for name in ("p90_kw", "p10_kw"):
        op.drop_column("forecast", name)
    op.drop_column("progress", "is_halted")
