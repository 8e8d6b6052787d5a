"""What the forecast service keeps: the readings it learns from, and the newest issue of each complex."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.db.tables import UtcInstant, new_metadata
from shared.history import MeterReading

METADATA = new_metadata()

READINGS = sa.Table(
    "readings",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("meter_id", sa.Text, primary_key=True),
    sa.Column("import_wh", sa.BigInteger, nullable=False),
    sa.Column("export_wh", sa.BigInteger, nullable=False),
)

ISSUES = sa.Table(
    "issues",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("issued_for", UtcInstant, nullable=False),
)


def has_readings(db: Connection, complex_id: str) -> bool:
    """Say whether anything was ever metered in a complex."""
    found = sa.select(READINGS.c.meter_id).where(READINGS.c.complex_id == complex_id).limit(1)
    return db.scalar(found) is not None


def add_readings(db: Connection, readings: Iterable[MeterReading]) -> None:
    """Add readings of intervals that have none yet."""
    rows = [
        {
            "complex_id": one.complex_id,
            "delivery_start": one.delivery_start,
            "meter_id": one.meter_id,
            "import_wh": one.import_wh,
            "export_wh": one.export_wh,
        }
        for one in readings
    ]
    if rows:
        db.execute(sa.insert(READINGS), rows)


def save_reading(db: Connection, reading: MeterReading) -> None:
    """Keep a reading; a later one for the same meter and interval replaces it."""
    replaced = db.execute(
        sa.update(READINGS)
        .where(
            READINGS.c.complex_id == reading.complex_id,
            READINGS.c.delivery_start == reading.delivery_start,
            READINGS.c.meter_id == reading.meter_id,
        )
        .values(import_wh=reading.import_wh, export_wh=reading.export_wh)
    )
    if replaced.rowcount == 0:
        add_readings(db, [reading])


def readings_since(db: Connection, complex_id: str, since: datetime) -> Sequence[MeterReading]:
    """Return a complex's readings of intervals that start at an instant or later."""
    return _readings(db, complex_id, READINGS.c.delivery_start >= since)


def readings_of(db: Connection, complex_id: str, delivery_starts: Collection[datetime]) -> Sequence[MeterReading]:
    """Return a complex's readings of some intervals."""
    return _readings(db, complex_id, READINGS.c.delivery_start.in_(sorted(delivery_starts)))


def drop_readings_before(db: Connection, complex_id: str, instant: datetime) -> None:
    """Forget what is too old to learn from."""
    db.execute(sa.delete(READINGS).where(READINGS.c.complex_id == complex_id, READINGS.c.delivery_start < instant))


def last_issue(db: Connection, complex_id: str) -> datetime | None:
    """Return the interval for which a complex's forecasts were issued last."""
    return db.scalar(sa.select(ISSUES.c.issued_for).where(ISSUES.c.complex_id == complex_id))


def save_issue(db: Connection, complex_id: str, issued_for: datetime) -> None:
    """Remember for which interval a complex's forecasts were issued."""
    changed = db.execute(sa.update(ISSUES).where(ISSUES.c.complex_id == complex_id).values(issued_for=issued_for))
    if changed.rowcount == 0:
        db.execute(sa.insert(ISSUES).values(complex_id=complex_id, issued_for=issued_for))


def _readings(db: Connection, complex_id: str, where: sa.ColumnElement[bool]) -> Sequence[MeterReading]:
    columns = (READINGS.c.meter_id, READINGS.c.delivery_start, READINGS.c.import_wh, READINGS.c.export_wh)
    rows = db.execute(sa.select(*columns).where(READINGS.c.complex_id == complex_id, where))
    return [MeterReading(complex_id, *row) for row in rows]
