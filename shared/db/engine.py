"""Open a service's database."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import ConnectionPoolEntry

from shared.errors import BadInput
from shared.settings import made_folder

# A writer waits this long for another one of the same service (the API's threads) before it gives up.
LOCK_WAIT_S = 10


def service_url(base: str, service: str) -> sa.URL:
    """Return one service's database under the deployment's base URL.

    Args:
        base: `sqlite:///FOLDER` (a file a service in it) or `postgresql://...` (a schema a service in one database).
        service: The owner.
    """
    try:
        url = sa.make_url(base)
    except sa.exc.ArgumentError:
        raise _bad_url("must be a database URL", base) from None
    if url.drivername == "sqlite":
        if not url.database:
            raise _bad_url("must name a folder, as in sqlite:///var/data", base)
        return url.set(database=str(Path(url.database) / f"{service}.db"))
    if re.fullmatch(r"postgresql(\+psycopg)?", url.drivername):
        options = f"{url.query.get('options', '')} -csearch_path={service}".strip()
        # A server that was set up without an encoding (SQL_ASCII) would otherwise answer in bytes.
        query = {"options": options, "client_encoding": "utf8"}
        return url.set(drivername="postgresql+psycopg").update_query_dict(query)
    raise _bad_url("must start with sqlite:/// or postgresql://", url.render_as_string(hide_password=True))


def open_engine(url: sa.URL) -> Engine:
    """Open a database; its transactions are serial for SQLite (one writer) and READ COMMITTED for PostgreSQL."""
    if url.drivername != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    made_folder(Path(url.database or "").parent, setting="SANDAN_DATABASE_URL")
    engine = sa.create_engine(url, connect_args={"timeout": LOCK_WAIT_S, "isolation_level": None})
    sa.event.listen(engine, "connect", _tune_sqlite)
    sa.event.listen(engine, "begin", _begin_immediate)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection for queries only, which waits for no writer."""
    with engine.connect().execution_options(sandan_reading=True) as db, db.begin():
        yield db


def _tune_sqlite(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    del record
    connection.execute("PRAGMA journal_mode=WAL")
    # FULL: what was acknowledged survives a power failure too, not only a killed process.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_immediate(db: Connection) -> None:
    # A transaction that reads first and writes later must own the write lock from its start, or it fails then.
    reading_only = db.get_execution_options().get("sandan_reading", False)
    db.exec_driver_sql("BEGIN" if reading_only else "BEGIN IMMEDIATE")


def _bad_url(rule: str, value: str) -> BadInput:
    return BadInput(where="environment", field="SANDAN_DATABASE_URL", rule=rule, value=value)
