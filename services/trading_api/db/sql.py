"""What SQLite and PostgreSQL say alike, but SQLAlchemy in two places; and the conditions that all queries share."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.text import Row

Query = sa.Select[Any]
Column = sa.Column[Any]


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
    kept = [storable(row) for row in rows]
    db.execute(_upsert(table, db.dialect.name, tuple(kept[0]), newer), kept)


@lru_cache(maxsize=256)
def _upsert(table: sa.Table, dialect: str, columns: tuple[str, ...], newer: str | None) -> sa.Insert:
    # Writing the statement takes longer than running it, and there are few of them.
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    key = [column.name for column in table.primary_key.columns]
    changed = {name: insert.excluded[name] for name in columns if name not in key}
    condition = None if newer is None else table.c[newer] < insert.excluded[newer]
    return insert.on_conflict_do_update(index_elements=key, set_=changed, where=condition)


def storable(row: Row) -> dict[str, object]:
    """Return a row with its text without NUL, which JSON has and PostgreSQL can't hold."""
    return {name: part.replace("\0", "\ufffd") if isinstance(part, str) else part for name, part in row.items()}


def rows_of(db: Connection, query: Query) -> Sequence[RowMapping]:
    """Return a query's rows by column name."""
    return db.execute(query).mappings().all()


def of_complex(table: sa.Table, complex_id: str) -> Query:
    """Select a complex's rows of a table."""
    return sa.select(table).where(table.c.complex_id == complex_id)


def seen_only(query: Query, table: sa.Table, seen_by: str | None) -> Query:
    """Leave a participant its own rows; None sees all."""
    return query if seen_by is None else query.where(table.c.participant_id == seen_by)
