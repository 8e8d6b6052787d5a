"""Show with a statement how far the ledger and the operators' chain were when it was issued."""

import sqlalchemy as sa
from alembic import op

revision = "0018_trading_api"
down_revision = "0017_trading_api"
branch_labels = None
depends_on = None

NUMBERS = ("ledger_number", "operators_number")
HASHES = ("ledger_hash", "operators_hash")


def upgrade() -> None:
    for name in NUMBERS:
        op.add_column("statement", sa.Column(name, sa.BigInteger()))
    for name in HASHES:
        op.add_column("statement", sa.Column(name, sa.Text()))


def downgrade() -> None:
    for name in (*NUMBERS, *HASHES):
        op.drop_column("statement", name)
