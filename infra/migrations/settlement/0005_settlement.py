"""Keep granular certificates: issued ranges, what they ended as, and what is left of them in batteries."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.db.tables import UtcInstant

revision = "0005_settlement"
down_revision = "0004_settlement"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "certification",
    "certificate_bundle",
    "certificate_slice",
    "certificate_line",
    "storage_record",
    "storage_draw",
)
PLACE = ("complex_id", "delivery_start")


def _key(*names: str) -> list[sa.Column[Any]]:
    place = [
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("delivery_start", UtcInstant(), nullable=False),
    ]
    rest = ((name, sa.Text() if name.endswith("_id") else sa.BigInteger()) for name in names)
    return [*place, *(sa.Column(name, kind, autoincrement=False, nullable=False) for name, kind in rest)]


def _whole(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _is_next(table: str, *key: str) -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint(*PLACE, *key, "range_start"),
        sa.UniqueConstraint(*PLACE, *key, "range_end", name=f"{table}_once_an_end"),
        sa.ForeignKeyConstraint(
            [*PLACE, *key, "previous_end"],
            [f"{table}.{name}" for name in (*PLACE, *key, "range_end")],
            name=f"{table}_follows",
        ),
        sa.CheckConstraint(
            "range_start = COALESCE(previous_end, 0) + 1 AND range_end >= range_start", name=f"{table}_is_next"
        ),
    ]


def upgrade() -> None:
    op.create_table("certificate_due", *_key(), sa.PrimaryKeyConstraint(*PLACE))
    op.create_table(
        "certification",
        *_key("revision"),
        sa.Column("certified_at", UtcInstant(), nullable=False),
        *_whole("number"),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(*PLACE, "revision"),
        sa.UniqueConstraint("complex_id", "number", name="certification_once_a_number"),
    )
    op.create_table(
        "certificate_bundle",
        *_key("device_id", "range_start"),
        *_whole("range_end"),
        sa.Column("previous_end", sa.BigInteger(), nullable=True),
        sa.Column("producer_id", sa.Text(), nullable=False),
        sa.Column("charged_at", UtcInstant(), nullable=True),
        *_whole("revision"),
        *_is_next("certificate_bundle", "device_id"),
    )
    op.create_table(
        "certificate_slice",
        *_key("device_id", "revision", "range_start"),
        *_whole("range_end"),
        sa.Column("previous_end", sa.BigInteger(), nullable=True),
        sa.Column("producer_id", sa.Text(), nullable=False),
        sa.Column("charged_at", UtcInstant(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("trade_id", sa.Text(), nullable=True),
        sa.Column("battery_id", sa.Text(), nullable=True),
        *_is_next("certificate_slice", "device_id", "revision"),
    )
    op.create_table(
        "certificate_line",
        *_key("participant_id", "revision"),
        *_whole("consumption_wh", "issued_wh", "reissued_wh", "received_wh", "passed_on_wh", "claimed_wh", "stored_wh"),
        *_whole("withdrawn_wh", "location_wh", "market_wh"),
        sa.PrimaryKeyConstraint(*PLACE, "participant_id", "revision"),
    )
    op.create_table(
        "storage_record",
        *_key("device_id", "revision"),
        *_whole("charged_wh", "certified_wh", "discharged_wh"),
        sa.PrimaryKeyConstraint(*PLACE, "device_id", "revision"),
    )
    op.create_table(
        "storage_draw",
        *_key("device_id", "revision"),
        sa.Column("charged_at", UtcInstant(), nullable=False),
        *_whole("certified_wh", "grey_wh"),
        sa.PrimaryKeyConstraint(*PLACE, "device_id", "revision", "charged_at"),
    )
    op.create_index("storage_draw_by_lot", "storage_draw", ["complex_id", "device_id", "charged_at"])
    op.create_table(
        "storage_content",
        sa.Column("complex_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("lots", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("complex_id", "device_id"),
    )
    _make_append_only()


def _make_append_only() -> None:
    """Make the database refuse every change of what the books of certificates hold."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        op.execute(
            "CREATE FUNCTION refuse_certificate_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'certificates are append-only'; END $$"
        )
    for table in APPEND_ONLY:
        if on_postgresql:
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_certificate_change()"
            )
            continue
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'certificates are append-only'); END"
            )


def downgrade() -> None:
    for table in ("storage_content", "certificate_due", *reversed(APPEND_ONLY)):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_certificate_change()")
