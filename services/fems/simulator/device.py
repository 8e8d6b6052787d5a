"""One simulated device: brings its registers up to date whenever they are asked for, unless a fault forbids it."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.simulator import DataType, SimData, SimDevice

from services.fems.domain.interval_numbers import epoch_s, epoch_us, number_of
from services.fems.domain.registers.sunspec import BASE, NotReadable, decode, encode, model
from services.fems.domain.registers.vendor_models import DISPATCH_MODEL, CommitStatus
from services.fems.domain.simulated.battery import SimulatedBattery
from services.fems.domain.simulated.controls import IGNORED, INITIAL, Control, is_acceptable, untouched
from services.fems.domain.simulated.dispatch import ScheduleEntry
from services.fems.domain.simulated.faults import Fault, FaultKind, holding, recorded_ahead
from services.fems.simulator.faults import FaultBook
from services.fems.simulator.image import Image, Plate
from services.fems.simulator.mapped_image import MappedImage
from services.fems.simulator.plant import Plant
from services.fems.simulator.site import IntervalRecord, MeterState
from shared.clock import Clock

logger = logging.getLogger(__name__)

COMMAND = ("Start", "W", "Exp", "Seq")
NOISE_WORD = 0xFFFF
_OVERWRITING = frozenset({FaultKind.NOISE, FaultKind.METER_SWAP})
_REBASED = (FaultKind.COUNTER_RESET, FaultKind.COUNTER_WRAP, FaultKind.METER_SWAP)
# Where the unit id stands in a Modbus TCP frame.
UNIT_AT = 6


class SimulatedDevice:
    """One unit id."""

    def __init__(self, plate: Plate, plant: Plant, clock: Clock, book: FaultBook) -> None:
        self._image = Image(plate)
        self._mapped = None if plate.register_map is None else MappedImage(plate.register_map)
        self._plate = plate
        self._plant = plant
        self._clock = clock
        self._book = book
        self._profile_seen: tuple[int, int] | None = None
        self._overwritten: frozenset[FaultKind] = frozenset()
        self._shown = False
        # What the counters showed when a fault that moves them began.
        self._rebased: dict[Fault, MeterState] = {}
        self._status = CommitStatus.NONE

    def on_the_wire(self, unit_id: int) -> SimDevice:
        """Return the device as pymodbus serves it."""
        base, initial = BASE, self._image.initial
        if self._mapped is not None:
            base, initial = self._mapped.base, self._mapped.initial
        registers = SimData(base, values=list(initial), datatype=DataType.REGISTERS)
        return SimDevice(unit_id, simdata=[registers], action=self._on_access)

    async def _on_access(
        self,
        function_code: int,
        start_address: int,
        address: int,
        count: int,
        current_registers: list[int],
        set_values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        del function_code, start_address, count
        now = self._clock.now()
        faults = holding(self._book.faults(), self._plate.device_id, now)
        if FaultKind.SILENT in faults or FaultKind.LOST_CONNECTION in faults:
            # The server answers nothing to a unit that it is told is not there.
            raise NoSuchIdException
        if FaultKind.SLOW in faults:
            await asyncio.sleep(faults[FaultKind.SLOW].amount)
        self._plant.catch_up(now)
        if set_values is not None and len(set_values) > 0:
            if FaultKind.REJECTED_WRITE in faults:
                return ExcCodes.DEVICE_FAILURE
            return self._on_write(address, [int(word) for word in set_values], current_registers)
        if FaultKind.STUCK not in faults or not self._shown:
            self._refresh(current_registers, faults)
            self._shown = True
        return None

    def lost(self) -> bool:
        """Say whether a question to the device ends the connection."""
        return FaultKind.LOST_CONNECTION in self._faults_now()

    def spoilt(self, frame: bytes) -> bytes:
        """Return an answer as it leaves the device."""
        faults = self._faults_now()
        if FaultKind.HALF_FRAME in faults:
            return frame[: len(frame) // 2]
        if FaultKind.OTHER_UNIT in faults:
            return frame[:UNIT_AT] + bytes([frame[UNIT_AT] ^ 1]) + frame[UNIT_AT + 1 :]
        return frame

    def _faults_now(self) -> Mapping[FaultKind, Fault]:
        return holding(self._book.faults(), self._plate.device_id, self._clock.now())

    def _refresh(self, registers: list[int], faults: Mapping[FaultKind, Fault]) -> None:
        if self._mapped is not None:
            reading = self._plant.read(self._plate.device_id, self._clock.now())
            self._mapped.put_reading(registers, self._rebase(reading, faults))
            return
        overwritten = faults.keys() & _OVERWRITING
        if overwritten != self._overwritten:
            # What such a fault wrote over is written only once otherwise.
            registers[:] = self._image.initial
            self._profile_seen, self._overwritten = None, frozenset(overwritten)
        if FaultKind.NOISE in faults:
            registers[:] = [NOISE_WORD] * len(registers)
            return
        reading = self._plant.read(self._plate.device_id, self._clock.now())
        self._image.put_reading(registers, self._rebase(reading, faults))
        if self._plate.remembers:
            self._put_memory(registers, faults)
        if self._plate.battery is not None:
            self._put_commands(registers)
        if FaultKind.METER_SWAP in faults:
            self._image.put_serial(registers, f"{self._plate.device_id}-swapped")
        if FaultKind.WRONG_SCALE in faults:
            self._image.put_power_scale(registers, faults[FaultKind.WRONG_SCALE].amount)
        if FaultKind.NO_SCALE in faults:
            self._image.put_power_scale(registers, None)
        if FaultKind.NO_NUMBER in faults:
            self._image.put_no_number(registers)

    def _put_memory(self, registers: list[int], faults: Mapping[FaultKind, Fault]) -> None:
        drift_s = faults[FaultKind.CLOCK_DRIFT].amount if FaultKind.CLOCK_DRIFT in faults else 0
        self._image.put_clock(registers, epoch_s(self._clock.now()) + drift_s)
        seen = (self._plant.number, drift_s)
        if self._profile_seen != seen:
            records = _recorded(self._plant.records(self._plate.device_id), drift_s)
            ratio = faults.get(FaultKind.WRONG_RATIO)
            if ratio is not None:
                since = number_of(ratio.since)
                records = [one if one.number < since else _part(one, ratio.amount) for one in records]
            self._image.put_records(registers, records)
            self._profile_seen = seen

    def _put_commands(self, registers: list[int]) -> None:
        """Write what the converter was told: by schedule, and for at once."""
        if DISPATCH_MODEL in self._plate.models:
            entries = self._plant.schedule(self._plate.device_id).values()
            self._image.put_schedule(registers, entries, self._status)
        if self._plate.control_model is not None:
            control, at_us = self._control(self._plate.control_model), epoch_us(self._clock.now())
            self._image.put_control(registers, control.model_id, control.points_at(at_us), control.remaining_s(at_us))

    def _control(self, model_id: int) -> Control:
        written = self._plant.controls(self._plate.device_id)
        return written[-1] if written else untouched(model_id)

    def _rebase(self, reading: MeterState, faults: Mapping[FaultKind, Fault]) -> MeterState:
        """Return a reading whose counters began somewhere else when a fault did."""
        end_wh = (self._image if self._mapped is None else self._mapped).counter_end_wh
        for kind in _REBASED:
            if kind in faults:
                began = self._rebased.setdefault(faults[kind], reading)
                start_wh = end_wh - faults[kind].amount if kind is FaultKind.COUNTER_WRAP else 0
                import_wh = reading.import_wh - began.import_wh + start_wh
                export_wh = reading.export_wh - began.export_wh + start_wh
                reading = replace(reading, import_wh=import_wh, export_wh=export_wh)
        if FaultKind.WRONG_RATIO in faults:
            fault = faults[FaultKind.WRONG_RATIO]
            reading = _in_ratio(reading, self._rebased.setdefault(fault, reading), fault.amount)
        return reading

    def _on_write(self, address: int, words: Sequence[int], registers: list[int]) -> ExcCodes | None:
        """Allow writes to command registers only."""
        battery, written = self._plate.battery, dict(enumerate(words, start=address))
        if battery is None:
            return ExcCodes.ILLEGAL_ADDRESS
        control_model = self._plate.control_model
        if control_model is not None and written.keys() <= self._commandable(control_model):
            return self._obey(battery, control_model, written)
        if DISPATCH_MODEL not in self._plate.models:
            return ExcCodes.ILLEGAL_ADDRESS
        points = model(DISPATCH_MODEL).points
        start = self._image.address(DISPATCH_MODEL)
        first, commit = start + points["Start"].offset, start + points["Cmt"].offset
        if not first <= address <= address + len(words) - 1 <= commit:
            return ExcCodes.ILLEGAL_ADDRESS
        command = registers[first - BASE : commit - BASE + 1]
        command[address - first : address - first + len(words)] = words
        # A write that holds Cmt=1 commits what then stands there.
        if command[-1] == 1:
            self._commit(battery, command)
        return None

    def _commandable(self, model_id: int) -> set[int]:
        """Return the registers of a control model that may be written."""
        start, points = self._image.address(model_id), model(model_id).points
        names = (*INITIAL[model_id], *IGNORED[model_id])
        return {start + points[name].offset + place for name in names for place in range(points[name].size)}

    def _obey(self, battery: SimulatedBattery, model_id: int, written: Mapping[int, int]) -> ExcCodes | None:
        """Do from now on what a control model's points say with what is written; what is not written stays."""
        at_us, start = epoch_us(self._clock.now()), self._image.address(model_id)
        told = {}
        try:
            for name, number in self._control(model_id).points_at(at_us).items():
                point = model(model_id).points[name]
                standing = enumerate(encode(point, number), start=start + point.offset)
                told[name] = decode(point, [written.get(place, word) for place, word in standing])
        except NotReadable:
            return ExcCodes.ILLEGAL_VALUE
        if not is_acceptable(model_id, told, battery):
            return ExcCodes.ILLEGAL_VALUE
        self._plant.obey(battery, Control(model_id, at_us, told))
        return None

    def _commit(self, battery: SimulatedBattery, command: Sequence[int]) -> None:
        points = model(DISPATCH_MODEL).points
        told = []
        try:
            for name in COMMAND:
                at = points[name].offset - points["Start"].offset
                told.append(decode(points[name], command[at : at + points[name].size]))
        except NotReadable:
            self._status = CommitStatus.MALFORMED
            return
        self._status = self._plant.commit(battery, ScheduleEntry(*told), self._clock.now())
        facts = {"device_id": battery.device_id, "start_s": told[0], "setpoint_w": told[1]}
        logger.debug("commit answered", extra={**facts, "status": self._status.name})


def _in_ratio(reading: MeterState, began: MeterState, percent: int) -> MeterState:
    """Return a reading of which only a part is shown of what flowed since it was `began`."""
    return replace(
        reading,
        import_wh=began.import_wh + (reading.import_wh - began.import_wh) * percent // 100,
        export_wh=began.export_wh + (reading.export_wh - began.export_wh) * percent // 100,
        import_w=reading.import_w * percent // 100,
        export_w=reading.export_w * percent // 100,
    )


def _part(record: IntervalRecord, percent: int) -> IntervalRecord:
    return IntervalRecord(record.number, record.import_wh * percent // 100, record.export_wh * percent // 100)


def _recorded(records: deque[IntervalRecord], drift_s: int) -> list[IntervalRecord]:
    """Return a meter's memory as its own clock cut it."""
    if drift_s <= 0:
        return list(records)
    imports = recorded_ahead([one.import_wh for one in records], drift_s)
    exports = recorded_ahead([one.export_wh for one in records], drift_s)
    return [IntervalRecord(one.number, *flows) for one, *flows in zip(records, imports, exports, strict=True)]
