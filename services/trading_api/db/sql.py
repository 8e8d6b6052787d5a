"""What SQLite and PostgreSQL say alike, but SQLAlchemy in two places; and the conditions that all queries share."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.text import Row
from shared.db.bulk import upsert_rows

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
    upsert_rows(db, table, [storable(row) for row in rows], newer=newer)


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
