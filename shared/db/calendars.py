"""Versions of the market calendar in a service's own table: complex_id, version, effective_from, calendar (JSON)."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.events.records import CALENDAR_JSON, Calendar


def calendar_at(db: Connection, table: sa.Table, complex_id: str, instant: datetime) -> tuple[int, Calendar] | None:
    """Return the version that holds at an instant, with its number; None before the first."""
    column = table.c
    query = sa.select(column.version, column.calendar).where(
        column.complex_id == complex_id, column.effective_from <= instant
    )
    row = db.execute(query.order_by(column.version.desc()).limit(1)).one_or_none()
    return None if row is None else (row.version, CALENDAR_JSON.validate_python(row.calendar))
