"""Keep what meters and devices say."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter

from sqlalchemy.engine import Connection

from services.trading_api.db.sql import upsert
from services.trading_api.log.stream import StreamEntry, show, show_run
from services.trading_api.metering.queries import reading_versions
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
from shared.runtime.handlers import Caused, absolute


class MeteringHandlers:
    """Keep readings and devices' states."""

    @absolute
    def on_interval_metered(self, envelopes: Sequence[Envelope[IntervalMetered]], db: Connection) -> Sequence[Caused]:
        """Keep readings, and tell of those that are newer than what was known."""
        newest = reading_versions(db, [envelope.event for envelope in envelopes])
        rows, told = [], []
        for envelope in envelopes:
            event = envelope.event
            place = (event.complex_id, event.meter_id, event.delivery_start)
            if event.reading_version <= newest.get(place, 0):
                continue
            newest[place] = event.reading_version
            row = READING_RECORD.row(event)
            rows.append(row)
            # Who adds up readings must not add a correction to what it corrects.
            kind = "reading" if event.reading_version == 1 else "corrected"
            told.append((envelope, StreamEntry(audience_of(event.participant_id), kind, reading_view(row))))
        upsert(db, READING, rows, newer="reading_version")
        show_run(db, told)
        return []

    @absolute
    def on_device_observed(self, envelopes: Sequence[Envelope[DeviceObserved]], db: Connection) -> Sequence[Caused]:
        """Keep each device's newest state, which the stream sends once a second."""
        newest: dict[tuple[str, str], DeviceObserved] = {}
        heard: dict[tuple[str, str], datetime] = {}
        for event in sorted((envelope.event for envelope in envelopes), key=attrgetter("observed_at")):
            device = (event.complex_id, event.device_id)
            newest[device] = event
            if event.reachable:
                heard[device] = event.observed_at
        answered = [DEVICE_RECORD.row(newest[device], heard_at=at) for device, at in heard.items()]
        # One that does not answer keeps the instant at which it last did.
        silent = [DEVICE_RECORD.row(event) for device, event in newest.items() if device not in heard]
        upsert(db, DEVICE, answered, newer="observed_at")
        upsert(db, DEVICE, silent, newer="observed_at")
        return []

    def on_reading_ignored(self, envelope: Envelope[ReadingIgnored], db: Connection) -> list[Event]:
        """Keep that a reading did not replace the one that was known."""
        event = envelope.event
        upsert(db, IGNORED_READING, [IGNORED_READING_RECORD.row(event, event_id=str(envelope.event_id))])
        show(db, envelope, StreamEntry(STAFF, "late", event.model_dump(mode="json")))
        return []
