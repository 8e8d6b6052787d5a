"""The orders of a participant that count in what is still to be ordered for it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.scheduler.store.tables import ORDER
from shared.db.bulk import upsert_rows
from shared.events.market import AuctionCleared, OrderAmended, OrderCancelled, OrderRejected
from shared.events.orders import OrderSubmitted
from shared.events.records import Side


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order that is in a book, or on its way there."""

    order_id: str
    side: Side
    quantity_wh: int
    is_automatic: bool


def save_submitted(db: Connection, event: OrderSubmitted, *, is_automatic: bool) -> bool:
    """Keep an order; False where it is known, as it came before or ended before it came."""
    if db.scalar(sa.select(ORDER.c.order_id).where(_is(event))) is not None:
        return False
    row = {
        "complex_id": event.complex_id,
        "order_id": event.order_id,
        "participant_id": event.participant_id,
        "delivery_start": event.delivery_start,
        "side": event.side.value,
        "quantity_wh": event.quantity_wh,
        "is_automatic": is_automatic,
        "is_open": True,
    }
    db.execute(sa.insert(ORDER).values(row))
    return True


def save_amended(db: Connection, event: OrderAmended) -> None:
    """Keep what an order asks for now."""
    db.execute(sa.update(ORDER).where(_is(event)).values(quantity_wh=event.quantity_wh))


def save_ended(db: Connection, event: OrderRejected | OrderCancelled) -> None:
    """Keep that an order stands for nothing any more, also where it has not come yet."""
    ended = db.execute(sa.update(ORDER).where(_is(event)).values(quantity_wh=0, is_open=False))
    if ended.rowcount == 0:
        row = {
            "complex_id": event.complex_id,
            "order_id": event.order_id,
            "participant_id": event.participant_id,
            "delivery_start": event.delivery_start,
            "quantity_wh": 0,
            "is_automatic": False,
            "is_open": False,
        }
        db.execute(sa.insert(ORDER).values(row))


def save_withdrawn(db: Connection, complex_id: str, order_id: str) -> None:
    """Keep that an automatic order was taken back."""
    here = (ORDER.c.complex_id == complex_id, ORDER.c.order_id == order_id)
    db.execute(sa.update(ORDER).where(*here).values(quantity_wh=0, is_open=False))


def save_fills(db: Connection, event: AuctionCleared) -> None:
    """Keep what the orders of an auction came to."""
    here = (ORDER.c.complex_id == event.complex_id, ORDER.c.delivery_start == event.delivery_start)
    known = {row.order_id: row for row in db.execute(sa.select(ORDER).where(*here))}
    filled_wh = {fill.order_id: fill.filled_wh for fill in event.fills}
    rows = [
        {**row._mapping, "quantity_wh": filled_wh.get(order_id, 0), "is_open": False}  # noqa: SLF001 -- its public name
        for order_id, row in known.items()
    ]
    upsert_rows(db, ORDER, rows)


def open_orders(
    db: Connection, complex_id: str, starts: Collection[datetime]
) -> dict[tuple[str, datetime], list[KnownOrder]]:
    """Return the open orders for some intervals, by participant and interval."""
    query = sa.select(ORDER).where(
        ORDER.c.complex_id == complex_id, ORDER.c.delivery_start.in_(starts), ORDER.c.is_open
    )
    found: dict[tuple[str, datetime], list[KnownOrder]] = {}
    for row in db.execute(query.order_by(ORDER.c.order_id)):
        order = KnownOrder(
            order_id=row.order_id, side=Side(row.side), quantity_wh=row.quantity_wh, is_automatic=row.is_automatic
        )
        found.setdefault((row.participant_id, row.delivery_start), []).append(order)
    return found


def _is(event: OrderSubmitted | OrderAmended | OrderRejected | OrderCancelled) -> sa.ColumnElement[bool]:
    return (ORDER.c.complex_id == event.complex_id) & (ORDER.c.order_id == event.order_id)
