"""Keep the operators' chain as the trading API published it."""

import sqlalchemy as sa
from alembic import op

revision = "0011_settlement"
down_revision = "0010_settlement"
branch_labels = None
depends_on = None

REASON = "the operators'' chain is append-only"


def upgrade() -> None:
    op.create_table(
        "operators_link",
        sa.Column("complex_id", sa.Text(), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_link_change() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{REASON}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER operators_link_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON operators_link "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_link_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER operators_link_no_{change.lower()} BEFORE {change} ON operators_link "
            f"BEGIN SELECT RAISE(ABORT, '{REASON}'); END"
        )
    op.execute(
        "CREATE TRIGGER operators_link_no_replace BEFORE INSERT ON operators_link "  # noqa: S608 -- own names
        "WHEN EXISTS (SELECT 1 FROM operators_link WHERE (complex_id = NEW.complex_id AND number = NEW.number)) "
        f"BEGIN SELECT RAISE(ABORT, '{REASON}'); END"
    )


def downgrade() -> None:
    op.drop_table("operators_link")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_link_change()")
