"""The last number of each log of a complex; advancing it takes the row's lock, so numbers are committed in order."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.trading_api.db.sql import Column, Query
from services.trading_api.log.tables import LOG_HEAD

# Built once: it runs for every event that is shown.
_FORWARD = (
    sa.update(LOG_HEAD)
    .where(LOG_HEAD.c.complex_id == sa.bindparam("of_complex"), LOG_HEAD.c.log == sa.bindparam("of_log"))
    .values(last_number=LOG_HEAD.c.last_number + sa.bindparam("by", type_=sa.BigInteger))
    .returning(LOG_HEAD.c.last_number)
)


def advance(db: Connection, complex_id: str, log: str, by: int) -> int:
    """Take the next numbers of a log and return the last of them."""
    last = db.scalar(_FORWARD, {"of_complex": complex_id, "of_log": log, "by": by})
    if last is None:
        db.execute(sa.insert(LOG_HEAD).values(complex_id=complex_id, log=log, last_number=by, last_hash=""))
        return by
    return int(last)


def head(complex_id: str, log: str, *columns: Column) -> Query:
    """Select columns of a log's last number and hash."""
    return sa.select(*columns).where(LOG_HEAD.c.complex_id == complex_id, LOG_HEAD.c.log == log)
