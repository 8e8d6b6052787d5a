"""Drop old rows a little at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.trading_api.db.sql import Column
from shared.intervals import DAY


@dataclass(frozen=True, slots=True)
class Kept:
    """For how long the rows of one complex are kept, by an instant of theirs."""

    by: Column
    complex_id: str
    time: timedelta


def prune(db: Connection, kept: Iterable[Kept], *, now: datetime) -> None:
    """Drop what is too old, of each table at most a day at once: what had piled up goes in turns, and nobody waits."""
    for part in kept:
        here = part.by.table.c.complex_id == part.complex_id
        oldest: datetime | None = db.scalar(sa.select(sa.func.min(part.by)).where(here))
        if oldest is not None and oldest < now - part.time:
            db.execute(sa.delete(part.by.table).where(here, part.by < min(oldest + DAY, now - part.time)))
