"""Keep granular certificates, and what they say of each participant's interval."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0007_trading_api"
down_revision = "0006_trading_api"
branch_labels = None
depends_on = None

FIGURES = (
    "consumption_wh",
    "issued_wh",
    "reissued_wh",
    "received_wh",
    "passed_on_wh",
    "claimed_wh",
    "stored_wh",
    "withdrawn_wh",
    "location_wh",
    "market_wh",
)


def upgrade() -> None:
    op.create_table(
        "certificate",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("range_start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("range_end", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("storage_efficiency_ppm", sa.BigInteger(), nullable=True),
        sa.Column("producer_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("trade_id", sa.Text(), nullable=True),
        sa.Column("battery_id", sa.Text(), nullable=True),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("charged_at", UtcInstant(), nullable=True),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start", "device_id", "range_start"),
    )
    op.create_index("certificate_by_producer", "certificate", ["complex_id", "producer_id", "delivery_start"])
    op.create_index("certificate_by_account", "certificate", ["complex_id", "account_id", "delivery_start"])
    op.create_table(
        "certified_line",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in FIGURES),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start", "participant_id"),
    )


def downgrade() -> None:
    op.drop_table("certified_line")
    op.drop_table("certificate")
