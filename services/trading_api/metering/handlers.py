"""Keep what meters and devices say."""

from sqlalchemy.engine import Connection

from services.trading_api.db.sql import upsert
from services.trading_api.log.stream import StreamEntry, show
from services.trading_api.metering.tables import (
    DEVICE,
    DEVICE_RECORD,
    IGNORED_READING,
    IGNORED_READING_RECORD,
    READING,
    READING_RECORD,
)
from services.trading_api.metering.views import reading_view
from services.trading_api.roles import STAFF, audience_of
from shared.events.base import Envelope, Event
from shared.events.fems import DeviceObserved, IntervalMetered
from shared.events.settlement import ReadingIgnored


class MeteringHandlers:
    """Keep readings and devices' states."""

    def on_interval_metered(self, envelope: Envelope[IntervalMetered], db: Connection) -> list[Event]:
        """Keep a reading."""
        event = envelope.event
        row = READING_RECORD.row(event)
        upsert(db, READING, [row], newer="reading_version")
        # Who adds up readings must not add a correction to what it corrects.
        kind = "reading" if event.reading_version == 1 else "corrected"
        show(db, envelope, StreamEntry(audience_of(event.participant_id), kind, reading_view(row)))
        return []

    def on_device_observed(self, envelope: Envelope[DeviceObserved], db: Connection) -> list[Event]:
        """Keep a device's newest state, which the stream sends once a second."""
        event = envelope.event
        # One that does not answer keeps the instant at which it last did.
        heard = {"heard_at": event.observed_at} if event.reachable else {}
        upsert(db, DEVICE, [DEVICE_RECORD.row(event, **heard)], newer="observed_at")
        return []

    def on_reading_ignored(self, envelope: Envelope[ReadingIgnored], db: Connection) -> list[Event]:
        """Keep that a reading did not replace the one that was known."""
        event = envelope.event
        upsert(db, IGNORED_READING, [IGNORED_READING_RECORD.row(event, event_id=str(envelope.event_id))])
        show(db, envelope, StreamEntry(STAFF, "late", event.model_dump(mode="json")))
        return []
