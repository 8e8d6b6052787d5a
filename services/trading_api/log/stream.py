"""The log of the live stream: what clients are told, by number."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.db.sql import rows_of
from services.trading_api.log.heads import advance, head
from services.trading_api.log.tables import LOG_HEAD, STREAM
from services.trading_api.roles import STREAM_SCOPES
from shared.db.bulk import insert_rows
from shared.events.base import Envelope, Event

# What a client may have missed and still catch up on; beyond that it gets a new snapshot.
STREAM_KEPT = 20_000
# What is read of the stream at a time, whoever asks and however much was missed.
STREAM_PAGE = 500


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """Something for the live stream: for whom, what kind, and what to show."""

    audience: str
    kind: str
    payload: Mapping[str, object]

    def __post_init__(self) -> None:
        if self.kind not in STREAM_SCOPES:
            raise ValueError(f"stream: nobody may hear of {self.kind!r}; its scope belongs into STREAM_SCOPES")


def append_to_stream(db: Connection, complex_id: str, entries: Iterable[StreamEntry], *, now: datetime) -> None:
    """Put entries at the stream's end; their numbers become visible in order."""
    wanted = list(entries)
    if not wanted:
        return
    _append(db, complex_id, [(now, entry) for entry in wanted])


def show(db: Connection, envelope: Envelope[Event], *entries: StreamEntry) -> None:
    """Tell clients what follows from an event, in its complex and as of its time."""
    append_to_stream(db, envelope.event.complex_id, entries, now=envelope.occurred_at)


def show_run(db: Connection, told: Iterable[tuple[Envelope[Event], StreamEntry]]) -> None:
    """Tell clients what follows from the events of a run, each in its complex and as of its time."""
    by_complex: defaultdict[str, list[tuple[datetime, StreamEntry]]] = defaultdict(list)
    for envelope, entry in told:
        by_complex[envelope.event.complex_id].append((envelope.occurred_at, entry))
    # The heads are locked in one order whoever appends.
    for complex_id in sorted(by_complex):
        _append(db, complex_id, by_complex[complex_id])


def _append(db: Connection, complex_id: str, entries: Sequence[tuple[datetime, StreamEntry]]) -> None:
    first = advance(db, complex_id, "stream", len(entries)) - len(entries) + 1
    rows = (
        {
            "complex_id": complex_id,
            "sequence": sequence,
            "audience": entry.audience,
            "kind": entry.kind,
            "at": at,
            "payload": entry.payload,
        }
        for sequence, (at, entry) in enumerate(entries, start=first)
    )
    insert_rows(db, STREAM, rows)


def stream_after(db: Connection, complex_id: str, sequence: int) -> Sequence[RowMapping]:
    """Return what the stream got since a number, in order and at most a page of it."""
    query = sa.select(STREAM).where(STREAM.c.complex_id == complex_id, STREAM.c.sequence > sequence)
    return rows_of(db, query.order_by(STREAM.c.sequence).limit(STREAM_PAGE))


def stream_bounds(db: Connection, complex_id: str) -> tuple[int, int]:
    """Return the first number that is still kept and the last one given; (1, 0) for an empty stream."""
    last = db.scalar(head(complex_id, "stream", LOG_HEAD.c.last_number)) or 0
    first = db.scalar(sa.select(sa.func.min(STREAM.c.sequence)).where(STREAM.c.complex_id == complex_id))
    return (last + 1 if first is None else first), last


def prune_stream(db: Connection, complex_id: str) -> None:
    """Drop what is too old to resume from."""
    last = db.scalar(head(complex_id, "stream", LOG_HEAD.c.last_number)) or 0
    db.execute(sa.delete(STREAM).where(STREAM.c.complex_id == complex_id, STREAM.c.sequence <= last - STREAM_KEPT))
