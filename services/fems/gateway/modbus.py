"""Questions to devices behind an address, with their faults made plain: an answer, NoAnswer, or NotReadable."""

from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from services.fems.domain.registers.sunspec import (
    BASES,
    END_MODEL,
    HEADER_REGISTERS,
    MARKER,
    READ_REGISTERS_MAX,
    NotReadable,
    spans,
)
from services.fems.gateway.connection import Connection, Refused
from shared.complex.model import Address, Device
from shared.errors import ODD_INPUT

MODELS_MAX = 64
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
            some = min(count - len(words), READ_REGISTERS_MAX)
            words += await self._read(unit_id, address + len(words), some, table)
        return words

    async def registers(
        self, unit_id: int, places: Iterable[tuple[int, int]], *, table: str = "holding"
    ) -> dict[int, int]:
        """Return the registers at some (address, size) places, by address, in as few messages as possible.

        Raises:
            NoAnswer: It gave none.
            NotReadable: There can be no such registers.
        """
        found: dict[int, int] = {}
        for address, count in spans(places):
            words = await self.read(unit_id, address, count, table=table)
            found.update(zip(range(address, address + count), words, strict=True))
        return found

    async def write(self, unit_id: int, address: int, words: Sequence[int]) -> None:
        """Write registers of a device in one message.

        Raises:
            NoAnswer: It did not say that it took them.
        """

        def ask(client: AsyncModbusTcpClient) -> Awaitable[ModbusPDU]:
            return client.write_registers(address, list(words), device_id=unit_id)

        await self.connection.ask(unit_id, ask, lambda answer: answer.function_code == WRITE, urgent=self.urgent)

    async def models(self, unit_id: int) -> dict[int, int]:
        """Return where each of a device's models starts, from a walk through its map; asked anew after a fault.

        Raises:
            NoAnswer: It gave none.
            NotReadable: Its registers are no SunSpec map.
        """
        if unit_id not in self.connection.maps:
            self.connection.maps[unit_id] = await self._walk(unit_id)
        return self.connection.maps[unit_id]

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

    async def _walk(self, unit_id: int) -> dict[int, int]:
        found: dict[int, int] = {}
        address = await self._base(unit_id) + len(MARKER)
        for _ in range(MODELS_MAX):
            model_id, length = await self.read(unit_id, address, HEADER_REGISTERS)
            if model_id == END_MODEL:
                return found
            found.setdefault(model_id, address)
            address += length + HEADER_REGISTERS
            if address + HEADER_REGISTERS > ADDRESS_MAX:
                break
        raise NotReadable(f"unit {unit_id}: the map has no end model")

    async def _base(self, unit_id: int) -> int:
        """Return where a device's map begins."""
        for base in BASES:
            try:
                marker = await self.read(unit_id, base, len(MARKER))
            except Refused as refused:
                if refused.code not in NO_SUCH_REGISTERS:
                    raise
                continue
            if tuple(marker) == MARKER:
                return base
        raise NotReadable(f"unit {unit_id}: no SunSpec map at {', '.join(map(str, BASES))}")


class Lines:
    """The connections to every address that devices answer at, one each, for one event loop."""

    def __init__(self) -> None:
        self._connections: dict[Address, Connection] = {}

    def to(self, device: Device, *, urgent: bool = False) -> Line:
        """Return a line to a device's address."""
        connection = self._connections.get(device.address)
        if connection is None:
            connection = self._connections[device.address] = Connection(device.address)
        return Line(connection, urgent=urgent)

    def close(self) -> None:
        """Let go of all of them."""
        for connection in self._connections.values():
            connection.close()
