"""One Modbus TCP server a complex, a unit id a device."""

import logging
from collections.abc import Mapping

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from services.fems.domain.simulated.field import Field
from services.fems.simulator.device import UNIT_AT, SimulatedDevice
from services.fems.simulator.faults import FaultBook
from services.fems.simulator.image import Plate
from services.fems.simulator.memory import FieldMemory
from services.fems.simulator.plant import Plant
from shared.clock import Clock
from shared.complex.model import Complex, Device
from shared.errors import BadInput
from shared.events.fems import MeterKind
from shared.units import WH_PER_KWH

logger = logging.getLogger(__name__)

# Modbus keeps the unit ids above 247 for itself.
UNIT_ID_MAX = 247
ADDRESSES = 65_536


class ComplexServer:
    """A complex's devices, each at its address."""

    def __init__(self, complex_: Complex, physics: Field, memory: FieldMemory, clock: Clock, book: FaultBook) -> None:
        self._complex = complex_
        if max(device.unit_id for device in complex_.field_devices) > UNIT_ID_MAX:
            raise BadInput(
                where=f"complex file of {complex_.complex_id}",
                field="$.participants",
                rule=f"must be at most {UNIT_ID_MAX} devices an address; field_network.devices may name others",
                value=f"{len(complex_.field_devices)} devices",
            )
        saved = {site.participant_id: found for site in physics.sites if (found := memory.restored(site)) is not None}
        self.plant = Plant(
            physics,
            saved,
            memory.save,
            clock.now(),
            load_feeder=memory.load_feeder,
            save_feeder=memory.save_feeder,
        )
        self._devices: dict[int, dict[int, SimulatedDevice]] = {}
        for device in complex_.field_devices:
            simulated = SimulatedDevice(_plate(device, physics), self.plant, clock, book)
            self._devices.setdefault(device.address.port, {})[device.unit_id] = simulated
        self._servers: list[ModbusTcpServer] = []

    async def start(self, host: str | None) -> None:
        """Listen.

        Raises:
            BadInput: An address is taken or is not this machine's.
        """
        network = self._complex.field_network
        for port, devices in self._devices.items():
            address = (host or network.host, port)
            server = _server(address, devices)
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
        logger.info("devices answer", extra=facts | {"devices": len(self._complex.field_devices)})

    async def stop(self) -> None:
        """Close the ports and every connection."""
        for server in self._servers:
            await server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus left this one untyped
        self._servers.clear()


def _server(address: tuple[str, int], devices: Mapping[int, SimulatedDevice]) -> ModbusTcpServer:
    """Return the server of the devices behind one port, by unit id."""

    def spoilt(sending: bool, frame: bytes) -> bytes:
        device = devices.get(frame[UNIT_AT]) if len(frame) > UNIT_AT else None
        if device is None:
            return frame
        if not sending and device.lost():
            for connection in list(server.active_connections.values()):
                connection.close()
        return device.spoilt(frame) if sending else frame

    # A request to any other unit is answered as a field gateway would: there is no such device.
    anywhere = SimData(0, count=ADDRESSES, datatype=DataType.REGISTERS)
    units = [device.on_the_wire(unit_id) for unit_id, device in devices.items()]
    server = ModbusTcpServer(
        [*units, SimDevice(0, simdata=[anywhere], action=_nobody)],
        address=address,
        ignore_missing_devices=True,
        trace_packet=spoilt,
    )
    return server


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


def _plate(device: Device, physics: Field) -> Plate:
    feeder = next((one for one in physics.feeders if one.meter_id == device.device_id), None)
    behind = (device.participant_id,) if feeder is None else feeder.participant_ids
    sites = [site for site in physics.sites if site.participant_id in behind]
    owned = [one for site in sites for one in site.batteries if one.device_id == device.device_id]
    match device.kind:
        case MeterKind.ESS:
            power_w_max = max(owned[0].charge_w_max, owned[0].discharge_w_max)
        case MeterKind.PV:
            roofs = [roof for site in sites for roof in site.roofs if roof.site_id == device.device_id]
            power_w_max = round(roofs[0].capacity_kw_ac * WH_PER_KWH)
        case MeterKind.GRID | MeterKind.FEEDER:
            most = (sum(site.import_w_max for site in sites), sum(site.export_w_max for site in sites))
            power_w_max = max(*most, 1) if feeder is None else max(*feeder.carried(*most), *most, 1)
    battery = owned[0] if owned else None
    return Plate(
        device_id=device.device_id,
        kind=device.kind,
        power_w_max=power_w_max,
        battery=battery,
        remembers=device.remembers,
        sunspec=device.sunspec,
        register_map=device.register_map,
        schedules=device.schedules,
    )
