"""Holding what is told of the books against the ledger: trades, settled lines, invoices."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.settlement.interval import SettledTrade, correction_id, imbalance_id, loss_id
from optimizers.settlement.ledger import participant_account
from services.settlement.store.tables import (
    INVOICE,
    INVOICE_DUE,
    LEDGER_ENTRY,
    LEDGER_LINE,
    SETTLED_LINE,
    SETTLED_LINE_RECORD,
    TRADE,
    TRADE_RECORD,
)
from shared.events.records import SettledLine, Trade
from shared.intervals import trading_day_of


@dataclass(frozen=True, slots=True)
class BookFlaw:
    """What the ledger contradicts: "trade", "line" or "invoice", its id, and how that shows."""

    what: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Copies:
    """What the trading API keeps of the books: lines by interval and participant, without the prices that it keeps not.

    Invoices are by month, participant and revision, trades by id.
    """

    lines: Mapping[tuple[datetime, str], SettledLine]
    invoices: Mapping[tuple[str, str, int], object]
    trades: Mapping[str, Trade]


@dataclass(frozen=True, slots=True)
class LedgerSums:
    """What accounts owe by the ledger, by entry, over a month and by a month's bills [KRW]; below 0 is owed to them."""

    entry_ids: frozenset[str]
    by_entry: Mapping[tuple[str, str], int]
    by_month: Mapping[tuple[str, str], int]
    by_bill: Mapping[tuple[str, str], int]


def book_flaws(db: Connection, complex_id: str) -> list[BookFlaw]:
    """Say which trades, settled lines and invoices are not what the ledger holds."""
    owed = _owed(db, complex_id)
    histories = list(_histories(db, complex_id))
    traded = _traded(db, complex_id)
    return [
        *_trade_flaws(db, complex_id, owed),
        *(flaw for start, lines in histories for flaw in _line_flaws(start, lines, owed, traded)),
        *_invoice_flaws(db, complex_id, owed, histories),
    ]


def _owed(db: Connection, complex_id: str) -> LedgerSums:
    by_entry: defaultdict[tuple[str, str], int] = defaultdict(int)
    by_month: defaultdict[tuple[str, str], int] = defaultdict(int)
    by_bill: defaultdict[tuple[str, str], int] = defaultdict(int)
    line, entry = LEDGER_LINE.c, LEDGER_ENTRY.c
    same = (line.complex_id == entry.complex_id) & (line.entry_id == entry.entry_id)
    postings = sa.select(entry.entry_id, entry.delivery_start, line.account, line.debit_krw - line.credit_krw)
    query = postings.select_from(LEDGER_LINE.join(LEDGER_ENTRY, same)).where(line.complex_id == complex_id)
    for entry_id, start, account, owed_krw in db.execute(query):
        by_entry[entry_id, account] += owed_krw
        by_month[_month_of(start), account] += owed_krw
        if entry_id.startswith("bill:"):
            by_bill[_month_of(start), account] += owed_krw
    return LedgerSums(frozenset(entry_id for entry_id, _ in by_entry), by_entry, by_month, by_bill)


def _histories(db: Connection, complex_id: str) -> Iterator[tuple[datetime, list[SettledLine]]]:
    """Yield each participant's lines of each interval, the first one first."""
    column = SETTLED_LINE.c
    place = (column.participant_id, column.delivery_start)
    query = sa.select(*SETTLED_LINE_RECORD.columns, column.delivery_start).where(column.complex_id == complex_id)
    rows = db.execute(query.order_by(*place, column.revision)).mappings()
    for (_, start), lines in groupby(rows, lambda row: (row["participant_id"], row["delivery_start"])):
        yield start, [SETTLED_LINE_RECORD.record(line) for line in lines]


def _traded(db: Connection, complex_id: str) -> Mapping[tuple[str, datetime], tuple[int, ...]]:
    """Return what each participant's trades of an interval come to: bought and sold [Wh], paid and received [KRW]."""
    column = TRADE.c
    sums: defaultdict[tuple[str, datetime], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for trade in db.execute(sa.select(TRADE).where(column.complex_id == complex_id)):
        buyer, seller = sums[trade.buyer_id, trade.delivery_start], sums[trade.seller_id, trade.delivery_start]
        buyer[0] += trade.quantity_wh
        seller[1] += trade.quantity_wh
        buyer[2] += trade.paid_krw
        seller[3] += trade.received_krw
    return {place: tuple(found) for place, found in sums.items()}


def _trade_flaws(db: Connection, complex_id: str, owed: LedgerSums) -> Iterator[BookFlaw]:
    known = set()
    for trade in db.execute(sa.select(TRADE).where(TRADE.c.complex_id == complex_id).order_by(TRADE.c.trade_id)):
        entry_id = f"trade:{trade.trade_id}"
        known.add(entry_id)
        told: defaultdict[str, int] = defaultdict(int)
        told[participant_account(trade.buyer_id)] += trade.paid_krw
        told[participant_account(trade.seller_id)] -= trade.received_krw
        for account, krw in sorted(told.items()):
            booked = owed.by_entry.get((entry_id, account), 0)
            # What is not settled yet is in no ledger.
            if booked != krw and entry_id in owed.entry_ids:
                yield BookFlaw("trade", trade.trade_id, f"{account} owes {krw} KRW, by the ledger {booked}")
    booked_trades = {entry_id for entry_id in owed.entry_ids if entry_id.startswith("trade:")}
    yield from (BookFlaw("trade", one.removeprefix("trade:"), "is gone") for one in sorted(booked_trades - known))


def _line_flaws(
    start: datetime,
    lines: Sequence[SettledLine],
    owed: LedgerSums,
    traded: Mapping[tuple[str, datetime], tuple[int, ...]],
) -> Iterator[BookFlaw]:
    participant_id = lines[0].participant_id
    subject, account = f"{start.isoformat()} {participant_id}", participant_account(participant_id)
    before_krw = 0
    for revision, line in enumerate(lines):
        agreed = (line.bought_wh, line.sold_wh, line.trade_paid_krw, line.trade_received_krw)
        if agreed != traded.get((participant_id, start), (0, 0, 0, 0)):
            yield BookFlaw("line", subject, f"revision {revision} does not come to its trades")
        imbalance_wh = line.metered_import_wh - line.metered_export_wh - line.bought_wh + line.sold_wh
        if imbalance_wh != line.grid_import_wh - line.grid_export_wh:
            yield BookFlaw("line", subject, f"revision {revision} does not come to what was metered")
        owed_krw = line.grid_owed_krw + line.spread_krw
        entry_id = correction_id(start, participant_id, revision) if revision else imbalance_id(start, participant_id)
        booked = owed.by_entry.get((entry_id, account), 0)
        if booked != owed_krw - before_krw:
            yield BookFlaw("line", subject, f"revision {revision}: {owed_krw - before_krw} KRW, by the ledger {booked}")
        before_krw = owed_krw
    if (booked := owed.by_entry.get((loss_id(start, participant_id), account), 0)) != lines[-1].loss_krw:
        yield BookFlaw("line", subject, f"losses of {lines[-1].loss_krw} KRW, by the ledger {booked}")


def _invoice_flaws(
    db: Connection, complex_id: str, owed: LedgerSums, histories: Sequence[tuple[datetime, Sequence[SettledLine]]]
) -> Iterator[BookFlaw]:
    """Hold the newest invoice of each month against the month's entries; one that is due again may lag behind them."""
    at_grid_prices: defaultdict[tuple[str, str], int] = defaultdict(int)
    for start, lines in histories:
        if not lines[-1].grid_export_wh:
            at_grid_prices[_month_of(start), lines[-1].participant_id] += lines[-1].grid_owed_krw
    waiting = sa.select(INVOICE_DUE.c.month, INVOICE_DUE.c.participant_id)
    due = {(row.month, row.participant_id) for row in db.execute(waiting.where(INVOICE_DUE.c.complex_id == complex_id))}
    column = INVOICE.c
    query = sa.select(INVOICE).where(column.complex_id == complex_id)
    rows = db.execute(query.order_by(column.month, column.participant_id, column.revision)).mappings()
    for (month, participant_id), issued in groupby(rows, lambda row: (row["month"], row["participant_id"])):
        *earlier, last = issued
        subject, account = f"{month}:{participant_id}", participant_account(participant_id)
        for invoice in (*earlier, last):
            yield from (BookFlaw("invoice", subject, detail) for detail in _contradictions(invoice))
        if [one["revision"] for one in (*earlier, last)] != list(range(last["revision"] + 1)):
            yield BookFlaw("invoice", subject, "a revision is gone")
        if (month, participant_id) in due:
            continue
        content, booked = last["content"], owed.by_month.get((month, account), 0)
        bills_krw = owed.by_bill.get((month, account), 0)
        if bills_krw != last["closing_krw"]:
            yield BookFlaw("invoice", subject, f"closed by {last['closing_krw']} KRW, by the ledger {bills_krw}")
        if last["complete"] and content["total_krw"] != booked:
            yield BookFlaw("invoice", subject, f"a total of {content['total_krw']} KRW, by the ledger {booked}")
        in_complex = booked - bills_krw - at_grid_prices[month, participant_id]
        if content["total_krw"] - content["kepco_krw"] != in_complex:
            told = content["total_krw"] - content["kepco_krw"]
            yield BookFlaw("invoice", subject, f"{told} KRW inside the complex, by the ledger {in_complex}")


def _contradictions(invoice: Mapping[Any, Any]) -> Iterator[str]:
    content = invoice["content"]
    summed = sum(line["amount_krw"] for line in content["lines"])
    if summed != content["total_krw"]:
        yield f"revision {invoice['revision']}: lines of {summed} KRW, a total of {content['total_krw']}"
    if (content["month"], content["complete"]) != (invoice["month"], invoice["complete"]):
        yield f"revision {invoice['revision']}: of another month, or as complete as it is not"


def _month_of(start: datetime) -> str:
    return f"{trading_day_of(start):%Y-%m}"


def told_otherwise(db: Connection, complex_id: str, copies: Copies) -> list[BookFlaw]:
    """Say what the trading API keeps of the books and settlement never told it.

    It may lag behind: a copy of an earlier revision is a copy.
    """
    flaws = []
    lines: defaultdict[tuple[datetime, str], list[SettledLine]] = defaultdict(list)
    for start, history in _histories(db, complex_id):
        lines[start, history[0].participant_id] = history
    for (start, participant_id), copy in copies.lines.items():
        own = lines[start, participant_id]
        if copy not in [replace(line, short_price_jeon_per_kwh=None, long_price_jeon_per_kwh=None) for line in own]:
            flaws.append(BookFlaw("line", f"{start.isoformat()} {participant_id}", "the API keeps another one"))
    query = sa.select(INVOICE.c.month, INVOICE.c.participant_id, INVOICE.c.revision, INVOICE.c.content)
    contents = {tuple(row[:3]): row.content for row in db.execute(query.where(INVOICE.c.complex_id == complex_id))}
    for place, content in copies.invoices.items():
        if contents.get(place) != content:
            flaws.append(BookFlaw("invoice", f"{place[0]}:{place[1]}", f"the API keeps another revision {place[2]}"))
    for trade in map(
        TRADE_RECORD.of, db.execute(sa.select(*TRADE_RECORD.columns).where(TRADE.c.complex_id == complex_id))
    ):
        kept = copies.trades.get(trade.trade_id)
        if kept is not None and _terms(kept) != _terms(trade):
            flaws.append(BookFlaw("trade", trade.trade_id, "the API keeps another one"))
    return flaws


def _terms(trade: Trade | SettledTrade) -> tuple[object, ...]:
    return trade.buyer_id, trade.seller_id, trade.quantity_wh, trade.paid_krw, trade.received_krw
