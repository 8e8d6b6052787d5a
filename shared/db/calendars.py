"""Versions of the market calendar in a service's own table: complex_id, version, effective_from, calendar (JSON)."""

from datetime import datetime
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.events.records import CALENDAR_JSON, Calendar


@lru_cache
def _newest(table: sa.Table) -> sa.Select[tuple[int, object]]:
    # Built once: it is asked for each order.
    column = table.c
    query = sa.select(column.version, column.calendar).where(
        column.complex_id == sa.bindparam("of_complex"), column.effective_from <= sa.bindparam("instant")
    )
    return query.order_by(column.version.desc()).limit(1)


def calendar_at(db: Connection, table: sa.Table, complex_id: str, instant: datetime) -> tuple[int, Calendar] | None:
    """Return the version that holds at an instant, with its number; None before the first."""
    row = db.execute(_newest(table), {"of_complex": complex_id, "instant": instant}).one_or_none()
    return None if row is None else (row.version, CALENDAR_JSON.validate_python(row.calendar))
