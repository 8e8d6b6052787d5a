"""The market's own tables: books, seals, halts, and what the auctions gave."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.market.domain import Auction, Order, Seal, Standing
from shared.db.tables import UtcInstant, new_metadata

METADATA = new_metadata()

ORDER = sa.Table(
    "book_order",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, nullable=False),
    sa.Column("delivery_start", UtcInstant, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("price_jeon_per_kwh", sa.BigInteger, nullable=False),
    sa.Column("quantity_wh", sa.BigInteger, nullable=False),
    sa.Column("submitted_at", UtcInstant, nullable=False),
    sa.Column("writer", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("cancelled_at", UtcInstant),
    sa.Index("book_order_by_book", "complex_id", "delivery_start", "participant_id"),
)

# Rejected orders keep no figures: these may be too large for any column.
REJECTION = sa.Table(
    "rejection",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)

# Cancellations that overtook their order: another writer's topic may be faster.
EARLY_CANCEL = sa.Table(
    "early_cancel",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
    sa.Column("requested_at", UtcInstant, nullable=False),
)

SEAL = sa.Table(
    "seal",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("sealed_at", UtcInstant, nullable=False),
)

HALT = sa.Table(
    "halt",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("halted_at", UtcInstant, primary_key=True),
    sa.Column("resumed_at", UtcInstant),
)

PROGRESS = sa.Table(
    "progress",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("cleared_through", UtcInstant),
    sa.Column("alarmed_through", UtcInstant),
)

AUCTION = sa.Table(
    "auction",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("auction_id", sa.Text, nullable=False, unique=True),
    sa.Column("cleared_at", UtcInstant, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("price_jeon_per_kwh", sa.BigInteger),
    sa.Column("volume_wh", sa.BigInteger, nullable=False),
    sa.Column("fees_krw", sa.BigInteger, nullable=False),
    sa.Column("book_hash", sa.Text, nullable=False),
    sa.Column("certificate", sa.JSON),
)

FILL = sa.Table(
    "fill",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, nullable=False),
    sa.Column("filled_wh", sa.BigInteger, nullable=False),
    sa.Column("paid_krw", sa.BigInteger, nullable=False),
    sa.Column("received_krw", sa.BigInteger, nullable=False),
)


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
_HALT_AT = _halt_at("instant")
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
    found: datetime | None = db.scalar(_HALT_AT, {"complex_id": complex_id, "instant": instant})
    return found


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


def alarmed_through(db: Connection, complex_id: str) -> datetime | None:
    """Return the newest interval for whose missing seal an alarm was raised."""
    newest: datetime | None = db.scalar(
        sa.select(PROGRESS.c.alarmed_through).where(PROGRESS.c.complex_id == complex_id)
    )
    return newest


def save_alarm(db: Connection, complex_id: str, delivery_start: datetime) -> None:
    """Remember that an alarm was raised for an interval."""
    _save_progress(db, complex_id, alarmed_through=delivery_start)


def save_auction(
    db: Connection,
    complex_id: str,
    auction: Auction,
    *,
    auction_id: str,
    delivery_start: datetime,
    cleared_at: datetime,
) -> None:
    """Keep an auction with its fills and certificate, and drop the seals that it used up."""
    place = {"complex_id": complex_id, "delivery_start": delivery_start}
    db.execute(
        sa.insert(AUCTION).values(
            **place,
            auction_id=auction_id,
            cleared_at=cleared_at,
            status=auction.status,
            price_jeon_per_kwh=auction.outcome.price_jeon_per_kwh,
            volume_wh=auction.outcome.volume_wh,
            fees_krw=auction.outcome.fees_krw,
            book_hash=auction.book_hash,
            certificate=sa.null() if auction.certificate is None else dict(auction.certificate),
        )
    )
    fills = [
        {
            **place,
            "order_id": fill.order_id,
            "filled_wh": fill.filled_wh,
            "paid_krw": fill.paid_krw,
            "received_krw": fill.received_krw,
        }
        for fill in auction.fills
    ]
    if fills:
        db.execute(sa.insert(FILL), fills)
    _save_progress(db, complex_id, cleared_through=delivery_start)
    db.execute(sa.delete(SEAL).where(SEAL.c.complex_id == complex_id, SEAL.c.delivery_start < delivery_start))


def _save_progress(db: Connection, complex_id: str, **progress: datetime) -> None:
    changed = db.execute(sa.update(PROGRESS).where(PROGRESS.c.complex_id == complex_id).values(**progress))
    if changed.rowcount == 0:
        db.execute(sa.insert(PROGRESS).values(complex_id=complex_id, **progress))


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
