"""A day of the books without what a run makes of its own: no ids, no causes, no numbers of chains, no instants of work.

Two runs that were told the same have the same of it, on SQLite and PostgreSQL, however their messages were batched.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.settlement.store.books import SUMMED
from services.settlement.store.certificate_tables import CERTIFICATE_LINE, CERTIFICATE_SLICE
from services.settlement.store.tables import (
    INVOICE,
    LEDGER_ENTRY,
    LEDGER_LINE,
    READING,
    SETTLED_LINE,
    TRADE,
)
from shared.intervals import DAY, day_start

Rows = Sequence[Sequence[Any]]
# Of a row these say which run it was made by, or which of its tries: the last one holds.
OWN = frozenset({"complex_id", "revision", "trade_id", "previous_end", "number"})


def settled_day(db: Connection, complex_id: str, day: date) -> Mapping[str, Rows]:
    """Return what the books hold of a Korean day, by section, as rows in no particular order."""
    span = day_start(day), day_start(day) + DAY
    return {
        "readings": _rows(db, READING, complex_id, span, but={"reading_version"}),
        "trades": _rows(db, TRADE, complex_id, span),
        "settled_lines": _newest(db, SETTLED_LINE, ("participant_id", "delivery_start"), complex_id, span),
        "ledger": _ledger(db, complex_id, span),
        "statements": _statements(db, complex_id, span),
        "certificate_lines": _newest(db, CERTIFICATE_LINE, ("participant_id", "delivery_start"), complex_id, span),
        "certificates": _newest(db, CERTIFICATE_SLICE, ("device_id", "delivery_start"), complex_id, span),
        "invoices": _invoices(db, complex_id, f"{day:%Y-%m}"),
    }


def _rows(
    db: Connection,
    table: sa.Table,
    complex_id: str,
    span: tuple[datetime, datetime],
    *,
    but: frozenset[str] | set[str] = frozenset(),
) -> Rows:
    columns = [column for column in table.c if column.name not in OWN | but]
    return db.execute(sa.select(*columns).where(*_of_span(table, complex_id, span))).all()


def _newest(
    db: Connection, table: sa.Table, key: Sequence[str], complex_id: str, span: tuple[datetime, datetime]
) -> Rows:
    """Return a table's rows of each key's newest revision: all of its parts have that."""
    age = sa.func.rank().over(partition_by=[table.c[name] for name in key], order_by=table.c.revision.desc())
    ranked = sa.select(table, age.label("age")).where(*_of_span(table, complex_id, span)).subquery()
    columns = [ranked.c[column.name] for column in table.c if column.name not in OWN]
    return db.execute(sa.select(*columns).where(ranked.c.age == 1)).all()


def _ledger(db: Connection, complex_id: str, span: tuple[datetime, datetime]) -> Rows:
    """Return each account's balance [KRW] of each interval: how many entries made it is the run's own."""
    balance_krw = sa.func.sum(LEDGER_LINE.c.debit_krw - LEDGER_LINE.c.credit_krw)
    of_entry = (
        LEDGER_LINE.c.complex_id == LEDGER_ENTRY.c.complex_id,
        LEDGER_LINE.c.entry_id == LEDGER_ENTRY.c.entry_id,
    )
    key = (LEDGER_ENTRY.c.delivery_start, LEDGER_LINE.c.account)
    query = sa.select(*key, balance_krw).join_from(LEDGER_ENTRY, LEDGER_LINE, sa.and_(*of_entry))
    rows = db.execute(query.where(*_of_span(LEDGER_ENTRY, complex_id, span)).group_by(*key))
    return [(delivery_start, account, int(krw)) for delivery_start, account, krw in rows if krw]


def _statements(db: Connection, complex_id: str, span: tuple[datetime, datetime]) -> Rows:
    """Return each participant's sums over the newest lines of its intervals."""
    columns = SETTLED_LINE.c
    age = sa.func.rank().over(
        partition_by=(columns.participant_id, columns.delivery_start), order_by=columns.revision.desc()
    )
    ranked = sa.select(SETTLED_LINE, age.label("age")).where(*_of_span(SETTLED_LINE, complex_id, span)).subquery()
    names = [name for name in SUMMED if name not in OWN]
    sums = [sa.func.sum(ranked.c[name]) for name in names]
    query = sa.select(ranked.c.participant_id, sa.func.count(), *sums).where(ranked.c.age == 1)
    return [(who, *map(int, figures)) for who, *figures in db.execute(query.group_by(ranked.c.participant_id))]


def _invoices(db: Connection, complex_id: str, month: str) -> Rows:
    """Return what was last said of the month to each participant."""
    rows = db.execute(
        sa.select(INVOICE.c.participant_id, INVOICE.c.content)
        .where(INVOICE.c.complex_id == complex_id, INVOICE.c.month == month)
        .order_by(INVOICE.c.revision)
    )
    return list({row.participant_id: (row.participant_id, row.content) for row in rows}.values())


def _of_span(table: sa.Table, complex_id: str, span: tuple[datetime, datetime]) -> tuple[sa.ColumnElement[bool], ...]:
    first, end = span
    return table.c.complex_id == complex_id, table.c.delivery_start >= first, table.c.delivery_start < end
