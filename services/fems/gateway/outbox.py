"""How the gateway's own findings reach the bus: into the outbox, with ids made of what they are about."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.engine import Connection

from shared.db import messaging
from shared.events.base import Envelope, Event, named_id

SERVICE = "fems"


def emit(db: Connection, findings: Iterable[tuple[Event, tuple[object, ...]]], *, now: datetime) -> None:
    """Put events into the outbox; each comes with the name that makes it the same event at every try.

    One that still waits there is passed over: a process that died has found the same before.
    """
    envelopes = [
        Envelope(
            event_id=named_id(SERVICE, event.event_type(), event.complex_id, *name),
            occurred_at=now,
            source=SERVICE,
            event=event,
        )
        for event, name in findings
    ]
    waiting = messaging.waiting(db, [envelope.event_id for envelope in envelopes])
    messaging.emit(db, SERVICE, [envelope for envelope in envelopes if envelope.event_id not in waiting])
