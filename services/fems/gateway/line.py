"""One Modbus TCP connection with its faults made plain: an answer, or NoAnswer."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from services.fems.domain.registers import (
    BASES,
    END_MODEL,
    HEADER_REGISTERS,
    MARKER,
    READ_REGISTERS_MAX,
    NotReadable,
    spans,
)
from shared.clock import monotonic_s
from shared.complexes import Address, Device

logger = logging.getLogger(__name__)

ANSWER_WAIT_S = 1.0
RECONNECT_EVERY_S = 0.5
MODELS_MAX = 64
ADDRESS_MAX = 65_535
# Illegal function, illegal address: there may still be a map at the next place.
NO_SUCH_REGISTERS = (1, 2)


class NoAnswer(Exception):  # noqa: N818 -- it says what the device gave
    """A device did not answer, refused the request, or answered with half a message; `kind` is what is counted."""

    kind = "no_answer"


class NoConnection(NoAnswer):
    """The field network's address itself is away; no single device is to blame."""

    kind = "no_connection"


class Refused(NoAnswer):
    """A device answered with an exception: it has no such registers, or does not take what was written."""

    kind = "refused"

    def __init__(self, unit_id: int, response: ModbusPDU) -> None:
        self.code = int(response.exception_code)
        meaning = ExcCodes(self.code).name.lower().replace("_", " ") if self.code in list(ExcCodes) else "unknown"
        super().__init__(f"unit {unit_id}: answered with exception {self.code} ({meaning})")


class Line:
    """A connection to one address, opened when it is needed and again after a fault; one question at a time."""

    def __init__(self, address: Address, *, answer_wait_s: float = ANSWER_WAIT_S) -> None:
        self._address = address
        self._answer_wait_s = answer_wait_s
        self._client: AsyncModbusTcpClient | None = None
        self._maps: dict[int, dict[int, int]] = {}
        self._connect_at_s = 0.0

    async def read(self, unit_id: int, address: int, count: int, *, table: str = "holding") -> list[int]:
        """Return holding or input registers of a device, in as many messages as their number takes.

        Raises:
            NoAnswer: It gave none.
        """
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
        await self._ask(unit_id, lambda client: client.write_registers(address, list(words), device_id=unit_id))

    async def models(self, unit_id: int) -> dict[int, int]:
        """Return where each of a device's models starts, from a walk through its map; asked anew after a fault.

        Raises:
            NoAnswer: It gave none.
            NotReadable: Its registers are no SunSpec map.
        """
        if unit_id not in self._maps:
            self._maps[unit_id] = await self._walk(unit_id)
        return self._maps[unit_id]

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _read(self, unit_id: int, address: int, count: int, table: str) -> list[int]:
        def ask(client: AsyncModbusTcpClient) -> Awaitable[ModbusPDU]:
            wanted = client.read_input_registers if table == "input" else client.read_holding_registers
            return wanted(address, count=count, device_id=unit_id)

        response = await self._ask(unit_id, ask)
        if len(response.registers) != count:
            self.close()
            raise NoAnswer(f"unit {unit_id}: asked for {count} registers at {address}, got {len(response.registers)}")
        return list(response.registers)

    async def _ask(self, unit_id: int, ask: Callable[[AsyncModbusTcpClient], Awaitable[ModbusPDU]]) -> ModbusPDU:
        client = await self._connected()
        try:
            response = await ask(client)
        except (ModbusException, OSError) as fault:
            # What comes late on this connection would be taken for the next answer.
            self.close()
            self._maps.pop(unit_id, None)
            raise NoAnswer(f"unit {unit_id}: {fault}") from None
        if response.isError():
            self._maps.pop(unit_id, None)
            raise Refused(unit_id, response)
        return response

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is None or not self._client.connected:
            self.close()
            if monotonic_s() < self._connect_at_s:
                raise NoConnection(f"{self._address}: no connection")
            host, port = self._address
            client = AsyncModbusTcpClient(host, port=port, timeout=self._answer_wait_s, retries=0, reconnect_delay=0)
            if not await client.connect():
                client.close()
                if self._connect_at_s == 0:
                    logger.warning("field network is away", extra={"host": host, "port": port})
                self._connect_at_s = monotonic_s() + RECONNECT_EVERY_S
                raise NoConnection(f"{self._address}: no connection")
            self._client = client
            self._connect_at_s = 0.0
        return self._client

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
    """A connection to every address that devices answer at."""

    def __init__(self) -> None:
        self._lines: dict[Address, Line] = {}

    def to(self, device: Device) -> Line:
        """Return the connection to a device's address."""
        line = self._lines.get(device.address)
        if line is None:
            line = self._lines[device.address] = Line(device.address)
        return line

    def close(self) -> None:
        """Let go of all of them."""
        for line in self._lines.values():
            line.close()
