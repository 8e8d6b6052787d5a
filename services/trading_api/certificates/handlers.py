"""Keep what settlement says of granular certificates."""

from sqlalchemy.engine import Connection

from services.trading_api.certificates.queries import keep_certification_link, replace_certificates
from services.trading_api.certificates.tables import CERTIFICATE_RECORD, CERTIFIED_LINE, CERTIFIED_LINE_RECORD
from services.trading_api.db.sql import upsert
from services.trading_api.log.stream import StreamEntry, show
from services.trading_api.roles import ALL
from services.trading_api.text import instant_text
from shared.events.base import Envelope, Event
from shared.events.settlement import CertificatesSettled


class CertificateHandlers:
    """Keep the granular certificates."""

    def on_certificates_settled(self, envelope: Envelope[CertificatesSettled], db: Connection) -> list[Event]:
        """Keep an interval's certificates as they are now; the stream says only that there is something to ask for."""
        event = envelope.event
        place = {"complex_id": event.complex_id, "delivery_start": event.delivery_start, "revision": event.revision}
        upsert(db, CERTIFIED_LINE, [CERTIFIED_LINE_RECORD.row(line, **place) for line in event.lines], newer="revision")
        replace_certificates(db, [CERTIFICATE_RECORD.row(one, **place, hash=event.hash) for one in event.slices])
        keep_certification_link(db, event.complex_id, event.number, event.hash)
        if event.part == event.parts:
            shown = StreamEntry(ALL, "certified", {"delivery_start": instant_text(event.delivery_start)})
            show(db, envelope, shown)
        return []
