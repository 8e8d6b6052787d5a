"""The gateway's side of the bus: set-points come in here and wait in the database until they are written."""

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from services.fems import store
from services.fems.domain.setpoints import ConverterRating, Refusal, Setpoint, admit
from services.fems.domain.simulated.field import battery_of
from shared.complex.complexes import Complexes
from shared.events.base import Envelope, Event
from shared.events.fems import SetpointRefused
from shared.events.scheduler import SetpointIssued
from shared.runtime.handlers import handlers_of
from shared.runtime.runloop import Service


def service(complexes: Complexes) -> Service:
    """Return the gateway's service; what it stores, `gateway` writes to the devices."""
    return Service(name="fems", complexes=complexes, handlers=handlers_of(SetpointHandlers(complexes)))


class SetpointHandlers:
    """Take set-points in."""

    def __init__(self, complexes: Complexes) -> None:
        self._ratings = {
            (complex_.complex_id, ess.device_id): ConverterRating(
                battery_of(ess).charge_w_max, battery_of(ess).discharge_w_max
            )
            for complex_ in complexes.values()
            for participant in complex_.participants
            for ess in participant.ess
        }

    def on_setpoint_issued(self, envelope: Envelope[SetpointIssued], db: Connection) -> Sequence[Event]:
        """Take a set-point in, or refuse it with the reason."""
        event = envelope.event
        setpoint = setpoint_of(event)
        known = store.known_setpoints(db, event.complex_id, event.device_id, setpoint)
        refusal = admit(setpoint, self._ratings.get((event.complex_id, event.device_id)), known)
        if not known.repeated:
            command = store.Command(event.device_id, event.participant_id, setpoint)
            status = store.PENDING if refusal is None else store.REFUSED
            store.save_setpoint(db, event.complex_id, command, status)
        return [] if refusal is None else [refused(event.complex_id, event.device_id, setpoint, refusal)]


def setpoint_of(event: SetpointIssued) -> Setpoint:
    """Return an event's command."""
    return Setpoint(
        setpoint_id=event.setpoint_id,
        delivery_start=event.delivery_start,
        expires_at=event.expires_at,
        issued_at=event.issued_at,
        setpoint_w=event.setpoint_w,
        charge_w_max=event.charge_w_max,
        discharge_w_max=event.discharge_w_max,
    )


def refused(complex_id: str, device_id: str, setpoint: Setpoint, refusal: Refusal) -> SetpointRefused:
    """Return the event that says why a set-point is not obeyed."""
    return SetpointRefused(
        complex_id=complex_id,
        setpoint_id=setpoint.setpoint_id,
        device_id=device_id,
        delivery_start=setpoint.delivery_start,
        setpoint_w=setpoint.setpoint_w,
        reason=refusal.reason,
        detail=refusal.detail,
    )
