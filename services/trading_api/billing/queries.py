"""Settled intervals, statements and invoices."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.billing.tables import (
    COST_WITH_KRW,
    INVOICE,
    SETTLED_INTERVAL,
    SETTLED_LINE,
    SETTLED_LINE_RECORD,
    STATEMENT,
)
from services.trading_api.db.paging import Listing
from services.trading_api.db.sql import of_complex, rows_of, seen_only
from services.trading_api.text import JsonObject
from shared.events.records import SettledLine


def ledger_anchors(db: Connection, complex_id: str) -> Mapping[int, str]:
    """Return the hashes of the ledger's links that settlement has published, by number."""
    settled = SETTLED_INTERVAL.c
    known = sa.select(settled.ledger_number, settled.ledger_hash).where(
        settled.complex_id == complex_id, settled.ledger_number.is_not(None)
    )
    return {row.ledger_number: row.ledger_hash for row in db.execute(known)}


def line_copies(db: Connection, complex_id: str) -> Mapping[tuple[datetime, str], SettledLine]:
    """Return the settled lines as they are kept here, by interval and participant; imbalance's prices are not."""
    rows = db.execute(of_complex(SETTLED_LINE, complex_id)).mappings()
    return {(row["delivery_start"], row["participant_id"]): SETTLED_LINE_RECORD.record(row) for row in rows}


def invoice_copies(db: Connection, complex_id: str) -> Mapping[tuple[str, str, int], JsonObject]:
    """Return the content of invoices as they are kept here, by month, participant and revision."""
    rows = db.execute(of_complex(INVOICE, complex_id)).mappings()
    return {(row["month"], row["participant_id"], row["revision"]): row["content"] for row in rows}


def statement_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List statements by id, which begins with nothing in particular but is stable."""
    query = seen_only(sa.select(STATEMENT).where(STATEMENT.c.complex_id == complex_id), STATEMENT, seen_by)
    return Listing("statements", query, (STATEMENT.c.statement_id,))


def invoice_list(complex_id: str, month: str, *, seen_by: str | None) -> Listing:
    """List the invoices of a month by participant."""
    query = seen_only(of_complex(INVOICE, complex_id).where(INVOICE.c.month == month), INVOICE, seen_by)
    return Listing("invoices", query, (INVOICE.c.participant_id,))


def settled_between(
    db: Connection, complex_id: str, first: datetime, end: datetime, *, seen_by: str | None
) -> Sequence[RowMapping]:
    """Return the settled lines of [first, end) by delivery and participant."""
    lines = SETTLED_LINE.c
    query = of_complex(SETTLED_LINE, complex_id).where(lines.delivery_start >= first, lines.delivery_start < end)
    return rows_of(db, seen_only(query, SETTLED_LINE, seen_by).order_by(lines.delivery_start, lines.participant_id))


def ledger_between(db: Connection, complex_id: str, first: datetime, end: datetime) -> RowMapping:
    """Return `intervals`, `entries` and `sum_krw` of the ledger over [first, end)."""
    settled = SETTLED_INTERVAL.c
    query = sa.select(
        sa.func.count().label("intervals"),
        sa.func.coalesce(sa.func.sum(settled.ledger_entries), 0).label("entries"),
        sa.func.coalesce(sa.func.sum(settled.ledger_sum_krw), 0).label("sum_krw"),
    ).where(settled.complex_id == complex_id, settled.delivery_start >= first, settled.delivery_start < end)
    return db.execute(query).mappings().one()


def settled_by_interval(
    db: Connection, complex_id: str, first: datetime, end: datetime, *, seen_by: str | None
) -> Sequence[RowMapping]:
    """Return costs by interval, and the lowest and highest grid price that a participant paid."""
    line = SETTLED_LINE.c
    query = (
        sa.select(
            line.delivery_start,
            sa.func.min(line.grid_import_price_jeon_per_kwh).label("grid_import_price_jeon_per_kwh_min"),
            sa.func.max(line.grid_import_price_jeon_per_kwh).label("grid_import_price_jeon_per_kwh_max"),
            sa.func.max(line.grid_export_price_jeon_per_kwh).label("grid_export_price_jeon_per_kwh"),
            sa.func.sum(COST_WITH_KRW).label("cost_with_krw"),
            sa.func.sum(line.cost_without_krw).label("cost_without_krw"),
        )
        .where(line.complex_id == complex_id, line.delivery_start >= first, line.delivery_start < end)
        .group_by(line.delivery_start)
        .order_by(line.delivery_start)
    )
    return rows_of(db, query if seen_by is None else query.where(line.participant_id == seen_by))
