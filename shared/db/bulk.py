"""Insert many rows at once. What SQLAlchemy does for each row takes longer than the row itself does in the database."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def insert_rows(db: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns; as by `sa.insert`, but without SQLAlchemy's own defaults.

    On SQLite by one prepared statement, on PostgreSQL by COPY; triggers and constraints hold in both.
    """
    if not rows:
        return
    names = list(rows[0])
    values = list(zip(*(_bound(db, table.c[name], [row[name] for row in rows]) for name in names), strict=True))
    columns = ", ".join(names)
    if db.dialect.name == "sqlite":
        places = ", ".join("?" * len(names))
        db.exec_driver_sql(f"INSERT INTO {table.name} ({columns}) VALUES ({places})", values)  # noqa: S608 -- own names
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


def _bound(db: Connection, column: sa.Column[Any], given: Sequence[Any]) -> Sequence[Any]:
    """Return a column's values as the driver takes them."""
    bind = column.type.dialect_impl(db.dialect).bind_processor(db.dialect)
    return given if bind is None else [bind(one) for one in given]
