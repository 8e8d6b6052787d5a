"""Take set-points to the converters, read them back, and say what became of each.

A converter with the dispatch block (64901) gets them ahead of their interval. One that has only SunSpec's own control
models is told when the interval begins: until then its set-points are held in the database, as accepted.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy.engine import Engine

from services.fems import store
from services.fems.domain.registers.sunspec import NotReadable
from services.fems.domain.registers.vendor_models import DISPATCH_MODEL
from services.fems.domain.setpoints import REPLACED, Refusal, beyond_plate, expired
from services.fems.gateway import controls, schedule
from services.fems.gateway.backoff import Patience
from services.fems.gateway.connection import NoAnswer
from services.fems.gateway.modbus import Lines, odd_answers_not_readable
from services.fems.gateway.outbox import emit
from services.fems.handlers import refused
from shared.clock import Clock
from shared.complex.model import Address, Complex
from shared.db.engine import reading
from shared.events.fems import SetpointConfirmed, SetpointRefused
from shared.intervals import INTERVAL

logger = logging.getLogger(__name__)


class Told(Enum):
    """What became of a set-point that was not refused."""

    CONFIRMED = "confirmed"  # written and read back
    ACCEPTED = "accepted"  # to be held until its interval begins
    WAITING = "waiting"  # nothing can be said yet


class Dispatcher:
    """Takes a complex's set-points from the database to the converters.

    Attributes:
        pending: Whether there are some to be tried again soon.
        next_due: When the next of those begins that are held; None where none are.
    """

    def __init__(self, complex_: Complex, clock: Clock, engine: Engine, lines: Lines) -> None:
        self._complex_id = complex_.complex_id
        self._devices = {device.device_id: device for device in complex_.field_devices}
        self._clock = clock
        self._engine = engine
        self._lines = lines
        self._patience = Patience()
        self._faults: dict[str, str] = {}
        self.pending = False
        self.next_due: datetime | None = None

    async def dispatch(self) -> None:
        """Try every set-point that is due once; what can't be said yet stays as it is."""
        with reading(self._engine) as db:
            commands = store.pending_setpoints(db, self._complex_id)
        newest = {(one.device_id, one.setpoint.delivery_start): one for one in commands if one.held}
        replaced = [one for one in commands if one.held and one not in newest.values()]
        for command in replaced:
            self._finish(command, REPLACED)
        now = self._clock.now()
        coming = [one for one in newest.values() if now < one.setpoint.delivery_start]
        due = [one for one in commands if one not in replaced and one not in coming]
        self.pending = bool(due)
        self.next_due = min((one.setpoint.delivery_start for one in coming), default=None)
        # An address is asked one question at a time; a converter that keeps silent holds up nobody behind another.
        behind: defaultdict[Address | None, list[store.Command]] = defaultdict(list)
        for command in due:
            device = self._devices.get(command.device_id)
            behind[None if device is None else device.address].append(command)
        await asyncio.gather(*(self._try_in_turn(commands) for commands in behind.values()))

    async def _try_in_turn(self, commands: Sequence[store.Command]) -> None:
        for command in commands:
            answer = await self._try(command)
            if answer is not Told.WAITING:
                self._finish(command, answer)

    async def _try(self, command: store.Command) -> Refusal | Told:
        setpoint = command.setpoint
        if self._patience.is_due(command.device_id):
            try:
                with odd_answers_not_readable():
                    answer = await self._tell(command)
            except (NoAnswer, NotReadable) as fault:
                self._faults[setpoint.setpoint_id] = str(fault)
                self._patience.failed(command.device_id, fault)
            else:
                self._patience.answered(command.device_id)
                return answer
        refusal = expired(setpoint, now=self._clock.now(), held=command.held)
        fault_seen = self._faults.get(setpoint.setpoint_id)
        if refusal is not None and fault_seen is not None:
            return Refusal("unconfirmed", f"the converter did not confirm in time: {fault_seen}")
        return refusal or Told.WAITING

    async def _tell(self, command: store.Command) -> Refusal | Told:
        """Tell a converter by the first way that it knows: the dispatch block, model 704, model 124."""
        device, setpoint = self._devices.get(command.device_id), command.setpoint
        if device is None:
            # The complex file has changed while it was waiting.
            return Refusal("unknown_device", "must be the id of a battery in the complex file")
        line, unit_id = self._lines.to(device, urgent=True), device.unit_id
        models = await line.models(unit_id, device.instance)
        by_schedule = DISPATCH_MODEL in models
        if not by_schedule and not any(model_id in models for model_id in controls.CONTROL_MODELS):
            raise NotReadable(f"the device has no model {DISPATCH_MODEL}, 704 or 124")
        # A process that died between writing and saying so finds its own command there, and need not write again.
        if by_schedule and await schedule.shows(line, unit_id, models[DISPATCH_MODEL], setpoint):
            return Told.CONFIRMED
        refusal = expired(setpoint, now=self._clock.now(), held=command.held)
        if refusal is not None:
            return refusal
        if by_schedule:
            return await schedule.enter(line, unit_id, models[DISPATCH_MODEL], setpoint) or Told.CONFIRMED
        if not command.held:
            return beyond_plate(setpoint, await controls.plate_of(line, unit_id, models)) or Told.ACCEPTED
        # What stands there may be the last interval's command, the same and about to be undone: it is written anew.
        left = setpoint.delivery_start + INTERVAL - self._clock.now()
        revert_s = -(-left // timedelta(seconds=1))
        return await controls.command(line, unit_id, models, setpoint, revert_s=revert_s) or Told.CONFIRMED

    def _finish(self, command: store.Command, answer: Refusal | Told) -> None:
        """Note what became of a set-point and, unless it is held, publish it, in one transaction."""
        setpoint, now = command.setpoint, self._clock.now()
        facts = {"setpoint_id": setpoint.setpoint_id, "device_id": command.device_id, "setpoint_w": setpoint.setpoint_w}
        with self._engine.begin() as db:
            if answer is Told.ACCEPTED:
                store.move_setpoint(db, self._complex_id, setpoint.setpoint_id, store.HELD)
                logger.info("set-point held", extra=facts)
                return
            event: SetpointConfirmed | SetpointRefused = confirmed(self._complex_id, command, at=now)
            status = store.CONFIRMED
            if isinstance(answer, Refusal):
                event, status = refused(self._complex_id, command.device_id, setpoint, answer), store.REFUSED
            if store.move_setpoint(db, self._complex_id, setpoint.setpoint_id, status):
                emit(db, [(event, (setpoint.setpoint_id,))], now=now)
        self._faults.pop(setpoint.setpoint_id, None)
        if isinstance(answer, Refusal):
            logger.warning("set-point refused", extra=facts | {"reason": answer.reason, "detail": answer.detail})
        else:
            logger.info("set-point confirmed", extra=facts)


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
