"""Publish an event of this service in the transaction that it belongs to."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from shared.db import messaging
from shared.events.base import Envelope, Event

SERVICE = "trading_api"


def emit(db: Connection, event: Event, event_id: UUID, *, now: datetime) -> None:
    """Put an event into the outbox; a repeat has the same id."""
    messaging.emit(db, SERVICE, [Envelope(event_id=event_id, occurred_at=now, source=SERVICE, event=event)])
