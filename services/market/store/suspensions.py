"""When participants may not trade, and which orders that concerns."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.orders.book_order import BookOrder
from services.market.store.tables import SUSPENSION


def open_suspension(db: Connection, complex_id: str, participant_id: str) -> datetime | None:
    """Return the beginning of a participant's suspension that has not ended."""
    return db.scalar(sa.select(SUSPENSION.c.suspended_at).where(*_open(complex_id, participant_id)))


def save_suspension(db: Connection, complex_id: str, participant_id: str, suspended_at: datetime) -> None:
    """Begin a suspension, or go on with one that ended in the same instant."""
    place = {"complex_id": complex_id, "participant_id": participant_id, "suspended_at": suspended_at}
    db.execute(sa.delete(SUSPENSION).where(*(SUSPENSION.c[name] == given for name, given in place.items())))
    db.execute(sa.insert(SUSPENSION).values(**place))


def end_suspension(db: Connection, complex_id: str, participant_id: str, resumed_at: datetime) -> None:
    """End a participant's suspension that is open."""
    db.execute(sa.update(SUSPENSION).where(*_open(complex_id, participant_id)).values(resumed_at=resumed_at))


def stamped_in_suspensions(db: Connection, complex_id: str, orders: Iterable[BookOrder]) -> list[str]:
    """Return the ids of the orders that were stamped in a suspension of their participant."""
    columns = (SUSPENSION.c.participant_id, SUSPENSION.c.suspended_at, SUSPENSION.c.resumed_at)
    rows: Sequence[Any] = db.execute(sa.select(*columns).where(SUSPENSION.c.complex_id == complex_id)).all()
    return [
        order.order_id
        for order in orders
        if any(
            who == order.participant_id and begin <= order.submitted_at and (end is None or order.submitted_at < end)
            for who, begin, end in rows
        )
    ]


def _open(complex_id: str, participant_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        SUSPENSION.c.complex_id == complex_id,
        SUSPENSION.c.participant_id == participant_id,
        SUSPENSION.c.resumed_at.is_(None),
    )
