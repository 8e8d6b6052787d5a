"""Keep what services set aside."""

from sqlalchemy.engine import Connection

from services.trading_api.db.sql import upsert
from services.trading_api.log.stream import StreamEntry, show
from services.trading_api.operation.tables import DEAD_LETTER
from services.trading_api.roles import STAFF
from shared.events.base import Envelope, Event
from shared.events.deadletters import MessageSetAside


class OperationHandlers:
    """Keep the dead letters."""

    def on_message_set_aside(self, envelope: Envelope[MessageSetAside], db: Connection) -> list[Event]:
        """Keep that a service set a message aside. This one never breaks a rule itself, or it would come here again."""
        event = envelope.event
        place = f"{event.topic}/{event.partition}/{event.offset}"
        row = {
            "complex_id": event.complex_id,
            "letter_id": str(envelope.event_id),
            "service": event.service,
            "topic": event.topic,
            "place": place,
            "reason": event.reason,
            "set_aside_at": event.set_aside_at,
        }
        upsert(db, DEAD_LETTER, [row])
        letter = {"service": event.service, "place": place, "reason": event.reason}
        show(db, envelope, StreamEntry(STAFF, "dead_letter", letter))
        return []
