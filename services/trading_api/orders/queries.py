"""Orders and what the market said about them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.db.paging import Listing
from services.trading_api.db.sql import Query, rows_of, storable, upsert
from services.trading_api.orders.domain import OPEN, SubmittedOrder
from services.trading_api.orders.tables import ORDER, ORDER_RECORD, OUTCOME
from services.trading_api.text import Row
from shared.db.bulk import insert_rows


def order_list(
    complex_id: str,
    *,
    seen_by: str | None,
    client_order_id: str | None,
    delivered: tuple[datetime, datetime] | None = None,
) -> Listing:
    """List orders, the newest first; of deliveries in [first, end) alone where these are given."""
    query = orders(complex_id, seen_by=seen_by)
    if client_order_id is not None:
        query = query.where(ORDER.c.client_order_id == client_order_id)
    if delivered is not None:
        query = query.where(ORDER.c.delivery_start >= delivered[0], ORDER.c.delivery_start < delivered[1])
    return Listing("orders", query, (ORDER.c.submitted_at, ORDER.c.order_id))


_OF_ORDER = (ORDER.c.complex_id == OUTCOME.c.complex_id) & (ORDER.c.order_id == OUTCOME.c.order_id)
_JOINED = sa.select(
    ORDER,
    OUTCOME.c.status,
    OUTCOME.c.reason,
    OUTCOME.c.detail,
    OUTCOME.c.why,
    OUTCOME.c.filled_wh,
    OUTCOME.c.paid_krw,
    OUTCOME.c.received_krw,
).outerjoin(OUTCOME, _OF_ORDER)


def orders(complex_id: str, *, seen_by: str | None) -> Query:
    """Return the query for a complex's orders with their outcomes, or for those of one participant."""
    query = _JOINED.where(ORDER.c.complex_id == complex_id)
    return query if seen_by is None else query.where(ORDER.c.participant_id == seen_by)


# Built once: building a statement takes longer than what it asks.
_ONE = _JOINED.where(ORDER.c.complex_id == sa.bindparam("of_complex"), ORDER.c.order_id == sa.bindparam("of_order"))


def order(db: Connection, complex_id: str, order_id: str) -> RowMapping | None:
    """Return one order, or None."""
    return db.execute(_ONE, {"of_complex": complex_id, "of_order": order_id}).mappings().one_or_none()


def orders_by_id(db: Connection, ids: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], RowMapping]:
    """Return some orders by complex and order id; one that is not known is left out."""
    key = (ORDER.c.complex_id, ORDER.c.order_id)
    rows = rows_of(db, _JOINED.where(sa.tuple_(*key).in_(list(ids))))
    return {(row["complex_id"], row["order_id"]): row for row in rows}


def orders_of_interval(db: Connection, complex_id: str, delivery_start: datetime) -> Sequence[RowMapping]:
    """Return the orders for one delivery interval, first come first."""
    query = orders(complex_id, seen_by=None).where(ORDER.c.delivery_start == delivery_start)
    return rows_of(db, query.order_by(ORDER.c.submitted_at, ORDER.c.order_id))


def block_ids(db: Connection, complex_id: str, order_ids: Sequence[str]) -> set[str]:
    """Return which of some orders are blocks."""
    chosen = (ORDER.c.complex_id == complex_id, ORDER.c.order_id.in_(order_ids), ORDER.c.block_wh.is_not(None))
    return set(db.scalars(sa.select(ORDER.c.order_id).where(*chosen)))


def open_orders(db: Connection, complex_id: str, participant_id: str) -> Sequence[RowMapping]:
    """Return a participant's orders that no auction and no refusal has ended, first come first."""
    query = orders(complex_id, seen_by=participant_id).where(_is_open())
    return rows_of(db, query.order_by(ORDER.c.submitted_at, ORDER.c.order_id))


def open_count(db: Connection, complex_id: str, participant_id: str) -> int:
    """Return how many orders a participant has open."""
    return db.scalar(_OPEN_COUNT, {"of_complex": complex_id, "of_participant": participant_id}) or 0


def save_orders(db: Connection, submitted: Iterable[SubmittedOrder]) -> None:
    """Keep orders of which none is known."""
    insert_rows(db, ORDER, (storable(order_row(one)) for one in submitted))


def order_row(submitted: SubmittedOrder) -> dict[str, object]:
    """Return an order as its table has it."""
    return ORDER_RECORD.row(submitted, block_wh=list(submitted.block_wh) or None)


def mark_cancel_requested(db: Connection, complex_id: str, order_id: str, *, now: datetime) -> None:
    """Remember that the participant asked to take an order back."""
    here = (ORDER.c.complex_id == complex_id) & (ORDER.c.order_id == order_id)
    db.execute(sa.update(ORDER).where(here).values(cancel_requested_at=now))


def mark_amendment(db: Connection, complex_id: str, order_id: str, **facts: object) -> None:
    """Keep how far an amendment is: `amendment`, and what it changed or why it was refused."""
    here = (ORDER.c.complex_id == complex_id) & (ORDER.c.order_id == order_id)
    db.execute(sa.update(ORDER).where(here).values(**facts))


def save_outcomes(db: Connection, rows: Sequence[Row]) -> None:
    """Keep what became of orders; a state of a lower rank does not replace one of a higher."""
    upsert(db, OUTCOME, rows, newer="status_rank")


def _is_open() -> sa.ColumnElement[bool]:
    return OUTCOME.c.status.is_(None) | OUTCOME.c.status.in_(OPEN)


_OPEN_COUNT = (
    sa.select(sa.func.count())
    .select_from(ORDER)
    .outerjoin(OUTCOME, _OF_ORDER)
    .where(
        ORDER.c.complex_id == sa.bindparam("of_complex"),
        ORDER.c.participant_id == sa.bindparam("of_participant"),
        _is_open(),
    )
)
