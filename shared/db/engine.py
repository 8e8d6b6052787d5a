"""Open a service's database, and say which of its faults pass.

No call waits for ever: not for a connection, not for a lock, not for an answer of a server that accepts and then hangs.
"""

import math
import os
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.pool import ConnectionPoolEntry

from shared.errors import BadInput
from shared.settings import made_folder

# For so long an answer is waited for; the longest statement of a run loop takes a tenth of that.
ANSWER_S = 30.0
# A writer waits this long for another one of the same service (the API's threads) before it gives up.
LOCK_WAIT_S = 10.0
CONNECT_S = 5.0
CONNECTIONS_MAX = 15
# A tick may compute for minutes inside its transaction; what a lost process had locked is free after that.
IDLE_TRANSACTION_S = 300.0
# Once the process is to end, an answer is waited for this long: all of the end takes ten seconds at most.
LAST_ANSWER_S = 2.0
_ENDING = threading.Event()
# What passes by itself: a server that is away, hung, restarting, full or locked, a pool without a free connection.
DATABASE_FAULTS = (
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.InternalError,
    sa.exc.DisconnectionError,
    sa.exc.TimeoutError,
)


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


def open_engine(
    url: sa.URL,
    *,
    answer_s: float | None = ANSWER_S,
    connections_max: int = CONNECTIONS_MAX,
    idle_transaction_s: float = IDLE_TRANSACTION_S,
) -> Engine:
    """Open a database; its transactions are serial for SQLite (one writer) and READ COMMITTED for PostgreSQL.

    Args:
        url: As `service_url` returns it.
        answer_s: For how long a statement, a lock or a free connection is waited for; None: however long it takes.
        connections_max: How many connections there may be at a time.
        idle_transaction_s: After which the server ends a transaction that was left open.
    """
    kept = min(connections_max, 5)
    pool = {"pool_size": kept, "max_overflow": connections_max - kept, "pool_timeout": answer_s or ANSWER_S}
    if url.drivername != "sqlite":
        return _open_postgresql(url, answer_s, idle_transaction_s, pool)
    made_folder(Path(url.database or "").parent, setting="SANDAN_DATABASE_URL")
    wait_s = min(LOCK_WAIT_S, answer_s or LOCK_WAIT_S)
    engine = sa.create_engine(url, connect_args={"timeout": wait_s, "isolation_level": None}, **pool)
    sa.event.listen(engine, "do_connect", _make_private)
    sa.event.listen(engine, "connect", _tune_sqlite)
    sa.event.listen(engine, "begin", _begin_immediate)
    return engine


def _open_postgresql(
    url: sa.URL, answer_s: float | None, idle_transaction_s: float, pool: Mapping[str, float]
) -> Engine:
    # The server gives up as well, so that what nobody waits for any more holds no lock.
    limits_s = {"idle_in_transaction_session_timeout": idle_transaction_s, "statement_timeout": answer_s or 0.0}
    probes = {"tcp_keepalives_idle": 5, "tcp_keepalives_interval": 2, "tcp_keepalives_count": 3}
    options = [f"-c{name}={round(limit_s * 1_000)}" for name, limit_s in limits_s.items()]
    options += [f"-c{name}={number}" for name, number in probes.items()]
    given = url.query.get("options", "")
    options += [given] if isinstance(given, str) else given
    engine = sa.create_engine(
        url,
        pool_pre_ping=True,
        connect_args={
            "options": " ".join(options),
            # In whole seconds, of which the driver takes two at least.
            "connect_timeout": math.ceil(min(CONNECT_S, answer_s or CONNECT_S)),
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": round((answer_s or 0.0) * 1_000),
        },
        **pool,
    )
    if answer_s is not None:
        from shared.db.bounded import connection_class

        kind = connection_class(answer_s, ending=_ENDING, last_answer_s=LAST_ANSWER_S)

        def connect(_: Dialect, __: object, args: Sequence[Any], named: dict[str, Any]) -> object:
            if _ENDING.is_set():
                named = {**named, "connect_timeout": math.ceil(LAST_ANSWER_S)}
            return kind.connect(*args, **named)

        sa.event.listen(engine, "do_connect", connect)
    return engine


def end_soon() -> None:
    """Say that the process is to end: nothing waits long for a hung database then. Safe in a signal handler."""
    _ENDING.set()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection for queries only, which waits for no writer."""
    with engine.connect().execution_options(sandan_reading=True) as db, db.begin():
        yield db


def _make_private(dialect: Dialect, record: object, args: Sequence[Any], named: dict[str, Any]) -> None:
    """Make a database's file before SQLite does, for its owner alone; its journals take that over."""
    del dialect, record, named
    os.close(os.open(args[0], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


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
