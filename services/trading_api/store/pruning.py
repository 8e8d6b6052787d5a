"""What the read model keeps for a time only. Orders, trades, what was settled and the audit chain stay."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.trading_api.store.tables import (
    DEAD_LETTER,
    FORECAST,
    IGNORED_READING,
    READING,
    SCHEDULE,
    SETPOINT,
    SOC,
)
from shared.events.deadletters import UNKNOWN_COMPLEX
from shared.intervals import DAY


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long rows are kept.

    Args:
        facts: Of readings, states of charge, set-points, ignored readings and dead letters.
        curves: Of forecasts and plans, whose rows are the longest.
    """

    facts: timedelta = timedelta(days=400)
    curves: timedelta = timedelta(days=45)


def prune(db: Connection, complex_id: str, keep: Keep, *, now: datetime) -> None:
    """Drop what is too old, of each table at most a day at once: what had piled up goes in turns, and nobody waits."""
    for column, owner, kept in _kept(complex_id, keep):
        here = column.table.c.complex_id == owner
        oldest: datetime | None = db.scalar(sa.select(sa.func.min(column)).where(here))
        if oldest is not None and oldest < now - kept:
            db.execute(sa.delete(column.table).where(here, column < min(oldest + DAY, now - kept)))


def _kept(complex_id: str, keep: Keep) -> Iterator[tuple[sa.Column[Any], str, timedelta]]:
    for table in (READING, SOC, SETPOINT, IGNORED_READING):
        yield table.c.delivery_start, complex_id, keep.facts
    for table in (FORECAST, SCHEDULE):
        yield table.c.first_delivery_start, complex_id, keep.curves
    for owner in (complex_id, UNKNOWN_COMPLEX):
        yield DEAD_LETTER.c.set_aside_at, owner, keep.facts
