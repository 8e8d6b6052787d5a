"""The books: orders in, orders out, and what an arrival depends on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.orders.admission import OrderStanding, Withdrawal
from optimizers.orders.book_order import BookOrder, ParticipantLimits
from optimizers.orders.rules import OrderRules, ruled_at
from services.market.store.calendar import rules_in
from services.market.store.tables import (
    CALENDAR,
    EARLY_CANCEL,
    HALT,
    LIMITS,
    ORDER,
    ORDER_RECORD,
    PROGRESS,
    REJECTION,
    SEAL,
    SUSPENSION,
)
from shared.db.order_writer import OPERATORS_WRITER
from shared.db.tables import UtcInstant
from shared.intervals import DAY, INTERVAL, day_start, trading_day_of
from shared.units import JEON_WH_PER_KRW


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known when an order arrives: whether it was answered before, its standing, and what took it out already.

    `rules` is the calendar's version at its stamp; None: the complex file's own.
    """

    is_known: bool
    standing: OrderStanding
    rules: OrderRules | None
    withdrawal: Withdrawal | None
    has_early_cancel: bool


def _newest_seal() -> sa.Select[Any]:
    newest = sa.select(sa.func.max(SEAL.c.delivery_start))
    return newest.where(SEAL.c.complex_id == sa.bindparam("complex_id"), SEAL.c.writer == sa.bindparam("writer"))


def _halt_at(instant: str) -> sa.Select[Any]:
    return _pause_at(instant, HALT.c.halted_at, HALT.c.resumed_at).where(*_same(HALT, "complex_id"))


def _pause_at(instant: str, begin: sa.Column[Any], end: sa.Column[Any]) -> sa.Select[Any]:
    at = sa.bindparam(instant, type_=UtcInstant)
    return sa.select(sa.func.max(begin)).where(begin <= at, sa.or_(end.is_(None), end > at))


def _same(table: sa.Table, *names: str) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == sa.bindparam(name) for name in names]


def _rules_at(instant: str) -> sa.Select[Any]:
    at = sa.bindparam(instant, type_=UtcInstant)
    here = (CALENDAR.c.complex_id == sa.bindparam("complex_id"), CALENDAR.c.effective_from <= at)
    return sa.select(CALENDAR.c.rules).where(*here).order_by(CALENDAR.c.version.desc()).limit(1)


def _own_limit(column: sa.Column[Any]) -> sa.ScalarSelect[Any]:
    """Look up a limit that held for the participant when the order was stamped."""
    at = sa.bindparam("submitted_at", type_=UtcInstant)
    own = sa.select(column).where(*_same(LIMITS, "complex_id", "participant_id"), LIMITS.c.changed_at <= at)
    return own.order_by(LIMITS.c.changed_at.desc()).limit(1).scalar_subquery()


def _standing_orders(found: Any, *same: str) -> sa.Select[Any]:
    """Select from the orders that stand; the one that is asked about is no reason against itself."""
    others = ORDER.c.order_id != sa.bindparam("order_id")
    return sa.select(found).select_from(ORDER).where(*_same(ORDER, *same), ORDER.c.cancelled_at.is_(None), others)


_BOOK = ("complex_id", "participant_id", "writer", "book")
_WITHIN = (
    ORDER.c.delivery_start >= sa.bindparam("book_from", type_=UtcInstant),
    ORDER.c.delivery_start < sa.bindparam("book_until", type_=UtcInstant),
)
_JEON_WH = ORDER.c.price_jeon_per_kwh * ORDER.c.quantity_wh
# As `Order.cost_krw_max`, but rounded up by at most a won an order.
_COST_KRW = sa.case(
    (sa.and_(ORDER.c.side == "buy", _JEON_WH > 0), _JEON_WH // JEON_WH_PER_KRW + 1),
    (sa.and_(ORDER.c.side == "sell", _JEON_WH < 0), -_JEON_WH // JEON_WH_PER_KRW + 1),
    else_=0,
)
# Built once: putting such a statement together takes longer than running it, and one runs for every order.
_ARRIVAL = sa.select(
    sa.or_(*(sa.exists().where(*_same(table, "complex_id", "order_id")) for table in (ORDER, REJECTION))).label(
        "is_known"
    ),
    _newest_seal().scalar_subquery().label("sealed_through"),
    _halt_at("submitted_at").scalar_subquery().label("halted_at"),
    _pause_at("submitted_at", SUSPENSION.c.suspended_at, SUSPENSION.c.resumed_at)
    .where(*_same(SUSPENSION, "complex_id", "participant_id"))
    .scalar_subquery()
    .label("suspended_at"),
    sa.select(sa.func.min(SUSPENSION.c.suspended_at))
    .where(*_same(SUSPENSION, "complex_id", "participant_id"))
    .where(SUSPENSION.c.suspended_at >= sa.bindparam("submitted_at", type_=UtcInstant))
    .scalar_subquery()
    .label("suspended_since"),
    _rules_at("ruled_at").scalar_subquery().label("rules"),
    _own_limit(LIMITS.c.open_orders_max).label("open_orders_max"),
    _own_limit(LIMITS.c.credit_krw_max).label("credit_krw_max"),
    _standing_orders(sa.func.count(), *_BOOK).where(*_WITHIN).scalar_subquery().label("open_orders"),
    _standing_orders(sa.func.sum(ORDER.c.quantity_wh), *_BOOK, "side")
    .where(*_WITHIN)
    .scalar_subquery()
    .label("side_wh"),
    _standing_orders(sa.func.sum(_COST_KRW), "complex_id", "participant_id", "writer")
    .where(ORDER.c.delivery_start > sa.bindparam("open_after", type_=UtcInstant))
    .scalar_subquery()
    .label("committed_krw"),
    sa.select(PROGRESS.c.day_ahead_through)
    .where(*_same(PROGRESS, "complex_id"))
    .scalar_subquery()
    .label("day_ahead_through"),
    sa.exists().where(*_same(EARLY_CANCEL, "complex_id", "order_id")).label("has_early_cancel"),
    sa.select(EARLY_CANCEL.c.requested_at)
    .where(*_same(EARLY_CANCEL, "complex_id", "order_id", "participant_id"))
    .scalar_subquery()
    .label("cancel_requested_at"),
)
_BY_WRITER = _standing_orders(sa.func.count(), "complex_id", "writer", "book").where(*_WITHIN)
HALT_AT = _halt_at("instant")
_RULES_AT = _rules_at("instant")


def load_arrival(db: Connection, complex_id: str, order: BookOrder, lead: timedelta) -> Arrival:
    """Look up all that an order's admission depends on, in one query; `lead` is how long before delivery books close.

    What belongs to an instant is that of the order's stamp; the calendar is that by which its auction is held.
    """
    own = {
        "participant_id": order.participant_id,
        "side": order.side.value,
        "submitted_at": order.submitted_at,
        "ruled_at": ruled_at(order.auction, order.delivery_start, order.submitted_at),
    }
    found = db.execute(
        _ARRIVAL, {**_place(complex_id, order), **own, "open_after": order.submitted_at + lead, **_span(order)}
    ).one()
    # Only in the topic that carries halts and suspensions is it certain which of them came before the order.
    is_in_turn = order.writer == OPERATORS_WRITER
    standing = OrderStanding(
        sealed_through=found.sealed_through,
        halted_at=found.halted_at if is_in_turn else None,
        open_orders=found.open_orders,
        side_wh=int(found.side_wh or 0),
        committed_krw=int(found.committed_krw or 0),
        limits=ParticipantLimits(found.open_orders_max, found.credit_krw_max),
        day_ahead_through=found.day_ahead_through,
        suspended_at=found.suspended_at if is_in_turn else None,
    )
    suspended_since = None if is_in_turn else found.suspended_since
    withdrawal = _withdrawal(order.participant_id, found.cancel_requested_at, suspended_since)
    return Arrival(bool(found.is_known), standing, rules_in(found.rules), withdrawal, bool(found.has_early_cancel))


def _withdrawal(
    participant_id: str, cancel_requested_at: datetime | None, suspended_since: datetime | None
) -> Withdrawal | None:
    """Return what took an order out before it came: whichever was first."""
    if cancel_requested_at is not None and (suspended_since is None or cancel_requested_at < suspended_since):
        return Withdrawal(participant_id, cancel_requested_at)
    return None if suspended_since is None else Withdrawal(participant_id, suspended_since, "suspended")


def _span(order: BookOrder) -> dict[str, datetime]:
    """Return the deliveries whose orders share a limit of number: an interval, or the day of a block."""
    if not order.block_wh:
        return {"book_from": order.delivery_start, "book_until": order.delivery_start + INTERVAL}
    day = day_start(trading_day_of(order.delivery_start))
    return {"book_from": day, "book_until": day + DAY}


def orders_of_writer(db: Connection, complex_id: str, order: BookOrder) -> int:
    """Return how many orders of an order's writer stand in its book, whoever's they are."""
    return int(db.scalar(_BY_WRITER, {**_place(complex_id, order), **_span(order)}) or 0)


def _place(complex_id: str, order: BookOrder) -> dict[str, str]:
    return {"complex_id": complex_id, "order_id": order.order_id, "writer": order.writer, "book": order.book}


def rules_at(db: Connection, complex_id: str, instant: datetime) -> OrderRules | None:
    """Return the calendar's version that holds at an instant; None: the complex file's own."""
    return rules_in(db.scalar(_RULES_AT, {"complex_id": complex_id, "instant": instant}))


def is_answered(db: Connection, complex_id: str, order_id: str) -> bool:
    """Say whether an order was accepted or rejected before."""
    return any(
        db.scalar(sa.select(table.c.order_id).where(table.c.complex_id == complex_id, table.c.order_id == order_id))
        for table in (ORDER, REJECTION)
    )


def save_order(db: Connection, complex_id: str, order: BookOrder) -> None:
    """Put an order into its book."""
    block_wh = list(order.block_wh) or None
    db.execute(sa.insert(ORDER), ORDER_RECORD.row(order, complex_id=complex_id, book=order.book, block_wh=block_wh))


def save_rejection(db: Connection, complex_id: str, order: BookOrder, *, reason: str, detail: str) -> None:
    """Remember that an order was rejected, and why."""
    identity = {"complex_id": complex_id, "order_id": order.order_id, "participant_id": order.participant_id}
    db.execute(sa.insert(REJECTION).values(**identity, reason=reason, detail=detail))


def load_order(db: Connection, complex_id: str, order_id: str) -> BookOrder | None:
    """Return an order that stands in a book; None if it was never admitted, or was cancelled."""
    found = db.execute(
        sa.select(ORDER).where(
            ORDER.c.complex_id == complex_id, ORDER.c.order_id == order_id, ORDER.c.cancelled_at.is_(None)
        )
    ).one_or_none()
    return None if found is None else _order(found)


def orders_to_withdraw(db: Connection, complex_id: str, withdrawal: Withdrawal) -> list[BookOrder]:
    """Return a participant's orders that stood in any book at an instant, by delivery."""
    rows = db.execute(
        sa.select(ORDER)
        .where(
            ORDER.c.complex_id == complex_id,
            ORDER.c.participant_id == withdrawal.participant_id,
            ORDER.c.submitted_at <= withdrawal.at,
            ORDER.c.delivery_start > withdrawal.at,
            ORDER.c.cancelled_at.is_(None),
        )
        .order_by(ORDER.c.delivery_start, ORDER.c.order_id)
    )
    return [_order(row) for row in rows]


def load_book(db: Connection, complex_id: str, delivery_start: datetime) -> list[BookOrder]:
    """Return the orders that stand in an interval's book."""
    rows = db.execute(
        sa.select(ORDER).where(
            ORDER.c.complex_id == complex_id,
            ORDER.c.delivery_start == delivery_start,
            ORDER.c.book == "intraday",
            ORDER.c.cancelled_at.is_(None),
        )
    )
    return [_order(row) for row in rows]


def load_day_ahead_book(db: Connection, complex_id: str, day: datetime) -> list[BookOrder]:
    """Return the orders and blocks that stand in the day-ahead book of the day that begins at an instant."""
    rows = db.execute(
        sa.select(ORDER).where(
            ORDER.c.complex_id == complex_id,
            ORDER.c.delivery_start >= day,
            ORDER.c.delivery_start < day + DAY,
            ORDER.c.book != "intraday",
            ORDER.c.cancelled_at.is_(None),
        )
    )
    return [_order(row) for row in rows]


def earliest_order(db: Connection, complex_id: str) -> datetime | None:
    """Return the earliest interval that has an order."""
    own = (ORDER.c.complex_id == complex_id, ORDER.c.book == "intraday")
    earliest = sa.select(sa.func.min(ORDER.c.delivery_start)).where(*own)
    found: datetime | None = db.scalar(earliest)
    return found


def save_cancel(db: Connection, complex_id: str, order_id: str, cancelled_at: datetime) -> None:
    """Take an order out of its book."""
    of_order = (ORDER.c.complex_id == complex_id, ORDER.c.order_id == order_id)
    db.execute(sa.update(ORDER).where(*of_order).values(cancelled_at=cancelled_at))


def amended_through(db: Connection, complex_id: str, order_id: str) -> int:
    """Return the writer's number of an order's newest amendment; 0 before the first."""
    of_order = (ORDER.c.complex_id == complex_id, ORDER.c.order_id == order_id)
    return db.scalar(sa.select(ORDER.c.amended_sequence).where(*of_order)) or 0


def save_amendment(db: Connection, complex_id: str, order: BookOrder, *, sequence: int) -> None:
    """Let an order stand as it was amended; `sequence` is the amendment's own number."""
    of_order = (ORDER.c.complex_id == complex_id, ORDER.c.order_id == order.order_id)
    db.execute(sa.update(ORDER).where(*of_order).values(ORDER_RECORD.row(order, amended_sequence=sequence)))


def save_early_cancel(
    db: Connection, complex_id: str, *, order_id: str, participant_id: str, requested_at: datetime
) -> None:
    """Keep a cancellation whose order has not arrived yet; a repeat changes nothing."""
    identity = {"complex_id": complex_id, "order_id": order_id, "participant_id": participant_id}
    same = [EARLY_CANCEL.c[name] == given for name, given in identity.items()]
    if db.scalar(sa.select(EARLY_CANCEL.c.order_id).where(*same)) is None:
        db.execute(sa.insert(EARLY_CANCEL).values(**identity, requested_at=requested_at))


def forget_early_cancels(db: Connection, complex_id: str, order_id: str) -> None:
    """Drop the cancellations that came before their order, now that it has been answered."""
    of_order = (EARLY_CANCEL.c.complex_id == complex_id, EARLY_CANCEL.c.order_id == order_id)
    db.execute(sa.delete(EARLY_CANCEL).where(*of_order))


def _order(row: sa.Row[Any]) -> BookOrder:
    auction = "intraday" if row.book == "intraday" else "day_ahead"
    return ORDER_RECORD.record(row, auction=auction, block_wh=tuple(row.block_wh or ()))
