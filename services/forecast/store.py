"""What the forecast service keeps: the readings it learns from (`shared.history`), and each complex's newest issue."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared import history
from shared.db.tables import UtcInstant, new_metadata

METADATA = new_metadata()

history.add_table(METADATA)

ISSUES = sa.Table(
    "issues",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("issued_for", UtcInstant, nullable=False),
)


def last_issue(db: Connection, complex_id: str) -> datetime | None:
    """Return the interval for which a complex's forecasts were issued last."""
    return db.scalar(sa.select(ISSUES.c.issued_for).where(ISSUES.c.complex_id == complex_id))


def save_issue(db: Connection, complex_id: str, issued_for: datetime) -> None:
    """Remember for which interval a complex's forecasts were issued."""
    changed = db.execute(sa.update(ISSUES).where(ISSUES.c.complex_id == complex_id).values(issued_for=issued_for))
    if changed.rowcount == 0:
        db.execute(sa.insert(ISSUES).values(complex_id=complex_id, issued_for=issued_for))
