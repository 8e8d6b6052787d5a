"""Keep what the other services say, and pass on to the live stream what people watch."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from services.trading_api.domain.access import ALL, STAFF, audience_of
from services.trading_api.domain.views import (
    accuracy_view,
    instant_text,
    plan_view,
    reading_view,
    setpoint_view,
    settled_view,
    statement_view,
)
from services.trading_api.store.batteries import save_soc
from services.trading_api.store.logs import StreamEntry, append_to_stream
from services.trading_api.store.sql import upsert
from services.trading_api.store.tables import (
    ACCURACY,
    DEAD_LETTER,
    DEVICE,
    FORECAST,
    IGNORED_READING,
    INVOICE,
    READING,
    SCHEDULE,
    SETPOINT,
    SETTLED_INTERVAL,
    SETTLED_LINE,
    SETTLED_LINE_RECORD,
    STATEMENT,
)
from shared.events.base import Envelope, Event
from shared.events.deadletters import MessageSetAside
from shared.events.fems import DeviceObserved, IntervalMetered, SetpointConfirmed, SetpointRefused
from shared.events.forecast import AccuracyMeasured, ForecastIssued
from shared.events.scheduler import ScheduleSolved, SetpointIssued
from shared.events.settlement import (
    IntervalResettled,
    IntervalSettled,
    InvoiceContent,
    InvoiceIssued,
    ReadingIgnored,
    StatementIssued,
)

ISSUED, CONFIRMED, REFUSED = "issued", "confirmed", "refused"
# A set-point may be refused after it was confirmed (a repeat), never the other way round.
SETPOINT_RANKS = {ISSUED: 0, CONFIRMED: 2, REFUSED: 1}
DECIMALS_KW = 1


class FactHandlers:
    """Keep what the meters, the devices, the plans and the books say."""

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
        _show(db, envelope, StreamEntry(audience_of(event.participant_id), kind, reading_view(row)))
        return []

    def on_device_observed(self, envelope: Envelope[DeviceObserved], db: Connection) -> list[Event]:
        """Keep a device's newest state, which the stream sends once a second, and how a battery's charge went."""
        event = envelope.event
        row = {**event.model_dump(), "meter_kind": event.meter_kind.value}
        # One that does not answer keeps the instant at which it last did.
        upsert(db, DEVICE, [row | ({"heard_at": event.observed_at} if event.reachable else {})], newer="observed_at")
        if event.soc_wh is not None and event.reachable and not event.flags:
            save_soc(db, event)
        return []

    def on_setpoint_issued(self, envelope: Envelope[SetpointIssued], db: Connection) -> list[Event]:
        """Keep a set-point; the device's answer may have come first."""
        event = envelope.event
        _save_setpoint(db, event, ISSUED, participant_id=event.participant_id, issued_at=event.issued_at)
        return []

    def on_setpoint_confirmed(self, envelope: Envelope[SetpointConfirmed], db: Connection) -> list[Event]:
        """Keep that a device obeys."""
        event = envelope.event
        row = _save_setpoint(db, event, CONFIRMED, participant_id=event.participant_id, confirmed_at=event.confirmed_at)
        _show(db, envelope, StreamEntry(audience_of(event.participant_id), "setpoint", setpoint_view(row)))
        return []

    def on_setpoint_refused(self, envelope: Envelope[SetpointRefused], db: Connection) -> list[Event]:
        """Keep that a device did not obey, and why."""
        event = envelope.event
        row = _save_setpoint(db, event, REFUSED, reason=event.reason, detail=event.detail)
        _show(db, envelope, StreamEntry(STAFF, "setpoint", setpoint_view(row)))
        return []

    def on_forecast_issued(self, envelope: Envelope[ForecastIssued], db: Connection) -> list[Event]:
        """Keep a forecast, to a tenth of a kW."""
        event = envelope.event
        series = {"p10_kw": event.p10_kw, "p50_kw": event.p50_kw, "p90_kw": event.p90_kw, "mean_kw": event.mean_kw}
        row = {
            "complex_id": event.complex_id,
            "site_id": event.site_id,
            "kind": event.kind.value,
            "first_delivery_start": event.first_delivery_start,
            "participant_id": event.participant_id,
            "model": event.model,
            "issued_at": event.issued_at,
            "series": {name: [round(power_kw, DECIMALS_KW) for power_kw in powers] for name, powers in series.items()},
        }
        upsert(db, FORECAST, [row], newer="issued_at")
        return []

    def on_accuracy_measured(self, envelope: Envelope[AccuracyMeasured], db: Connection) -> list[Event]:
        """Keep how good the forecasts were, the newest word of each site; the stream tells of all sites together."""
        event = envelope.event
        facts = {"complex_id": event.complex_id, "kind": event.kind.value}
        rows = [
            {
                **facts,
                "site_id": site.site_id or "",
                "participant_id": site.participant_id,
                "measured_at": event.measured_at,
                "days": event.days,
                "is_drifting": site.is_drifting,
                "leads": [lead.model_dump() for lead in site.leads],
            }
            for site in event.sites
        ]
        upsert(db, ACCURACY, rows, newer="measured_at")
        _show(db, envelope, *(StreamEntry(ALL, "accuracy", accuracy_view(row)) for row in rows if not row["site_id"]))
        return []

    def on_schedule_solved(self, envelope: Envelope[ScheduleSolved], db: Connection) -> list[Event]:
        """Keep a battery's plan."""
        event = envelope.event
        series = event.model_dump(include={"charge_w", "discharge_w", "soc_wh", "reasons", "energy_value_krw_per_kwh"})
        row = {
            "complex_id": event.complex_id,
            "schedule_id": event.schedule_id,
            "device_id": event.device_id,
            "participant_id": event.participant_id,
            "status": event.status,
            "solved_at": event.solved_at,
            "first_delivery_start": event.first_delivery_start,
            "series": {name: list(steps) for name, steps in series.items()},
        }
        upsert(db, SCHEDULE, [row])
        _show(db, envelope, StreamEntry(audience_of(event.participant_id), "schedule", plan_view(row)))
        return []

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
        _show(db, envelope, *shown, StreamEntry(STAFF, "ledger", ledger))
        return []

    def on_interval_resettled(self, envelope: Envelope[IntervalResettled], db: Connection) -> list[Event]:
        """Keep an interval's books as a corrected reading left them; the stream's readers add up what is `settled`."""
        lines = _save_books(envelope.event, envelope.event.resettled_at, db)
        shown = [StreamEntry(audience_of(line["participant_id"]), "resettled", settled_view(line)) for line in lines]
        _show(db, envelope, *shown)
        return []

    def on_statement_issued(self, envelope: Envelope[StatementIssued], db: Connection) -> list[Event]:
        """Keep a participant's day."""
        row = envelope.event.model_dump()
        upsert(db, STATEMENT, [row])
        _show(db, envelope, StreamEntry(audience_of(envelope.event.participant_id), "statement", statement_view(row)))
        return []

    def on_invoice_issued(self, envelope: Envelope[InvoiceIssued], db: Connection) -> list[Event]:
        """Keep a participant's month as it was last invoiced."""
        event = envelope.event
        row = {
            **event.model_dump(
                include={"complex_id", "month", "participant_id", "invoice_id", "issued_at", "revision"}
            ),
            "content": event.model_dump(mode="json", include=set(InvoiceContent.model_fields)),
        }
        upsert(db, INVOICE, [row], newer="revision")
        shown = event.model_dump(include={"invoice_id", "participant_id", "month", "revision", "complete", "total_krw"})
        _show(db, envelope, StreamEntry(audience_of(event.participant_id), "invoice", shown))
        return []

    def on_reading_ignored(self, envelope: Envelope[ReadingIgnored], db: Connection) -> list[Event]:
        """Keep that a reading did not replace the one that was known."""
        event = envelope.event
        upsert(db, IGNORED_READING, [{"event_id": str(envelope.event_id), **event.model_dump()}])
        _show(db, envelope, StreamEntry(STAFF, "late", event.model_dump(mode="json")))
        return []

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
        _show(db, envelope, StreamEntry(STAFF, "dead_letter", letter))
        return []


def _save_books(
    event: IntervalSettled | IntervalResettled, settled_at: datetime, db: Connection
) -> list[dict[str, Any]]:
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


def _save_setpoint(
    db: Connection, event: SetpointIssued | SetpointConfirmed | SetpointRefused, status: str, **more: Any
) -> dict[str, Any]:
    row = {
        "complex_id": event.complex_id,
        "setpoint_id": event.setpoint_id,
        "device_id": event.device_id,
        "delivery_start": event.delivery_start,
        "setpoint_w": event.setpoint_w,
        "status": status,
        "status_rank": SETPOINT_RANKS[status],
        "reason": None,
        "detail": None,
        **more,
    }
    upsert(db, SETPOINT, [row], newer="status_rank")
    return row


def _show(db: Connection, envelope: Envelope[Event], *entries: StreamEntry) -> None:
    wanted: Sequence[StreamEntry] = entries
    append_to_stream(db, envelope.event.complex_id, wanted, now=envelope.occurred_at)
