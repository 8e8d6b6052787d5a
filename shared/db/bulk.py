"""Write many rows at once. What SQLAlchemy does for each row takes longer than the row itself does in the database."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

# So many rows are converted together; on PostgreSQL the server takes in a block while the next one is made.
BLOCK_ROWS = 500
# So many are held in memory at once on SQLite, whose driver takes a list.
HELD_ROWS = 100_000


def insert_rows(db: Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns; as by `sa.insert`, but without SQLAlchemy's own defaults.

    On SQLite by one prepared statement, on PostgreSQL by COPY; triggers and constraints hold in both. Nothing else may
    be asked of the connection while the rows are made.
    """
    made = iter(rows)
    first = next(made, None)
    if first is None:
        return
    names = list(first)
    values = _bound_rows(db, table, names, chain([first], made))
    columns = ", ".join(names)
    if db.dialect.name == "sqlite":
        places = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table.name} ({columns}) VALUES ({places})"  # noqa: S608 -- own names
        while some := list(islice(values, HELD_ROWS)):
            db.exec_driver_sql(statement, some)
        return
    connection = db.connection.driver_connection
    assert connection is not None  # noqa: S101 -- an open one has it; narrows the type
    statement = f"COPY {table.name} ({columns}) FROM STDIN"
    driver_error = db.dialect.loaded_dbapi.Error
    try:
        with connection.cursor().copy(statement) as copy:
            for row in values:
                copy.write_row(row)
    except driver_error as error:
        # As SQLAlchemy would say it, for those who wait for a database that is away.
        raise sa.exc.DBAPIError.instance(statement, None, error, driver_error, dialect=db.dialect) from error


def upsert_rows(
    db: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, newer: str | None = None
) -> None:
    """Insert rows, or overwrite those of the same primary key, one after another.

    Args:
        db: Where.
        table: Which.
        rows: All with the same columns; columns that are left out keep what they hold.
        newer: A column; where it is given, only a row with a greater value there overwrites.
    """
    if not rows:
        return
    names = tuple(rows[0])
    place = "?" if db.dialect.name == "sqlite" else "%s"
    db.exec_driver_sql(_upsert(table, names, newer, place), list(_bound_rows(db, table, names, iter(rows))))


@lru_cache(maxsize=256)
def _upsert(table: sa.Table, names: tuple[str, ...], newer: str | None, place: str) -> str:
    # Written once: SQLite and PostgreSQL say it alike.
    key = [column.name for column in table.primary_key]
    changed = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    condition = "" if newer is None else f" WHERE {table.name}.{newer} < excluded.{newer}"
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join([place] * len(names))}) "  # noqa: S608 -- own names
        f"ON CONFLICT ({', '.join(key)}) DO " + (f"UPDATE SET {changed}{condition}" if changed else "NOTHING")
    )


def _bound_rows(
    db: Connection, table: sa.Table, names: Sequence[str], rows: Iterator[Mapping[str, Any]]
) -> Iterator[tuple[Any, ...]]:
    """Return rows as the driver takes them."""
    while block := list(islice(rows, BLOCK_ROWS)):
        columns = (_bound(db, table.c[name], [row[name] for row in block]) for name in names)
        yield from zip(*columns, strict=True)


def _bound(db: Connection, column: sa.Column[Any], given: Sequence[Any]) -> Sequence[Any]:
    """Return a column's values as the driver takes them; one that stands in many rows is converted once."""
    bind = column.type.dialect_impl(db.dialect).bind_processor(db.dialect)
    if bind is None:
        return given
    bound = {key: bind(one) for key, one in {id(one): one for one in given}.items()}
    return [bound[id(one)] for one in given]
