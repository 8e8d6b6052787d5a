"""Inbox, outbox and offsets: what was taken in once, what has to go out. All change with the service's own state."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.db.bulk import upsert_rows
from shared.db.tables import new_metadata
from shared.events.base import Envelope, Event
from shared.events.topics import topic_written_by
from shared.events.wire import Message, encode

_METADATA = new_metadata()
INBOX = _METADATA.tables["inbox"]
OUTBOX = _METADATA.tables["outbox"]
CONSUMED = _METADATA.tables["consumed"]

# A publisher re-sends only what it had not marked, so a repeat comes within minutes; a week is far beyond that.
INBOX_KEPT = timedelta(days=7)
# So many are forgotten in one transaction: whoever else wants to write waits for milliseconds.
FORGOTTEN_AT_ONCE = 5_000


def already_taken(db: Connection, event_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Return which of some events were taken in before."""
    wanted = list(event_ids)
    return set(db.scalars(sa.select(INBOX.c.event_id).where(INBOX.c.event_id.in_(wanted))))


def mark_taken(db: Connection, event_ids: Iterable[uuid.UUID], *, now: datetime) -> None:
    """Remember events as taken in."""
    rows = [{"event_id": event_id, "consumed_at": now} for event_id in event_ids]
    if rows:
        db.execute(sa.insert(INBOX), rows)


def forget_old(db: Connection, *, now: datetime) -> bool:
    """Drop the oldest that the inbox need not remember any more, and say whether there may be more of it."""
    old = sa.select(INBOX.c.event_id).where(INBOX.c.consumed_at < now - INBOX_KEPT)
    oldest = old.order_by(INBOX.c.consumed_at).limit(FORGOTTEN_AT_ONCE).scalar_subquery()
    return db.execute(sa.delete(INBOX).where(INBOX.c.event_id.in_(oldest))).rowcount == FORGOTTEN_AT_ONCE


def mark_consumed(db: Connection, next_offsets: Mapping[tuple[str, int], int]) -> None:
    """Keep how far partitions were taken in, by topic and partition."""
    rows = [
        {"topic": topic, "partition": partition, "next_offset": offset}
        for (topic, partition), offset in next_offsets.items()
    ]
    upsert_rows(db, CONSUMED, rows)


def consumed(db: Connection) -> dict[tuple[str, int], int]:
    """Return the offset at which each partition goes on, by topic and partition."""
    return {(row.topic, row.partition): row.next_offset for row in db.execute(sa.select(CONSUMED))}


def emit(db: Connection, service: str, envelopes: Iterable[Envelope[Event]]) -> None:
    """Put events into the outbox, in order, each for the topic that the table of topics gives it."""
    rows = []
    for envelope in envelopes:
        topic = topic_written_by(service, envelope.event)
        message = encode(envelope, topic=topic.name, key=topic.key_of(envelope.event))
        rows.append(_row(message, envelope.event_id, envelope.occurred_at))
    if rows:
        db.execute(sa.insert(OUTBOX), rows)


def waiting(db: Connection, event_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Return which of some events are in the outbox."""
    return set(db.scalars(sa.select(OUTBOX.c.event_id).where(OUTBOX.c.event_id.in_(list(event_ids)))))


def unsent(db: Connection, limit: int) -> Sequence[tuple[int, Message]]:
    """Return the next messages to publish, oldest first, with their positions."""
    rows = db.execute(sa.select(OUTBOX).order_by(OUTBOX.c.position).limit(limit))
    return [
        (
            row.position,
            Message(
                topic=row.topic,
                key=row.key,
                body=row.body,
                headers=tuple((name, text.encode()) for name, text in row.headers),
            ),
        )
        for row in rows
    ]


def oldest_unsent_at(db: Connection) -> datetime | None:
    """Return when the oldest event of the outbox occurred; None where all have gone out."""
    oldest: datetime | None = db.scalar(sa.select(OUTBOX.c.occurred_at).order_by(OUTBOX.c.position).limit(1))
    return oldest


def mark_sent(db: Connection, positions: Sequence[int]) -> None:
    """Drop published messages; Kafka keeps them now."""
    db.execute(sa.delete(OUTBOX).where(OUTBOX.c.position.in_(positions)))


def _row(message: Message, event_id: uuid.UUID, occurred_at: datetime) -> dict[str, Any]:
    return {
        "topic": message.topic,
        "key": message.key,
        "event_id": event_id,
        "occurred_at": occurred_at,
        "body": message.body,
        "headers": [[name, content.decode()] for name, content in message.headers],
    }
