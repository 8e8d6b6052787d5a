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
    binders = [(name, table.c[name].type.dialect_impl(db.dialect).bind_processor(db.dialect)) for name in names]
    values = [tuple(row[name] if bind is None else bind(row[name]) for name, bind in binders) for row in rows]
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
