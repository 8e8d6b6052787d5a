"""The books: orders in, orders out, and what an arrival depends on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.market.domain import Order, Standing
from services.market.store.tables import EARLY_CANCEL, HALT, ORDER, REJECTION, SEAL
from shared.db.tables import UtcInstant


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known when an order arrives: whether it was answered before, its standing, and when it was taken back."""

    is_known: bool
    standing: Standing
    cancel_requested_at: datetime | None


def _newest_seal() -> sa.Select[Any]:
    newest = sa.select(sa.func.max(SEAL.c.delivery_start))
    return newest.where(SEAL.c.complex_id == sa.bindparam("complex_id"), SEAL.c.writer == sa.bindparam("writer"))


def _halt_at(instant: str) -> sa.Select[Any]:
    at = sa.bindparam(instant, type_=UtcInstant)
    return sa.select(sa.func.max(HALT.c.halted_at)).where(
        HALT.c.complex_id == sa.bindparam("complex_id"),
        HALT.c.halted_at <= at,
        sa.or_(HALT.c.resumed_at.is_(None), HALT.c.resumed_at > at),
    )


def _same(table: sa.Table, *names: str) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == sa.bindparam(name) for name in names]


# Built once: putting such a statement together takes longer than running it, and one runs for every order.
_ARRIVAL = sa.select(
    sa.or_(*(sa.exists().where(*_same(table, "complex_id", "order_id")) for table in (ORDER, REJECTION))).label(
        "is_known"
    ),
    _newest_seal().scalar_subquery().label("sealed_through"),
    _halt_at("submitted_at").scalar_subquery().label("halted_at"),
    sa.select(sa.func.count())
    .select_from(ORDER)
    .where(*_same(ORDER, "complex_id", "delivery_start", "participant_id", "writer"), ORDER.c.cancelled_at.is_(None))
    .scalar_subquery()
    .label("open_orders"),
    sa.select(EARLY_CANCEL.c.requested_at)
    .where(*_same(EARLY_CANCEL, "complex_id", "order_id", "participant_id"))
    .scalar_subquery()
    .label("cancel_requested_at"),
)
HALT_AT = _halt_at("instant")
_ORDER_COLUMNS = [column.name for column in ORDER.c if column.name not in {"complex_id", "cancelled_at"}]


def load_arrival(db: Connection, complex_id: str, order: Order) -> Arrival:
    """Look up all that an order's admission depends on, in one query."""
    names = ("order_id", "participant_id", "delivery_start", "submitted_at", "writer")
    facts = {name: getattr(order, name) for name in names}
    found = db.execute(_ARRIVAL, {"complex_id": complex_id, **facts}).one()
    standing = Standing(sealed_through=found.sealed_through, halted_at=found.halted_at, open_orders=found.open_orders)
    return Arrival(bool(found.is_known), standing, found.cancel_requested_at)


def is_answered(db: Connection, complex_id: str, order_id: str) -> bool:
    """Say whether an order was accepted or rejected before."""
    return any(
        db.scalar(sa.select(table.c.order_id).where(table.c.complex_id == complex_id, table.c.order_id == order_id))
        for table in (ORDER, REJECTION)
    )


def save_order(db: Connection, complex_id: str, order: Order) -> None:
    """Put an order into its book."""
    facts = {name: getattr(order, name) for name in _ORDER_COLUMNS}
    db.execute(sa.insert(ORDER), {"complex_id": complex_id, **facts})


def save_rejection(db: Connection, complex_id: str, order: Order, *, reason: str, detail: str) -> None:
    """Remember that an order was rejected, and why."""
    identity = {"complex_id": complex_id, "order_id": order.order_id, "participant_id": order.participant_id}
    db.execute(sa.insert(REJECTION).values(**identity, reason=reason, detail=detail))


def load_order(db: Connection, complex_id: str, order_id: str) -> Order | None:
    """Return an order that stands in a book; None if it was never admitted, or was cancelled."""
    found = db.execute(
        sa.select(ORDER).where(
            ORDER.c.complex_id == complex_id, ORDER.c.order_id == order_id, ORDER.c.cancelled_at.is_(None)
        )
    ).one_or_none()
    return None if found is None else _order(found)


def load_book(db: Connection, complex_id: str, delivery_start: datetime) -> list[Order]:
    """Return the orders that stand in an interval's book."""
    rows = db.execute(
        sa.select(ORDER).where(
            ORDER.c.complex_id == complex_id,
            ORDER.c.delivery_start == delivery_start,
            ORDER.c.cancelled_at.is_(None),
        )
    )
    return [_order(row) for row in rows]


def earliest_order(db: Connection, complex_id: str) -> datetime | None:
    """Return the earliest interval that has an order."""
    earliest = sa.select(sa.func.min(ORDER.c.delivery_start)).where(ORDER.c.complex_id == complex_id)
    found: datetime | None = db.scalar(earliest)
    return found


def save_cancel(db: Connection, complex_id: str, order_id: str, cancelled_at: datetime) -> None:
    """Take an order out of its book."""
    of_order = (ORDER.c.complex_id == complex_id, ORDER.c.order_id == order_id)
    db.execute(sa.update(ORDER).where(*of_order).values(cancelled_at=cancelled_at))


def save_early_cancel(
    db: Connection, complex_id: str, *, order_id: str, participant_id: str, requested_at: datetime
) -> None:
    """Keep a cancellation whose order has not arrived yet; a repeat changes nothing."""
    identity = {"complex_id": complex_id, "order_id": order_id, "participant_id": participant_id}
    same = [EARLY_CANCEL.c[name] == given for name, given in identity.items()]
    if db.scalar(sa.select(EARLY_CANCEL.c.order_id).where(*same)) is None:
        db.execute(sa.insert(EARLY_CANCEL).values(**identity, requested_at=requested_at))


def _order(row: sa.Row[Any]) -> Order:
    return Order(
        order_id=row.order_id,
        participant_id=row.participant_id,
        delivery_start=row.delivery_start,
        side=row.side,
        price_jeon_per_kwh=row.price_jeon_per_kwh,
        quantity_wh=row.quantity_wh,
        submitted_at=row.submitted_at,
        writer=row.writer,
        sequence=row.sequence,
    )
