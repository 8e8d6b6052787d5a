"""Keep batteries' plans, set-points and charge."""

from sqlalchemy.engine import Connection

from services.trading_api.batteries.queries import save_soc
from services.trading_api.batteries.tables import SCHEDULE, SETPOINT
from services.trading_api.batteries.views import plan_view, setpoint_view
from services.trading_api.db.sql import upsert
from services.trading_api.log.stream import StreamEntry, show
from services.trading_api.roles import STAFF, audience_of
from services.trading_api.text import Row
from shared.events.base import Envelope, Event
from shared.events.fems import DeviceObserved, SetpointConfirmed, SetpointRefused
from shared.events.scheduler import ScheduleSolved, SetpointIssued

ISSUED, CONFIRMED, REFUSED = "issued", "confirmed", "refused"
# A set-point may be refused after it was confirmed (a repeat), never the other way round.
SETPOINT_RANKS = {ISSUED: 0, CONFIRMED: 2, REFUSED: 1}


class BatteryHandlers:
    """Keep what is planned for batteries, what they were told, and how their charge went."""

    def on_device_observed(self, envelope: Envelope[DeviceObserved], db: Connection) -> list[Event]:
        """Keep how a battery's charge went, as far as it can be believed."""
        event = envelope.event
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
        show(db, envelope, StreamEntry(audience_of(event.participant_id), "setpoint", setpoint_view(row)))
        return []

    def on_setpoint_refused(self, envelope: Envelope[SetpointRefused], db: Connection) -> list[Event]:
        """Keep that a device did not obey, and why."""
        event = envelope.event
        row = _save_setpoint(db, event, REFUSED, reason=event.reason, detail=event.detail)
        show(db, envelope, StreamEntry(STAFF, "setpoint", setpoint_view(row)))
        return []

    def on_schedule_solved(self, envelope: Envelope[ScheduleSolved], db: Connection) -> list[Event]:
        """Keep a battery's plan."""
        event = envelope.event
        row = {
            "complex_id": event.complex_id,
            "schedule_id": event.schedule_id,
            "device_id": event.device_id,
            "participant_id": event.participant_id,
            "status": event.status,
            "solved_at": event.solved_at,
            "first_delivery_start": event.first_delivery_start,
            "series": {
                "charge_w": list(event.charge_w),
                "discharge_w": list(event.discharge_w),
                "soc_wh": list(event.soc_wh),
                "reasons": list(event.reasons),
                "energy_value_krw_per_kwh": list(event.energy_value_krw_per_kwh),
                "peak_w": event.peak_w,
                "peak_without_battery_w": event.peak_without_battery_w,
                "prior_peak_w": event.prior_peak_w,
            },
        }
        upsert(db, SCHEDULE, [row])
        show(db, envelope, StreamEntry(audience_of(event.participant_id), "schedule", plan_view(row)))
        return []


def _save_setpoint(
    db: Connection, event: SetpointIssued | SetpointConfirmed | SetpointRefused, status: str, **more: object
) -> Row:
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
