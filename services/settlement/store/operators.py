"""The operators' chain as it was published: kept here, where who writes the chain has no say."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.settlement.store.tables import OPERATORS_LINK


def save_link(db: Connection, complex_id: str, number: int, digest: str, *, at: datetime) -> None:
    """Keep a link as it was first published; one that is published again, or otherwise, changes nothing."""
    column = OPERATORS_LINK.c
    known = sa.select(column.hash).where(column.complex_id == complex_id, column.number == number)
    if db.scalar(known) is None:
        db.execute(sa.insert(OPERATORS_LINK).values(complex_id=complex_id, number=number, hash=digest, recorded_at=at))


def published_links(db: Connection, complex_id: str) -> dict[int, str]:
    """Return the hashes of the links that were published, by number."""
    query = sa.select(OPERATORS_LINK.c.number, OPERATORS_LINK.c.hash).where(OPERATORS_LINK.c.complex_id == complex_id)
    return {row.number: row.hash for row in db.execute(query)}


def operators_head(db: Connection, complex_id: str) -> tuple[int, str] | None:
    """Return the number and hash of the last link that was published; None while there is none."""
    query = sa.select(OPERATORS_LINK.c.number, OPERATORS_LINK.c.hash).where(OPERATORS_LINK.c.complex_id == complex_id)
    last = db.execute(query.order_by(OPERATORS_LINK.c.number.desc()).limit(1)).one_or_none()
    return None if last is None else (last.number, last.hash)
