"""Let the database refuse to change or take out what was added, and on SQLite to replace it by inserting it again.

The migrations do the same: `tests/contract/test_append_only.py` holds them to it.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def keep_append_only(db: Connection, tables: Iterable[sa.Table], *, function: str, reason: str) -> None:
    """Guard tables that were just made.

    Args:
        db: Their database, as their owner.
        tables: What is only added to.
        function: The name of the trigger's function, on PostgreSQL.
        reason: What a refused change is told.
    """
    on_postgresql = db.dialect.name == "postgresql"
    if on_postgresql:
        db.exec_driver_sql(
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{reason}'; END $$"
        )
    for table in tables:
        if on_postgresql:
            db.exec_driver_sql(
                f"CREATE TRIGGER {table.name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table.name} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            )
            continue
        for change in ("UPDATE", "DELETE"):
            db.exec_driver_sql(
                f"CREATE TRIGGER {table.name}_no_{change.lower()} BEFORE {change} ON {table.name} "
                f"BEGIN SELECT RAISE(ABORT, '{reason}'); END"
            )
        # A row that REPLACE takes out fires no trigger of its own.
        there = " OR ".join(f"({same})" for same in _same_keys(table))
        db.exec_driver_sql(
            f"CREATE TRIGGER {table.name}_no_replace BEFORE INSERT ON {table.name} "  # noqa: S608 -- own names
            f"WHEN EXISTS (SELECT 1 FROM {table.name} WHERE {there}) BEGIN SELECT RAISE(ABORT, '{reason}'); END"
        )


def _same_keys(table: sa.Table) -> list[str]:
    """Return for each key of a table what makes a row the one that is inserted."""
    keys = [key for key in table.constraints if isinstance(key, sa.PrimaryKeyConstraint | sa.UniqueConstraint)]
    names = sorted((isinstance(key, sa.UniqueConstraint), [column.name for column in key.columns]) for key in keys)
    return [" AND ".join(f"{name} = NEW.{name}" for name in of_key) for _, of_key in names]
