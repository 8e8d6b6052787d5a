"""The books: settled lines, and the ledger."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.settlement.ledger import LedgerEntry
from optimizers.settlement.statements import Statement
from services.settlement.store.tables import (
    LEDGER_ENTRY,
    LEDGER_LINE,
    LEDGER_LINK,
    SETTLED_INTERVAL,
    SETTLED_LINE,
    SETTLED_LINE_RECORD,
)
from shared.db.bulk import insert_rows
from shared.db.hashchain import link_hash
from shared.events.records import SettledLine

# What a statement sums of its lines.
SUMMED = (
    *("bought_wh", "sold_wh", "grid_import_wh", "grid_export_wh"),
    *("trade_paid_krw", "trade_received_krw", "grid_paid_krw", "grid_received_krw", "cost_without_krw"),
    *("revision", "spread_krw", "loss_wh", "loss_krw"),
)


def save_settled(db: Connection, complex_id: str, delivery_start: datetime, settled_at: datetime) -> None:
    """Remember that an interval is settled."""
    place = {"complex_id": complex_id, "delivery_start": delivery_start}
    db.execute(sa.insert(SETTLED_INTERVAL).values(**place, settled_at=settled_at))


def save_lines(
    db: Connection,
    complex_id: str,
    delivery_start: datetime,
    lines: Sequence[SettledLine],
    revisions: Mapping[str, int],
) -> None:
    """Add settled lines, each as its participant's revision of that number; 0 where none is named."""
    place = {"complex_id": complex_id, "delivery_start": delivery_start}
    rows = [SETTLED_LINE_RECORD.row(line, **place, revision=revisions.get(line.participant_id, 0)) for line in lines]
    insert_rows(db, SETTLED_LINE, rows)


def append_entries(
    db: Connection, complex_id: str, delivery_start: datetime, entries: Sequence[LedgerEntry], *, cause: uuid.UUID
) -> None:
    """Add entries to the ledger, each with its link of the chain. The complex must be locked."""
    if not entries:
        return
    place = {"complex_id": complex_id, "delivery_start": delivery_start, "cause_event_id": cause}
    identities = [
        {**place, "entry_id": entry.entry_id, "kind": entry.kind, "corrects_entry_id": entry.corrects_entry_id}
        for entry in entries
    ]
    head = ledger_head(db, complex_id) or (0, "")
    insert_rows(db, LEDGER_ENTRY, identities)
    links: list[Mapping[str, Any]] = []
    # Links are made beside the lines, so that the server takes lines in while hashes are worked out.
    insert_rows(db, LEDGER_LINE, _lines_and_links(identities, entries, head, links))
    insert_rows(db, LEDGER_LINK, links)


def _lines_and_links(
    identities: Sequence[Mapping[str, Any]],
    entries: Sequence[LedgerEntry],
    head: tuple[int, str],
    links: list[Mapping[str, Any]],
) -> Iterator[Mapping[str, Any]]:
    """Return the lines of entries, and add each entry's link to `links`."""
    number, previous_hash = head
    # As the hash writes them, once for all.
    alike = {"delivery_start": identities[0]["delivery_start"].isoformat()}
    alike |= {"cause_event_id": str(identities[0]["cause_event_id"])}
    for identity, entry in zip(identities, entries, strict=True):
        number += 1
        place = {"complex_id": identity["complex_id"], "entry_id": entry.entry_id}
        lines = [[posting.account, posting.debit_krw, posting.credit_krw] for posting in entry.postings]
        for place_in_entry, (account, debit_krw, credit_krw) in enumerate(lines, start=1):
            yield {
                **place,
                "number": place_in_entry,
                "account": account,
                "debit_krw": debit_krw,
                "credit_krw": credit_krw,
            }
        link = {"entry_id": entry.entry_id, "number": number, "previous_hash": previous_hash}
        previous_hash = link_hash({**identity, **alike, **link, "lines": lines})
        links.append({**place, **link, "hash": previous_hash})


def ledger_head(db: Connection, complex_id: str) -> tuple[int, str] | None:
    """Return the number and hash of the ledger's last link; None while there is none."""
    links = sa.select(LEDGER_LINK.c.number, LEDGER_LINK.c.hash).where(LEDGER_LINK.c.complex_id == complex_id)
    last = db.execute(links.order_by(LEDGER_LINK.c.number.desc()).limit(1)).one_or_none()
    return None if last is None else (last.number, last.hash)


def interval_sums(db: Connection, complex_id: str, delivery_start: datetime) -> tuple[int, int]:
    """Return how many entries an interval has in the ledger, and all their debits less all their credits (0).

    The entry that closes a month stands at its last interval, but is not of it.
    """
    of_interval = (
        LEDGER_ENTRY.c.complex_id == complex_id,
        LEDGER_ENTRY.c.delivery_start == delivery_start,
        LEDGER_ENTRY.c.kind != "bill",
    )
    same_entry = (LEDGER_LINE.c.complex_id == LEDGER_ENTRY.c.complex_id) & (
        LEDGER_LINE.c.entry_id == LEDGER_ENTRY.c.entry_id
    )
    sums = sa.select(
        sa.func.count(sa.distinct(LEDGER_ENTRY.c.entry_id)),
        sa.func.coalesce(sa.func.sum(LEDGER_LINE.c.debit_krw - LEDGER_LINE.c.credit_krw), 0),
    ).select_from(LEDGER_ENTRY.outerjoin(LEDGER_LINE, same_entry))
    entries, sum_krw = db.execute(sums.where(*of_interval)).one()
    return int(entries), int(sum_krw)


def load_lines(
    db: Connection, complex_id: str, first: datetime, end: datetime, *, participant_id: str | None = None
) -> dict[str, dict[datetime, list[SettledLine]]]:
    """Return the settled lines of the intervals from `first` up to, not including, `end`.

    By participant and interval; of an interval the first settlement's line comes first, and the last one holds.
    """
    columns = SETTLED_LINE.c
    query = sa.select(columns.delivery_start, *SETTLED_LINE_RECORD.columns)
    query = query.where(columns.complex_id == complex_id, *_between(SETTLED_LINE, first, end))
    if participant_id is not None:
        query = query.where(columns.participant_id == participant_id)
    found: defaultdict[str, defaultdict[datetime, list[SettledLine]]] = defaultdict(lambda: defaultdict(list))
    for delivery_start, *facts in db.execute(
        query.order_by(columns.participant_id, columns.delivery_start, columns.revision)
    ):
        line = SETTLED_LINE_RECORD.of(facts)
        found[line.participant_id][delivery_start].append(line)
    return {one: dict(intervals) for one, intervals in found.items()}


def load_statements(
    db: Connection, complex_id: str, first: datetime, end: datetime, participant_ids: Collection[str]
) -> dict[str, Statement]:
    """Return the sums of participants' lines from `first` up to, not including, `end`.

    Of an interval the last line holds. Summed by the database, as a day of a thousand participants has 96,000 lines.
    """
    columns = SETTLED_LINE.c
    newest_first = sa.func.row_number().over(
        partition_by=(columns.participant_id, columns.delivery_start), order_by=columns.revision.desc()
    )
    wanted = (columns.complex_id == complex_id, *_between(SETTLED_LINE, first, end))
    lines = sa.select(SETTLED_LINE, newest_first.label("age")).where(
        *wanted, columns.participant_id.in_(participant_ids)
    )
    ranked = lines.subquery()
    sums = [sa.func.sum(ranked.c[name]).label(name) for name in SUMMED]
    query = sa.select(ranked.c.participant_id, sa.func.count().label("intervals"), *sums).where(ranked.c.age == 1)
    rows = db.execute(query.group_by(ranked.c.participant_id).order_by(ranked.c.participant_id))
    return {row.participant_id: _statement(row) for row in rows}


def _statement(row: sa.Row[Any]) -> Statement:
    return Statement(
        intervals=row.intervals,
        bought_wh=int(row.bought_wh),
        sold_wh=int(row.sold_wh),
        grid_import_wh=int(row.grid_import_wh),
        grid_export_wh=int(row.grid_export_wh),
        trade_paid_krw=int(row.trade_paid_krw),
        trade_received_krw=int(row.trade_received_krw),
        grid_paid_krw=int(row.grid_paid_krw),
        grid_received_krw=int(row.grid_received_krw),
        cost_without_krw=int(row.cost_without_krw),
        revision=int(row.revision),
        spread_krw=int(row.spread_krw),
        loss_wh=int(row.loss_wh),
        loss_krw=int(row.loss_krw),
    )


def settled_intervals(db: Connection, complex_id: str, first: datetime, end: datetime) -> int:
    """Count the settled intervals from `first` up to, not including, `end`."""
    in_period = (SETTLED_INTERVAL.c.complex_id == complex_id, *_between(SETTLED_INTERVAL, first, end))
    return db.scalar(sa.select(sa.func.count()).select_from(SETTLED_INTERVAL).where(*in_period)) or 0


def _between(table: sa.Table, first: datetime, end: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.delivery_start >= first, table.c.delivery_start < end)
