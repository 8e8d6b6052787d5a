"""Keep what meters and devices say."""

from sqlalchemy.engine import Connection

from services.trading_api.db.sql import upsert
from services.trading_api.log.stream import StreamEntry, show
from services.trading_api.metering.tables import DEVICE, IGNORED_READING, READING
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
        row = {
            "complex_id": event.complex_id,
            "meter_id": event.meter_id,
            "delivery_start": event.delivery_start,
            "participant_id": event.participant_id,
            "meter_kind": event.meter_kind.value,
            "quality": event.quality.value,
            "import_wh": event.import_wh,
            "export_wh": event.export_wh,
            "flags": event.flags,
            "reading_version": event.reading_version,
        }
        upsert(db, READING, [row], newer="reading_version")
        # Who adds up readings must not add a correction to what it corrects.
        kind = "reading" if event.reading_version == 1 else "corrected"
        show(db, envelope, StreamEntry(audience_of(event.participant_id), kind, reading_view(row)))
        return []

    def on_device_observed(self, envelope: Envelope[DeviceObserved], db: Connection) -> list[Event]:
        """Keep a device's newest state, which the stream sends once a second."""
        event = envelope.event
        row = {**event.model_dump(), "meter_kind": event.meter_kind.value}
        # One that does not answer keeps the instant at which it last did.
        upsert(db, DEVICE, [row | ({"heard_at": event.observed_at} if event.reachable else {})], newer="observed_at")
        return []

    def on_reading_ignored(self, envelope: Envelope[ReadingIgnored], db: Connection) -> list[Event]:
        """Keep that a reading did not replace the one that was known."""
        event = envelope.event
        upsert(db, IGNORED_READING, [{"event_id": str(envelope.event_id), **event.model_dump()}])
        show(db, envelope, StreamEntry(STAFF, "late", event.model_dump(mode="json")))
        return []
