"""Ask for a ledger line's entry by a trigger, once for all lines of a statement, instead of by a foreign key for each.

A link needs no such question: it takes lines that balance, and these have an entry.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007_settlement"
down_revision = "0006_settlement"
branch_labels = None
depends_on = None

TABLES = ("ledger_line", "ledger_link")
SAME_ENTRY = "complex_id = {new}.complex_id AND entry_id = {new}.entry_id"
OF_ENTRY = (
    "ledger_line",
    "ledger_line_of_entry",
    f"(SELECT COUNT(*) FROM ledger_entry WHERE {SAME_ENTRY}) = 0",  # noqa: S608 -- own names
    "a ledger line must belong to an entry",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(foreign_keys=False)
        _, trigger, when, reason = OF_ENTRY
        op.execute(
            f"CREATE TRIGGER {trigger} BEFORE INSERT ON ledger_line WHEN {when.format(new='NEW')} "
            f"BEGIN SELECT RAISE(ABORT, '{reason}'); END"
        )
        return
    for table in TABLES:
        [key] = sa.inspect(op.get_bind()).get_foreign_keys(table)
        assert key["name"] is not None  # noqa: S101 -- PostgreSQL names each; narrows the type
        op.drop_constraint(key["name"], table, type_="foreignkey")
    table, trigger, when, reason = OF_ENTRY
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
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER ledger_line_of_entry")
        _rebuild(foreign_keys=True)
        return
    op.execute("DROP TRIGGER ledger_line_of_entry ON ledger_line")
    op.execute("DROP FUNCTION ledger_line_of_entry()")
    for table in TABLES:
        op.create_foreign_key(None, table, "ledger_entry", ["complex_id", "entry_id"], ["complex_id", "entry_id"])


def _rebuild(*, foreign_keys: bool) -> None:
    """Make both tables anew, as SQLite changes no constraint of one that is there; what guards them comes back."""
    bind = op.get_bind()
    guards = bind.execute(
        sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN :tables").bindparams(
            sa.bindparam("tables", TABLES, expanding=True)
        )
    ).all()
    for name, _ in guards:
        op.execute(f"DROP TRIGGER {name}")
    for table in _tables(foreign_keys=foreign_keys):
        with op.batch_alter_table(table.name, copy_from=table, recreate="always"):
            pass
    for _, sql in guards:
        op.execute(sql)


def _tables(*, foreign_keys: bool) -> tuple[sa.Table, sa.Table]:
    def of_entry() -> list[sa.ForeignKeyConstraint]:
        names = ["complex_id", "entry_id"]
        return [sa.ForeignKeyConstraint(names, [f"ledger_entry.{name}" for name in names])] if foreign_keys else []

    metadata = sa.MetaData()
    line = sa.Table(
        "ledger_line",
        metadata,
        sa.Column("complex_id", sa.Text(), primary_key=True),
        sa.Column("entry_id", sa.Text(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("debit_krw", sa.BigInteger(), nullable=False),
        sa.Column("credit_krw", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "debit_krw >= 0 AND credit_krw >= 0 AND (debit_krw = 0) <> (credit_krw = 0)",
            name="ledger_line_has_one_side",
        ),
        *of_entry(),
    )
    link = sa.Table(
        "ledger_link",
        metadata,
        sa.Column("complex_id", sa.Text(), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.UniqueConstraint("complex_id", "entry_id", name="ledger_link_once_an_entry"),
        *of_entry(),
    )
    return line, link
