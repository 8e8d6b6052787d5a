"""Keep what settlement says of intervals, days and months."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from services.trading_api.billing.tables import (
    INVOICE,
    SETTLED_INTERVAL,
    SETTLED_LINE,
    SETTLED_LINE_RECORD,
    STATEMENT,
    STATEMENT_RECORD,
)
from services.trading_api.billing.views import settled_view, statement_view
from services.trading_api.db.sql import upsert
from services.trading_api.log.stream import StreamEntry, show
from services.trading_api.roles import STAFF, audience_of
from services.trading_api.text import Row, instant_text
from shared.events.base import Envelope, Event
from shared.events.settlement import (
    IntervalResettled,
    IntervalSettled,
    InvoiceContent,
    InvoiceIssued,
    StatementIssued,
)


class BillingHandlers:
    """Keep the books as settlement publishes them."""

    def on_interval_settled(self, envelope: Envelope[IntervalSettled], db: Connection) -> list[Event]:
        """Keep an interval's books."""
        event = envelope.event
        lines = _save_books(event, event.settled_at, db)
        shown = [StreamEntry(audience_of(line["participant_id"]), "settled", settled_view(line)) for line in lines]
        ledger = {
            "delivery_start": instant_text(event.delivery_start),
            "ledger_entries": event.ledger_entries,
            "ledger_sum_krw": event.ledger_sum_krw,
        }
        show(db, envelope, *shown, StreamEntry(STAFF, "ledger", ledger))
        return []

    def on_interval_resettled(self, envelope: Envelope[IntervalResettled], db: Connection) -> list[Event]:
        """Keep an interval's books as a corrected reading left them; the stream's readers add up what is `settled`."""
        lines = _save_books(envelope.event, envelope.event.resettled_at, db)
        shown = [StreamEntry(audience_of(line["participant_id"]), "resettled", settled_view(line)) for line in lines]
        show(db, envelope, *shown)
        return []

    def on_statement_issued(self, envelope: Envelope[StatementIssued], db: Connection) -> list[Event]:
        """Keep a participant's day."""
        row = STATEMENT_RECORD.row(envelope.event)
        upsert(db, STATEMENT, [row])
        show(db, envelope, StreamEntry(audience_of(envelope.event.participant_id), "statement", statement_view(row)))
        return []

    def on_invoice_issued(self, envelope: Envelope[InvoiceIssued], db: Connection) -> list[Event]:
        """Keep a participant's month as it was last invoiced."""
        event = envelope.event
        row = {
            "complex_id": event.complex_id,
            "month": event.month,
            "participant_id": event.participant_id,
            "invoice_id": event.invoice_id,
            "issued_at": event.issued_at,
            "revision": event.revision,
            "content": event.model_dump(mode="json", include=set(InvoiceContent.model_fields)),
        }
        upsert(db, INVOICE, [row], newer="revision")
        shown = {
            "invoice_id": event.invoice_id,
            "participant_id": event.participant_id,
            "month": event.month,
            "revision": event.revision,
            "complete": event.complete,
            "total_krw": event.total_krw,
        }
        show(db, envelope, StreamEntry(audience_of(event.participant_id), "invoice", shown))
        return []


def _save_books(event: IntervalSettled | IntervalResettled, settled_at: datetime, db: Connection) -> Sequence[Row]:
    """Keep the interval's newest figures and return the lines."""
    place = {"complex_id": event.complex_id, "delivery_start": event.delivery_start}
    ledger = {
        "ledger_entries": event.ledger_entries,
        "ledger_sum_krw": event.ledger_sum_krw,
        "ledger_number": event.ledger_number,
        "ledger_hash": event.ledger_hash,
    }
    lines = [SETTLED_LINE_RECORD.row(line, **place) for line in event.lines]
    upsert(db, SETTLED_INTERVAL, [{**place, **ledger, "settled_at": settled_at}])
    upsert(db, SETTLED_LINE, lines)
    return lines
