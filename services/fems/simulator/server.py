"""One Modbus TCP server a complex, a unit id a device."""

import logging
from collections.abc import Sequence

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from services.fems.domain.battery import Battery
from services.fems.domain.dispatch import Entry
from services.fems.domain.field import Field, Site
from services.fems.domain.registers import BASE, NotReadable, decode, model
from services.fems.domain.vendor_models import DISPATCH_MODEL, CommitStatus
from services.fems.simulator.image import Image, Plate
from services.fems.simulator.memory import FieldMemory
from services.fems.simulator.plant import Plant
from shared.clock import Clock
from shared.complexes import Complex, Device
from shared.errors import BadInput
from shared.events.fems import MeterKind

logger = logging.getLogger(__name__)

# Modbus keeps the unit ids above 247 for itself.
UNIT_ID_MAX = 247
ADDRESSES = 65_536
COMMAND = ("Start", "W", "Exp", "Seq")


class SimulatedDevice:
    """One unit id: brings its registers up to date whenever they are asked for."""

    def __init__(self, plate: Plate, plant: Plant, clock: Clock) -> None:
        self._image = Image(plate)
        self._plate = plate
        self._plant = plant
        self._clock = clock
        self._profile_number: int | None = None
        self._status = CommitStatus.NONE

    def on_the_wire(self, unit_id: int) -> SimDevice:
        """Return the device as pymodbus serves it."""
        registers = SimData(BASE, values=list(self._image.initial), datatype=DataType.REGISTERS)
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
        self._plant.catch_up(now)
        if set_values is not None and len(set_values) > 0:
            return self._on_write(address, [int(word) for word in set_values], current_registers)
        self._image.put_reading(current_registers, self._plant.read(self._plate.device_id, now))
        if self._profile_number != self._plant.number:
            self._image.put_records(current_registers, self._plant.records(self._plate.device_id))
            self._profile_number = self._plant.number
        if self._plate.battery is not None:
            entries = self._plant.schedule(self._plate.device_id).values()
            self._image.put_schedule(current_registers, entries, self._status)
        return None

    def _on_write(self, address: int, words: Sequence[int], registers: list[int]) -> ExcCodes | None:
        """Allow writes to the command registers only; one that holds Cmt=1 commits what then stands there."""
        if self._plate.battery is None:
            return ExcCodes.ILLEGAL_ADDRESS
        points = model(DISPATCH_MODEL).points
        start = self._image.address(DISPATCH_MODEL)
        first, commit = start + points["Start"].offset, start + points["Cmt"].offset
        if not first <= address <= address + len(words) - 1 <= commit:
            return ExcCodes.ILLEGAL_ADDRESS
        command = registers[first - BASE : commit - BASE + 1]
        command[address - first : address - first + len(words)] = words
        if command[-1] == 1:
            self._commit(self._plate.battery, command)
        return None

    def _commit(self, battery: Battery, command: Sequence[int]) -> None:
        points = model(DISPATCH_MODEL).points
        told = []
        try:
            for name in COMMAND:
                at = points[name].offset - points["Start"].offset
                told.append(decode(points[name], command[at : at + points[name].size]))
        except NotReadable:
            self._status = CommitStatus.MALFORMED
            return
        self._status = self._plant.commit(battery, Entry(*told), self._clock.now())
        facts = {"device_id": battery.device_id, "start_s": told[0], "setpoint_w": told[1]}
        logger.debug("commit answered", extra={**facts, "status": self._status.name})


class ComplexServer:
    """A complex's devices, each at its address."""

    def __init__(self, complex_: Complex, physics: Field, memory: FieldMemory, clock: Clock) -> None:
        self._complex = complex_
        if max(device.unit_id for device in complex_.devices) > UNIT_ID_MAX:
            raise BadInput(
                where=f"complex file of {complex_.complex_id}",
                field="$.participants",
                rule=f"must be at most {UNIT_ID_MAX} devices an address; field_network.devices may name others",
                value=f"{len(complex_.devices)} devices",
            )
        saved = {site.participant_id: found for site in physics.sites if (found := memory.load(site)) is not None}
        self.plant = Plant(physics, saved, memory.save, clock.now())
        sites = {site.participant_id: site for site in physics.sites}
        self._devices: dict[int, list[SimDevice]] = {}
        for device in complex_.devices:
            simulated = SimulatedDevice(_plate(device, sites[device.participant_id]), self.plant, clock)
            self._devices.setdefault(device.address.port, []).append(simulated.on_the_wire(device.unit_id))
        self._servers: list[ModbusTcpServer] = []

    async def start(self, host: str | None) -> None:
        """Listen.

        Raises:
            BadInput: An address is taken or is not this machine's.
        """
        network = self._complex.field_network
        for port, devices in self._devices.items():
            address = (host or network.host, port)
            # A request to any other unit is answered as a field gateway would: there is no such device.
            anywhere = SimData(0, count=ADDRESSES, datatype=DataType.REGISTERS)
            server = ModbusTcpServer([*devices, SimDevice(0, simdata=[anywhere], action=_nobody)], address=address)
            try:
                await server.serve_forever(background=True)
            except RuntimeError:
                raise BadInput(
                    where=f"complex file of {self._complex.complex_id}",
                    field="$.field_network.port" if port == network.port else "$.field_network.devices",
                    rule=f"must be a free port of {address[0]}",
                    value=port,
                    hint="stop what listens there, or set another port",
                ) from None
            self._servers.append(server)
        facts = {"complex_id": self._complex.complex_id, "ports": len(self._servers)}
        logger.info("devices answer", extra=facts | {"devices": len(self._complex.devices)})

    async def stop(self) -> None:
        """Close the ports and every connection."""
        for server in self._servers:
            await server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus left this one untyped
        self._servers.clear()


async def _nobody(
    function_code: int,
    start_address: int,
    address: int,
    count: int,
    current_registers: list[int],
    set_values: list[int] | list[bool] | None,
) -> ExcCodes | None:
    del function_code, start_address, address, count, current_registers, set_values
    return ExcCodes.GATEWAY_NO_RESPONSE


def _plate(device: Device, site: Site) -> Plate:
    battery = next((one for one in site.batteries if one.device_id == device.device_id), None)
    if battery is not None:
        power_w_max = max(battery.charge_w_max, battery.discharge_w_max)
    elif device.kind is MeterKind.GRID:
        power_w_max = max(site.import_w_max, site.export_w_max)
    else:
        power_w_max = max(round(roof.capacity_kw_ac * 1_000) for roof in site.roofs if roof.site_id == device.device_id)
    return Plate(device.device_id, device.kind, power_w_max, battery)
