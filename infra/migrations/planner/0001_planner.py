"""Create the tables of planner."""

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0001_planner"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("consumed_at", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", UtcInstant(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_table(
        "readings",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("import_wh", sa.BigInteger(), nullable=False),
        sa.Column("export_wh", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "delivery_start", "meter_id"),
    )
    op.create_table(
        "sites_done",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("study_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=False),
        sa.Column("outcomes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "study_id", "participant_id"),
    )
    op.create_table(
        "studies",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("study_id", sa.Text(), nullable=False),
        sa.Column("requested_at", UtcInstant(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("scenarios", sa.JSON(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "study_id"),
    )
    op.create_index("studies_by_status", "studies", ["status", "requested_at"], unique=False)


def downgrade() -> None:
    op.drop_index("studies_by_status", table_name="studies")
    op.drop_table("studies")
    op.drop_table("sites_done")
    op.drop_table("readings")
    op.drop_table("outbox")
    op.drop_table("inbox")
