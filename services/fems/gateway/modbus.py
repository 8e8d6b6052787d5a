"""Questions to devices behind an address, with their faults made plain: an answer, NoAnswer, or NotReadable."""

from collections import Counter
from collections.abc import Awaitable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from services.fems.domain.registers.sunspec import (
    BASES,
    COMMON_MODEL,
    END_MODEL,
    HEADER_REGISTERS,
    MARKER,
    READ_REGISTERS_MAX,
    NotReadable,
    spans,
)
from services.fems.gateway.connection import Connection, Refused
from shared.complex.model import Address, Complex, Device, LineSettings
from shared.errors import ODD_INPUT

MODELS_MAX = 64
# Devices that refuse the most that the protocol allows take so many.
FEWER_REGISTERS = 50
ADDRESS_MAX = 65_535
# Illegal function, illegal address: there may still be a map at the next place.
NO_SUCH_REGISTERS = (1, 2)
# Modbus' own numbers for what is asked.
READ = {"holding": 3, "input": 4}
WRITE = 16


@contextmanager
def odd_answers_not_readable() -> Iterator[None]:
    """Make NotReadable of whatever reading an answer raises: no device's answer, however odd, ends a process."""
    try:
        yield
    except ODD_INPUT as odd:
        raise NotReadable(f"the answer was not understood ({type(odd).__name__}: {odd})") from odd


@dataclass(frozen=True, slots=True)
class Line:
    """A connection as one of those sees it who share it; `urgent` questions go first."""

    connection: Connection
    urgent: bool = False

    async def read(self, unit_id: int, address: int, count: int, *, table: str = "holding") -> list[int]:
        """Return holding or input registers of a device, in as many messages as their number takes.

        Raises:
            NoAnswer: It gave none.
            NotReadable: There can be no such registers: the device's map leads nowhere.
        """
        last = address + count - 1
        if last > ADDRESS_MAX:
            raise NotReadable(f"unit {unit_id}: registers must be in [0, {ADDRESS_MAX}], were {address} to {last}")
        words: list[int] = []
        while len(words) < count:
            words += await self._some(unit_id, address + len(words), count - len(words), table)
        return words

    async def _some(self, unit_id: int, address: int, count: int, table: str) -> list[int]:
        """Read the first of so many registers: as many as the protocol allows, fewer where the unit refuses that."""
        refused = self.connection.refused.setdefault(unit_id, set())
        many = min(count, READ_REGISTERS_MAX)
        if many > FEWER_REGISTERS and (table, address, many) not in refused:
            try:
                return await self._read(unit_id, address, many, table)
            except Refused:
                fewer = await self._read(unit_id, address, FEWER_REGISTERS, table)
                refused.add((table, address, many))
                return fewer
        try:
            return await self._read(unit_id, address, min(many, FEWER_REGISTERS), table)
        except Refused:
            # It may be another device than the one whose map is known.
            self.connection.maps.pop(unit_id, None)
            raise

    async def registers(
        self, unit_id: int, places: Collection[tuple[int, int]], *, table: str = "holding"
    ) -> dict[int, int]:
        """Return the registers at some (address, size) places, by address, in as few messages as possible.

        Raises:
            NoAnswer: It gave none.
            NotReadable: There can be no such registers.
        """
        found: dict[int, int] = {}
        for address, count in spans(places):
            within = [place for place in places if address <= place[0] < address + count]
            found.update(await self._joined(unit_id, address, count, sorted(within), table))
        return found

    async def _joined(
        self, unit_id: int, address: int, count: int, within: Sequence[tuple[int, int]], table: str
    ) -> dict[int, int]:
        """Read places in one message, or in several where the unit refuses to have them joined.

        A read that goes across the end of a model, or over registers that are not there, is refused by many.
        """
        refused = self.connection.refused.setdefault(unit_id, set())
        if (table, address, count) not in refused or len(within) == 1:
            try:
                words = await self.read(unit_id, address, count, table=table)
            except Refused:
                if len(within) == 1:
                    raise
                refused.add((table, address, count))
            else:
                return dict(zip(range(address, address + count), words, strict=True))
        found: dict[int, int] = {}
        for part in _parted(within):
            first, last = part[0][0], max(place + size for place, size in part)
            found.update(await self._joined(unit_id, first, last - first, part, table))
        return found

    async def write(self, unit_id: int, address: int, words: Sequence[int]) -> None:
        """Write registers of a device in one message.

        Raises:
            NoAnswer: It did not say that it took them.
        """

        def ask(client: AsyncModbusTcpClient) -> Awaitable[ModbusPDU]:
            return client.write_registers(address, list(words), device_id=unit_id)

        await self.connection.ask(unit_id, ask, lambda answer: answer.function_code == WRITE, urgent=self.urgent)

    async def models(self, unit_id: int, instance: int = 1) -> dict[int, int]:
        """Return where each of a device's models starts, from a walk through its map; asked anew after a fault.

        Several devices behind one unit follow each other in its map, each behind a common model of its own.

        Args:
            unit_id: The unit.
            instance: Which of several devices with the same models it is, counted from 1.

        Raises:
            NoAnswer: It gave none.
            NotReadable: Its registers are no SunSpec map.
        """
        if unit_id not in self.connection.maps:
            self.connection.maps[unit_id] = await self._walk(unit_id)
        return models_of(self.connection.maps[unit_id], instance)

    def close(self) -> None:
        """Let go of the connection."""
        self.connection.close()

    async def _read(self, unit_id: int, address: int, count: int, table: str) -> list[int]:
        def ask(client: AsyncModbusTcpClient) -> Awaitable[ModbusPDU]:
            wanted = client.read_input_registers if table == "input" else client.read_holding_registers
            return wanted(address, count=count, device_id=unit_id)

        def fits(answer: ModbusPDU) -> bool:
            return answer.function_code == READ[table] and len(answer.registers) == count

        return list((await self.connection.ask(unit_id, ask, fits, urgent=self.urgent)).registers)

    async def _walk(self, unit_id: int) -> list[tuple[int, int]]:
        """Return the models of a unit's map with where they start, in its order.

        The list ends with the end model; of some devices with zeros, or where they have no more registers.
        """
        found: list[tuple[int, int]] = []
        address = await self._base(unit_id) + len(MARKER)
        for _ in range(MODELS_MAX):
            try:
                model_id, length = await self.read(unit_id, address, HEADER_REGISTERS)
            except Refused as refused:
                if not found or refused.code not in NO_SUCH_REGISTERS:
                    raise
                return found
            if model_id == END_MODEL or (found and (model_id, length) == (0, 0)):
                return found
            found.append((model_id, address))
            address += length + HEADER_REGISTERS
            if address + HEADER_REGISTERS > ADDRESS_MAX:
                break
        raise NotReadable(f"unit {unit_id}: the map has no end model")

    async def _base(self, unit_id: int) -> int:
        """Return where a device's map begins, whatever it answers at the other places."""
        fault: Refused | None = None
        for base in BASES:
            try:
                marker = await self.read(unit_id, base, len(MARKER))
            except Refused as refused:
                if refused.code not in NO_SUCH_REGISTERS:
                    fault = fault or refused
                continue
            if tuple(marker) == MARKER:
                return base
        if fault is not None:
            raise fault
        raise NotReadable(f"unit {unit_id}: no SunSpec map at {', '.join(map(str, BASES))}")


def models_of(map_: Sequence[tuple[int, int]], instance: int) -> dict[int, int]:
    """Return where the models of one of the devices in a unit's map start.

    Raises:
        NotReadable: There are not so many.
    """
    found: dict[int, int] = {}
    counted: Counter[int] = Counter()
    for model_id, address in map_:
        counted[model_id] += 1
        if model_id != COMMON_MODEL and counted[model_id] == instance:
            found[model_id] = address
    if instance > 1 and not found:
        raise NotReadable(f"the device has no {instance} instances of any model")
    before = [address for model_id, address in map_ if model_id == COMMON_MODEL]
    first = min(found.values(), default=ADDRESS_MAX)
    plates = [address for address in before if address < first] or before[:1]
    return {COMMON_MODEL: plates[-1], **found} if plates else found


def _parted(places: Sequence[tuple[int, int]]) -> list[Sequence[tuple[int, int]]]:
    """Part places where the widest hole between them is."""
    holes = [
        (after[0] - (before[0] + before[1]), position)
        for position, (before, after) in enumerate(pairwise(places), start=1)
    ]
    _, position = max(holes)
    return [places[:position], places[position:]]


class Lines:
    """The connections to every address that devices answer at, one each, for one event loop."""

    def __init__(self, *complexes: Complex) -> None:
        self._settings = {
            address: one.line_settings(address) for one in complexes for address in one.devices_by_address
        }
        self._connections: dict[Address, Connection] = {}

    def to(self, device: Device, *, urgent: bool = False) -> Line:
        """Return a line to a device's address."""
        connection = self._connections.get(device.address)
        if connection is None:
            settings = self._settings.get(device.address, LineSettings())
            connection = self._connections[device.address] = Connection(device.address, settings)
        return Line(connection, urgent=urgent)

    def close(self) -> None:
        """Let go of all of them."""
        for connection in self._connections.values():
            connection.close()
