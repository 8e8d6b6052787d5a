"""The two numbered logs of a complex: what goes to the live stream, and the audit chain."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.domain.access import STREAM_SCOPES
from services.trading_api.store.sql import rows_of
from services.trading_api.store.tables import AUDIT, CERTIFICATION_LINK, LOG_HEAD, SETTLED_INTERVAL, STREAM
from shared.db.hashchain import Flaw, flaws, link_hash

# What a client may have missed and still catch up on; beyond that it gets a new snapshot.
STREAM_KEPT = 20_000
# What is read of the stream at a time, whoever asks and however much was missed.
STREAM_PAGE = 500


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """Something for the live stream: for whom, what kind, and what to show."""

    audience: str
    kind: str
    payload: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.kind not in STREAM_SCOPES:
            raise ValueError(f"stream: nobody may hear of {self.kind!r}; its scope belongs into STREAM_SCOPES")


def append_to_stream(db: Connection, complex_id: str, entries: Iterable[StreamEntry], *, now: datetime) -> None:
    """Put entries at the stream's end; their numbers become visible in order."""
    wanted = list(entries)
    if not wanted:
        return
    last = _advance(db, complex_id, "stream", len(wanted))
    rows = [
        {
            "complex_id": complex_id,
            "sequence": sequence,
            "audience": entry.audience,
            "kind": entry.kind,
            "at": now,
            "payload": entry.payload,
        }
        for sequence, entry in enumerate(wanted, start=last - len(wanted) + 1)
    ]
    db.execute(sa.insert(STREAM), rows)


def stream_after(db: Connection, complex_id: str, sequence: int) -> Sequence[RowMapping]:
    """Return what the stream got since a number, in order and at most a page of it."""
    query = sa.select(STREAM).where(STREAM.c.complex_id == complex_id, STREAM.c.sequence > sequence)
    return rows_of(db, query.order_by(STREAM.c.sequence).limit(STREAM_PAGE))


def stream_bounds(db: Connection, complex_id: str) -> tuple[int, int]:
    """Return the first number that is still kept and the last one given; (1, 0) for an empty stream."""
    last = db.scalar(_head(complex_id, "stream", LOG_HEAD.c.last_number)) or 0
    first = db.scalar(sa.select(sa.func.min(STREAM.c.sequence)).where(STREAM.c.complex_id == complex_id))
    return (last + 1 if first is None else first), last


def prune_stream(db: Connection, complex_id: str) -> None:
    """Drop what is too old to resume from."""
    last = db.scalar(_head(complex_id, "stream", LOG_HEAD.c.last_number)) or 0
    db.execute(sa.delete(STREAM).where(STREAM.c.complex_id == complex_id, STREAM.c.sequence <= last - STREAM_KEPT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What someone did, for the audit chain."""

    key_id: str
    who: str
    role: str
    action: str
    object: str
    result: str


def append_to_audit(db: Connection, complex_id: str, deed: Deed, *, now: datetime) -> int:
    """Add a deed to the complex's chain and return its number; a hash covers its link and the hash before."""
    number = _advance(db, complex_id, "audit", 1)
    previous = db.scalar(_head(complex_id, "audit", LOG_HEAD.c.last_hash)) or ""
    link = {
        "complex_id": complex_id,
        "number": number,
        "at": now,
        "key_id": deed.key_id,
        "who": deed.who,
        "role": deed.role,
        "action": deed.action,
        "object": deed.object,
        "result": deed.result,
        "previous_hash": previous,
    }
    digest = link_hash(link)
    db.execute(sa.insert(AUDIT).values(**link, hash=digest))
    here = (LOG_HEAD.c.complex_id == complex_id) & (LOG_HEAD.c.log == "audit")
    db.execute(sa.update(LOG_HEAD).where(here).values(last_hash=digest))
    return number


def audit_flaws(db: Connection, complex_id: str) -> list[Flaw]:
    """Say where the audit chain does not hold, an end that was cut off included."""
    links = rows_of(db, sa.select(AUDIT).where(AUDIT.c.complex_id == complex_id).order_by(AUDIT.c.number))
    head = db.execute(_head(complex_id, "audit", LOG_HEAD.c.last_number, LOG_HEAD.c.last_hash)).one_or_none()
    return flaws(links, None if head is None else (head.last_number, head.last_hash))


def audited_complexes(db: Connection) -> Sequence[str]:
    """Return the complexes that have an audit chain."""
    heads = sa.select(LOG_HEAD.c.complex_id).where(LOG_HEAD.c.log == "audit")
    return db.scalars(heads.union(sa.select(AUDIT.c.complex_id)).order_by("complex_id")).all()


def audit_length(db: Connection, complex_id: str) -> int:
    """Count the links of the audit chain."""
    return db.scalar(sa.select(sa.func.count()).where(AUDIT.c.complex_id == complex_id)) or 0


def ledger_anchors(db: Connection, complex_id: str) -> Mapping[int, str]:
    """Return the hashes of the ledger's links that settlement has published, by number."""
    settled = SETTLED_INTERVAL.c
    known = sa.select(settled.ledger_number, settled.ledger_hash).where(
        settled.complex_id == complex_id, settled.ledger_number.is_not(None)
    )
    return {row.ledger_number: row.ledger_hash for row in db.execute(known)}


def keep_certification_link(db: Connection, complex_id: str, number: int, digest: str) -> None:
    """Keep a link of the certificates' chain as it was first published; a later word on it changes nothing."""
    link = CERTIFICATION_LINK.c
    if db.scalar(sa.select(link.number).where(link.complex_id == complex_id, link.number == number)) is None:
        db.execute(sa.insert(CERTIFICATION_LINK).values(complex_id=complex_id, number=number, hash=digest))


def certification_anchors(db: Connection, complex_id: str) -> Mapping[int, str]:
    """Return the hashes of the links of the certificates' chain that settlement has published, by number."""
    link = CERTIFICATION_LINK.c
    known = sa.select(link.number, link.hash).where(link.complex_id == complex_id)
    return {row.number: row.hash for row in db.execute(known)}


# Built once: it runs for every event that is shown.
_FORWARD = (
    sa.update(LOG_HEAD)
    .where(LOG_HEAD.c.complex_id == sa.bindparam("of_complex"), LOG_HEAD.c.log == sa.bindparam("of_log"))
    .values(last_number=LOG_HEAD.c.last_number + sa.bindparam("by", type_=sa.BigInteger))
    .returning(LOG_HEAD.c.last_number)
)


def _advance(db: Connection, complex_id: str, log: str, by: int) -> int:
    last = db.scalar(_FORWARD, {"of_complex": complex_id, "of_log": log, "by": by})
    if last is None:
        db.execute(sa.insert(LOG_HEAD).values(complex_id=complex_id, log=log, last_number=by, last_hash=""))
        return by
    return int(last)


def _head(complex_id: str, log: str, *columns: sa.Column[Any]) -> sa.Select[Any]:
    return sa.select(*columns).where(LOG_HEAD.c.complex_id == complex_id, LOG_HEAD.c.log == log)
