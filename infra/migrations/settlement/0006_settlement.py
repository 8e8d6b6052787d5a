"""Rules for imbalance and losses; and PostgreSQL checks the ledger once for all rows of a statement, not for each."""

import sqlalchemy as sa
from alembic import op

revision = "0006_settlement"
down_revision = "0005_settlement"
branch_labels = None
depends_on = None

SAME_ENTRY = "complex_id = {new}.complex_id AND entry_id = {new}.entry_id"
REFUSED = (
    (
        "ledger_link",
        "ledger_link_balanced",
        f"(SELECT COALESCE(SUM(debit_krw - credit_krw), 1) FROM ledger_line WHERE {SAME_ENTRY}) <> 0",  # noqa: S608 -- own
        "a ledger entry must balance",
    ),
    (
        "ledger_line",
        "ledger_line_before_link",
        f"(SELECT COUNT(*) FROM ledger_link WHERE {SAME_ENTRY}) > 0",  # noqa: S608 -- own names
        "the ledger is append-only",
    ),
)


PRICES = ("short_price_jeon_per_kwh", "long_price_jeon_per_kwh")
AMOUNTS = ("spread_krw", "loss_wh", "loss_krw")


def upgrade() -> None:
    op.add_column("auction", sa.Column("price_jeon_per_kwh", sa.BigInteger(), nullable=True))
    for name in PRICES:
        op.add_column("settled_line", sa.Column(name, sa.BigInteger(), nullable=True))
    for name in AMOUNTS:
        op.add_column("settled_line", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    for table, trigger, when, reason in _refused_on_postgresql():
        op.execute(
            f"CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS "  # noqa: S608 -- own names
            "$$ BEGIN IF EXISTS (SELECT 1 FROM (SELECT DISTINCT complex_id, entry_id FROM inserted) AS entry "
            f"WHERE {when.format(new='entry')}) THEN RAISE EXCEPTION '{reason}'; END IF; RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {trigger} AFTER INSERT ON {table} REFERENCING NEW TABLE AS inserted "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {trigger}()"
        )


def downgrade() -> None:
    for name in (*AMOUNTS, *PRICES):
        op.drop_column("settled_line", name)
    op.drop_column("auction", "price_jeon_per_kwh")
    for table, trigger, when, reason in _refused_on_postgresql():
        op.execute(
            f"CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF {when.format(new='NEW')} THEN RAISE EXCEPTION '{reason}'; END IF; RETURN NEW; END $$"
        )
        op.execute(f"CREATE TRIGGER {trigger} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {trigger}()")


def _refused_on_postgresql() -> tuple[tuple[str, str, str, str], ...]:
    """Take the triggers away, and return what they refused."""
    if op.get_bind().dialect.name != "postgresql":
        return ()
    for table, trigger, _, _ in REFUSED:
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
        op.execute(f"DROP FUNCTION {trigger}()")
    return REFUSED
