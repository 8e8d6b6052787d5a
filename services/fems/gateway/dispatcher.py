"""Write set-points to the converters, read them back, and say what became of each."""

import logging
from datetime import datetime

from sqlalchemy.engine import Engine

from services.fems import store
from services.fems.domain.dispatch import Entry
from services.fems.domain.numbering import epoch_s
from services.fems.domain.registers import NotReadable, Point, decode, encode, model
from services.fems.domain.setpoints import Refusal, Setpoint, expired, refused_by_device
from services.fems.domain.vendor_models import DISPATCH_ENTRIES, DISPATCH_MODEL, CommitStatus
from services.fems.gateway.line import Line, Lines, NoAnswer
from services.fems.gateway.outbox import emit
from services.fems.gateway.patience import Patience
from services.fems.handlers import refused
from shared.clock import Clock
from shared.complexes import Complex, Device
from shared.db.engine import reading
from shared.events.fems import SetpointConfirmed, SetpointRefused

logger = logging.getLogger(__name__)


class Dispatcher:
    """Takes a complex's pending set-points from the database to the converters; `pending` says that some are left."""

    def __init__(self, complex_: Complex, clock: Clock, engine: Engine) -> None:
        self._complex_id = complex_.complex_id
        self._devices = {device.device_id: device for device in complex_.field_devices}
        self._clock = clock
        self._engine = engine
        self._lines = Lines()
        self._patience = Patience()
        self._faults: dict[str, str] = {}
        self.pending = False

    async def dispatch(self) -> None:
        """Try every pending set-point once; what can't be said yet stays pending."""
        with reading(self._engine) as db:
            commands = store.pending_setpoints(db, self._complex_id)
        self.pending = bool(commands)
        for command in commands:
            verdict = await self._try(command)
            if verdict is not None:
                self._finish(command, verdict)

    def close(self) -> None:
        """Let go of the connections."""
        self._lines.close()

    async def _try(self, command: store.Command) -> Refusal | datetime | None:
        """Return the instant of confirmation, a refusal, or None where there was no answer and time is left."""
        setpoint = command.setpoint
        if self._patience.is_due(command.device_id):
            try:
                answer = await self._write_and_read_back(self._devices[command.device_id], setpoint)
            except (NoAnswer, NotReadable) as fault:
                self._faults[setpoint.setpoint_id] = str(fault)
                self._patience.failed(command.device_id, fault)
            else:
                self._patience.answered(command.device_id)
                return self._clock.now() if answer is None else answer
        refusal = expired(setpoint, now=self._clock.now())
        fault_seen = self._faults.get(setpoint.setpoint_id)
        if refusal is not None and fault_seen is not None:
            return Refusal("unconfirmed", f"the converter did not confirm in time: {fault_seen}")
        return refusal

    async def _write_and_read_back(self, device: Device, setpoint: Setpoint) -> Refusal | None:
        """Return None where the converter holds the set-point, or why it does not."""
        line, unit_id = self._lines.to(device), device.unit_id
        models = await line.models(unit_id)
        if DISPATCH_MODEL not in models:
            raise NotReadable(f"the device has no model {DISPATCH_MODEL}")
        address = models[DISPATCH_MODEL]
        entry = entry_of(setpoint)
        # A process that died between writing and saying so finds its own command there, and need not write again.
        if entry in (await _read_back(line, unit_id, address))[1]:
            return None
        refusal = expired(setpoint, now=self._clock.now())
        if refusal is not None:
            return refusal
        first = model(DISPATCH_MODEL).points["Start"]
        await line.write(unit_id, address + first.offset, command_words(entry))
        status, entries = await _read_back(line, unit_id, address)
        if entry in entries:
            return None
        if status == CommitStatus.ACCEPTED:
            return Refusal("unconfirmed", "the converter accepted the command but does not show it")
        return refused_by_device(status)

    def _finish(self, command: store.Command, verdict: Refusal | datetime) -> None:
        """Mark a set-point as done and publish what became of it, in one transaction."""
        setpoint = command.setpoint
        event: SetpointConfirmed | SetpointRefused
        if isinstance(verdict, Refusal):
            event, status = refused(self._complex_id, command.device_id, setpoint, verdict), store.REFUSED
        else:
            event, status = confirmed(self._complex_id, command, at=verdict), store.CONFIRMED
        with self._engine.begin() as db:
            if store.finish_setpoint(db, self._complex_id, setpoint.setpoint_id, status):
                emit(db, [(event, (setpoint.setpoint_id,))], now=self._clock.now())
        self._faults.pop(setpoint.setpoint_id, None)
        facts = {"setpoint_id": setpoint.setpoint_id, "device_id": command.device_id, "setpoint_w": setpoint.setpoint_w}
        if isinstance(verdict, Refusal):
            logger.warning("set-point refused", extra=facts | {"reason": verdict.reason, "detail": verdict.detail})
        else:
            logger.info("set-point confirmed", extra=facts)


def entry_of(setpoint: Setpoint) -> Entry:
    """Return a set-point as the converter's schedule has it; of two for one interval the later issued one holds."""
    return Entry(
        start_s=epoch_s(setpoint.delivery_start),
        setpoint_w=setpoint.setpoint_w,
        expires_s=epoch_s(setpoint.expires_at),
        sequence=epoch_s(setpoint.issued_at),
    )


def command_words(entry: Entry) -> list[int]:
    """Return the registers from Start to Cmt that commit an entry in one write."""
    points = model(DISPATCH_MODEL).points
    told = {
        "Start": entry.start_s,
        "W": entry.setpoint_w,
        "Exp": entry.expires_s,
        "Seq": entry.sequence,
        "Cmt": 1,
    }
    return [word for name, number in told.items() for word in encode(points[name], number)]


def confirmed(complex_id: str, command: store.Command, *, at: datetime) -> SetpointConfirmed:
    """Return the event that says that a converter holds a set-point."""
    return SetpointConfirmed(
        complex_id=complex_id,
        setpoint_id=command.setpoint.setpoint_id,
        device_id=command.device_id,
        participant_id=command.participant_id,
        delivery_start=command.setpoint.delivery_start,
        setpoint_w=command.setpoint.setpoint_w,
        confirmed_at=at,
    )


async def _read_back(line: Line, unit_id: int, address: int) -> tuple[int, list[Entry]]:
    layout = model(DISPATCH_MODEL)
    status = layout.points["Sts"]
    count = layout.record_offset + layout.record_size * DISPATCH_ENTRIES - status.offset
    words = await line.read(unit_id, address + status.offset, count)

    def number(point: Point) -> int:
        at = point.offset - status.offset
        return decode(point, words[at : at + point.size])

    listed = min(number(layout.points["Cnt"]), DISPATCH_ENTRIES)
    entries = [
        Entry(*(number(layout.record_point(index, name)) for name in ("Start", "W", "Exp", "Seq")))
        for index in range(listed)
    ]
    return number(status), entries
