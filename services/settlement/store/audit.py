"""Looking the whole ledger through."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.settlement.store.tables import LEDGER_ENTRY, LEDGER_LINE, LEDGER_LINK
from shared.db.hashchain import Flaw, flaws

TOLD = ("delivery_start", "kind", "cause_event_id", "corrects_entry_id")


def ledger_complexes(db: Connection) -> Sequence[str]:
    """Return the complexes that have a ledger."""
    return db.scalars(sa.select(LEDGER_ENTRY.c.complex_id).distinct().order_by(LEDGER_ENTRY.c.complex_id)).all()


def ledger_sum_krw(db: Connection, complex_id: str) -> int:
    """Return all debits less all credits of a complex's ledger; a ledger in balance gives 0."""
    total = sa.select(sa.func.sum(LEDGER_LINE.c.debit_krw - LEDGER_LINE.c.credit_krw))
    return int(db.scalar(total.where(LEDGER_LINE.c.complex_id == complex_id)) or 0)


def unbalanced_entries(db: Connection, complex_id: str) -> list[str]:
    """Return the ids of entries whose debits and credits differ; a sound ledger has none."""
    difference = sa.func.sum(LEDGER_LINE.c.debit_krw - LEDGER_LINE.c.credit_krw)
    by_entry = sa.select(LEDGER_LINE.c.entry_id).where(LEDGER_LINE.c.complex_id == complex_id)
    return list(db.scalars(by_entry.group_by(LEDGER_LINE.c.entry_id).having(difference != 0).order_by("entry_id")))


def unlinked_entries(db: Connection, complex_id: str) -> list[str]:
    """Return the ids of entries without a link, which nobody's settlement wrote; a sound ledger has none."""
    linked = sa.exists().where(
        LEDGER_LINK.c.complex_id == LEDGER_ENTRY.c.complex_id, LEDGER_LINK.c.entry_id == LEDGER_ENTRY.c.entry_id
    )
    entries = sa.select(LEDGER_ENTRY.c.entry_id).where(LEDGER_ENTRY.c.complex_id == complex_id, ~linked)
    return list(db.scalars(entries.order_by(LEDGER_ENTRY.c.entry_id)))


@dataclass(frozen=True, slots=True)
class LedgerLink:
    """A link of the ledger's chain: the entry, and the hash."""

    entry_id: str
    hash: str


def ledger_links(db: Connection, complex_id: str) -> dict[int, LedgerLink]:
    """Return the links of a complex's ledger by number."""
    links = sa.select(LEDGER_LINK.c.number, LEDGER_LINK.c.entry_id, LEDGER_LINK.c.hash)
    rows = db.execute(links.where(LEDGER_LINK.c.complex_id == complex_id))
    return {number: LedgerLink(entry_id, digest) for number, entry_id, digest in rows}


def ledger_flaws(db: Connection, complex_id: str) -> list[Flaw]:
    """Say where the ledger's chain does not hold."""
    return flaws(_links(db, complex_id))


def _links(db: Connection, complex_id: str) -> Iterator[dict[str, Any]]:
    """Return every link with what its hash covers; of an entry that is gone, nothing."""
    columns = LEDGER_LINE.c
    lines: defaultdict[str, list[list[Any]]] = defaultdict(list)
    postings = sa.select(columns.entry_id, columns.account, columns.debit_krw, columns.credit_krw)
    for entry_id, *posting in db.execute(
        postings.where(columns.complex_id == complex_id).order_by(columns.entry_id, columns.number)
    ):
        lines[entry_id].append(posting)
    same_entry = (LEDGER_ENTRY.c.complex_id == LEDGER_LINK.c.complex_id) & (
        LEDGER_ENTRY.c.entry_id == LEDGER_LINK.c.entry_id
    )
    told = sa.select(LEDGER_LINK, *(LEDGER_ENTRY.c[name] for name in TOLD))
    query = told.select_from(LEDGER_LINK.outerjoin(LEDGER_ENTRY, same_entry))
    for row in db.execute(query.where(LEDGER_LINK.c.complex_id == complex_id)).mappings():
        yield {**row, "lines": lines[row["entry_id"]]}
