"""What SQLite and PostgreSQL say alike, but SQLAlchemy in two places."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, RowMapping

Row = Mapping[Any, Any]


def upsert(db: Connection, table: sa.Table, rows: Sequence[Row], *, newer: str | None = None) -> None:
    """Insert rows, or overwrite those of the same primary key.

    Args:
        db: Where.
        table: Which.
        rows: All with the same columns; columns that are left out keep what they hold.
        newer: A column; where it is given, only a row with a greater value there overwrites.
    """
    if not rows:
        return
    statement = _upsert(table, db.dialect.name, tuple(rows[0]), newer)
    db.execute(statement, [storable(row) for row in rows])


@lru_cache(maxsize=256)
def _upsert(table: sa.Table, dialect: str, columns: tuple[str, ...], newer: str | None) -> sa.Insert:
    # Writing the statement takes longer than running it, and there are few of them.
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    key = [column.name for column in table.primary_key.columns]
    changed = {name: insert.excluded[name] for name in columns if name not in key}
    condition = None if newer is None else table.c[newer] < insert.excluded[newer]
    return insert.on_conflict_do_update(index_elements=key, set_=changed, where=condition)


def storable(row: Row) -> dict[str, Any]:
    """Return a row whose text PostgreSQL can hold too: it has no place for the character NUL, which JSON has."""
    return {name: part.replace("\0", "\ufffd") if isinstance(part, str) else part for name, part in row.items()}


def rows_of(db: Connection, query: sa.Select[Any]) -> Sequence[RowMapping]:
    """Return a query's rows by column name."""
    return db.execute(query).mappings().all()
