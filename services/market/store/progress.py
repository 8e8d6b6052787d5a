"""How far a complex's market is: seals, halts, the newest cleared interval."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.orders.book_order import BookOrder
from services.market.domain.seals import Seal
from services.market.store.orders import HALT_AT
from services.market.store.tables import HALT, PROGRESS, SEAL


def save_seal(db: Connection, complex_id: str, seal: Seal) -> None:
    """Keep a writer's seal; a repeat changes nothing."""
    of_seal = (
        SEAL.c.complex_id == complex_id,
        SEAL.c.writer == seal.writer,
        SEAL.c.delivery_start == seal.delivery_start,
    )
    if db.scalar(sa.select(SEAL.c.writer).where(*of_seal)) is None:
        facts = {"writer": seal.writer, "delivery_start": seal.delivery_start, "sealed_at": seal.sealed_at}
        db.execute(sa.insert(SEAL).values(complex_id=complex_id, **facts))


def load_seals(db: Connection, complex_id: str) -> list[Seal]:
    """Return the seals that still matter: each writer's newest, and those of intervals to come."""
    rows = db.execute(sa.select(SEAL).where(SEAL.c.complex_id == complex_id))
    return [Seal(row.writer, row.delivery_start, row.sealed_at) for row in rows]


def halt_at(db: Connection, complex_id: str, instant: datetime) -> datetime | None:
    """Return the beginning of the halt that an instant lies in."""
    found: datetime | None = db.scalar(HALT_AT, {"complex_id": complex_id, "instant": instant})
    return found


def stamped_in_halts(db: Connection, complex_id: str, orders: Iterable[BookOrder]) -> list[str]:
    """Return the ids of the orders that were stamped in a halt."""
    halts = db.execute(sa.select(HALT.c.halted_at, HALT.c.resumed_at).where(HALT.c.complex_id == complex_id)).all()
    return [
        order.order_id
        for order in orders
        if any(begin <= order.submitted_at and (end is None or order.submitted_at < end) for begin, end in halts)
    ]


def open_halt(db: Connection, complex_id: str) -> datetime | None:
    """Return the beginning of the halt that has not ended."""
    return db.scalar(sa.select(HALT.c.halted_at).where(HALT.c.complex_id == complex_id, HALT.c.resumed_at.is_(None)))


def save_halt(db: Connection, complex_id: str, halted_at: datetime) -> None:
    """Begin a halt, or go on with one that ended in the same instant."""
    db.execute(sa.delete(HALT).where(HALT.c.complex_id == complex_id, HALT.c.halted_at == halted_at))
    db.execute(sa.insert(HALT).values(complex_id=complex_id, halted_at=halted_at))


def end_halt(db: Connection, complex_id: str, resumed_at: datetime) -> None:
    """End the halt that is open."""
    is_open = (HALT.c.complex_id == complex_id, HALT.c.resumed_at.is_(None))
    db.execute(sa.update(HALT).where(*is_open).values(resumed_at=resumed_at))


def cleared_through(db: Connection, complex_id: str) -> datetime | None:
    """Return the newest interval that was cleared."""
    newest: datetime | None = db.scalar(
        sa.select(PROGRESS.c.cleared_through).where(PROGRESS.c.complex_id == complex_id)
    )
    return newest


def day_ahead_through(db: Connection, complex_id: str) -> datetime | None:
    """Return the beginning of the newest day whose day-ahead auction was held, or passed over."""
    newest: datetime | None = db.scalar(
        sa.select(PROGRESS.c.day_ahead_through).where(PROGRESS.c.complex_id == complex_id)
    )
    return newest


def save_day_ahead_through(db: Connection, complex_id: str, day: datetime) -> None:
    """Remember the newest day whose day-ahead auction was held, or passed over."""
    _save_progress(db, complex_id, day_ahead_through=day)


def alarmed_through(db: Connection, complex_id: str) -> datetime | None:
    """Return the newest interval for whose missing seal an alarm was raised."""
    newest: datetime | None = db.scalar(
        sa.select(PROGRESS.c.alarmed_through).where(PROGRESS.c.complex_id == complex_id)
    )
    return newest


def save_alarm(db: Connection, complex_id: str, delivery_start: datetime) -> None:
    """Remember that an alarm was raised for an interval."""
    _save_progress(db, complex_id, alarmed_through=delivery_start)


def save_cleared_through(db: Connection, complex_id: str, delivery_start: datetime) -> None:
    """Remember the newest interval that was cleared."""
    _save_progress(db, complex_id, cleared_through=delivery_start)


def _save_progress(db: Connection, complex_id: str, **progress: datetime) -> None:
    changed = db.execute(sa.update(PROGRESS).where(PROGRESS.c.complex_id == complex_id).values(**progress))
    if changed.rowcount == 0:
        db.execute(sa.insert(PROGRESS).values(complex_id=complex_id, **progress))
