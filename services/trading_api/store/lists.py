"""What the API's lists ask of the read model. `seen_by` is the participant that may see it; None sees all."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.store.orders import orders
from services.trading_api.store.paging import Listing
from services.trading_api.store.sql import rows_of
from services.trading_api.store.tables import (
    ACCURACY,
    API_KEY,
    AUCTION,
    AUDIT,
    DAY_AHEAD,
    DEVICE,
    FORECAST,
    INVOICE,
    MARKET_STATE,
    ORDER,
    READING,
    SCHEDULE,
    SETPOINT,
    SETTLED_INTERVAL,
    SETTLED_LINE,
    STATEMENT,
    STUDY,
    TRADE,
)


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


def auction_list(complex_id: str) -> Listing:
    """List auctions by delivery, the latest first."""
    return Listing(
        "auctions", sa.select(AUCTION).where(AUCTION.c.complex_id == complex_id), (AUCTION.c.delivery_start,)
    )


def day_ahead_list(complex_id: str) -> Listing:
    """List the day-ahead auctions' intervals by delivery, the latest first."""
    return Listing("day_ahead", _of(DAY_AHEAD, complex_id), (DAY_AHEAD.c.delivery_start,))


def trade_list(complex_id: str, *, seen_by: str | None, delivery_start: datetime | None = None) -> Listing:
    """List trades by delivery, the latest first."""
    query = sa.select(TRADE).where(TRADE.c.complex_id == complex_id)
    if seen_by is not None:
        query = query.where((TRADE.c.buyer_id == seen_by) | (TRADE.c.seller_id == seen_by))
    if delivery_start is not None:
        query = query.where(TRADE.c.delivery_start == delivery_start)
    return Listing("trades", query, (TRADE.c.delivery_start, TRADE.c.trade_id))


def reading_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List readings by delivery, the latest first."""
    query = _seen(sa.select(READING).where(READING.c.complex_id == complex_id), READING, seen_by)
    return Listing("readings", query, (READING.c.delivery_start, READING.c.meter_id))


def statement_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List statements by id, which begins with nothing in particular but is stable."""
    query = _seen(sa.select(STATEMENT).where(STATEMENT.c.complex_id == complex_id), STATEMENT, seen_by)
    return Listing("statements", query, (STATEMENT.c.statement_id,))


def invoice_list(complex_id: str, month: str, *, seen_by: str | None) -> Listing:
    """List the invoices of a month by participant."""
    query = _seen(_of(INVOICE, complex_id).where(INVOICE.c.month == month), INVOICE, seen_by)
    return Listing("invoices", query, (INVOICE.c.participant_id,))


def audit_list(complex_id: str) -> Listing:
    """List the audit chain, the newest link first."""
    return Listing("audit", sa.select(AUDIT).where(AUDIT.c.complex_id == complex_id), (AUDIT.c.number,))


def key_list(complex_id: str) -> Listing:
    """List a complex's API keys."""
    return Listing("keys", sa.select(API_KEY).where(API_KEY.c.complex_id == complex_id), (API_KEY.c.key_id,))


def device_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List the devices' last states."""
    return Listing("devices", _seen(_of(DEVICE, complex_id), DEVICE, seen_by), (DEVICE.c.device_id,))


def forecast_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List the newest forecast of each site."""
    newest = (
        sa.select(FORECAST.c.site_id, FORECAST.c.kind, sa.func.max(FORECAST.c.first_delivery_start).label("newest"))
        .where(FORECAST.c.complex_id == complex_id)
        .group_by(FORECAST.c.site_id, FORECAST.c.kind)
        .subquery()
    )
    is_newest = (
        (FORECAST.c.site_id == newest.c.site_id)
        & (FORECAST.c.kind == newest.c.kind)
        & (FORECAST.c.first_delivery_start == newest.c.newest)
    )
    query = _seen(_of(FORECAST, complex_id).join(newest, is_newest), FORECAST, seen_by)
    return Listing("forecasts", query, (FORECAST.c.site_id, FORECAST.c.kind))


def schedule_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List the newest schedule of each battery."""
    newest = (
        sa.select(SCHEDULE.c.device_id, sa.func.max(SCHEDULE.c.first_delivery_start).label("newest"))
        .where(SCHEDULE.c.complex_id == complex_id)
        .group_by(SCHEDULE.c.device_id)
        .subquery()
    )
    is_newest = (SCHEDULE.c.device_id == newest.c.device_id) & (SCHEDULE.c.first_delivery_start == newest.c.newest)
    query = _seen(_of(SCHEDULE, complex_id).join(newest, is_newest), SCHEDULE, seen_by)
    return Listing("schedules", query, (SCHEDULE.c.device_id, SCHEDULE.c.schedule_id))


def accuracy_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List the newest accuracy of each site, and of all together."""
    query = _of(ACCURACY, complex_id)
    if seen_by is not None:
        query = query.where((ACCURACY.c.participant_id == seen_by) | ACCURACY.c.participant_id.is_(None))
    return Listing("accuracy", query, (ACCURACY.c.kind, ACCURACY.c.site_id))


def auction(db: Connection, complex_id: str, delivery_start: datetime) -> RowMapping | None:
    """Return one auction, or None."""
    query = _of(AUCTION, complex_id).where(AUCTION.c.delivery_start == delivery_start)
    return db.execute(query).mappings().one_or_none()


def auctions_between(db: Connection, complex_id: str, first: datetime, end: datetime) -> Sequence[RowMapping]:
    """Return the auctions of [first, end) by delivery."""
    query = _of(AUCTION, complex_id).where(AUCTION.c.delivery_start >= first, AUCTION.c.delivery_start < end)
    return rows_of(db, query.order_by(AUCTION.c.delivery_start))


def day_ahead_between(db: Connection, complex_id: str, first: datetime, end: datetime) -> Sequence[RowMapping]:
    """Return the day-ahead results of [first, end) by delivery."""
    query = _of(DAY_AHEAD, complex_id).where(DAY_AHEAD.c.delivery_start >= first, DAY_AHEAD.c.delivery_start < end)
    return rows_of(db, query.order_by(DAY_AHEAD.c.delivery_start))


def settled_between(
    db: Connection, complex_id: str, first: datetime, end: datetime, *, seen_by: str | None
) -> Sequence[RowMapping]:
    """Return the settled lines of [first, end) by delivery and participant."""
    lines = SETTLED_LINE.c
    query = _of(SETTLED_LINE, complex_id).where(lines.delivery_start >= first, lines.delivery_start < end)
    return rows_of(db, _seen(query, SETTLED_LINE, seen_by).order_by(lines.delivery_start, lines.participant_id))


def ledger_between(db: Connection, complex_id: str, first: datetime, end: datetime) -> RowMapping:
    """Return `intervals`, `entries` and `sum_krw` of the ledger over [first, end)."""
    settled = SETTLED_INTERVAL.c
    query = sa.select(
        sa.func.count().label("intervals"),
        sa.func.coalesce(sa.func.sum(settled.ledger_entries), 0).label("entries"),
        sa.func.coalesce(sa.func.sum(settled.ledger_sum_krw), 0).label("sum_krw"),
    ).where(settled.complex_id == complex_id, settled.delivery_start >= first, settled.delivery_start < end)
    return db.execute(query).mappings().one()


def newest_setpoints(db: Connection, complex_id: str, *, limit: int) -> Sequence[RowMapping]:
    """Return the latest set-points by delivery."""
    query = _of(SETPOINT, complex_id).order_by(SETPOINT.c.delivery_start.desc(), SETPOINT.c.setpoint_id)
    return rows_of(db, query.limit(limit))


def market_state(db: Connection, complex_id: str) -> RowMapping | None:
    """Return whether the market is halted, since when and why; None where it never was."""
    return db.execute(_of(MARKET_STATE, complex_id)).mappings().one_or_none()


def study(db: Connection, complex_id: str, study_id: str) -> RowMapping | None:
    """Return one study, or None."""
    return db.execute(_of(STUDY, complex_id).where(STUDY.c.study_id == study_id)).mappings().one_or_none()


def statements_of_day(db: Connection, complex_id: str, day: date) -> Sequence[RowMapping]:
    """Return the statements of a Korean day."""
    return rows_of(db, _of(STATEMENT, complex_id).where(STATEMENT.c.trading_day == day))


def _of(table: sa.Table, complex_id: str) -> sa.Select[Any]:
    return sa.select(table).where(table.c.complex_id == complex_id)


def _seen(query: sa.Select[Any], table: sa.Table, seen_by: str | None) -> sa.Select[Any]:
    return query if seen_by is None else query.where(table.c.participant_id == seen_by)
