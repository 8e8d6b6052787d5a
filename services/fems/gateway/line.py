"""One Modbus TCP connection with its faults made plain: an answer, or NoAnswer."""

from collections.abc import Sequence

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from services.fems.domain.registers import BASE, END_MODEL, HEADER_REGISTERS, MARKER, NotReadable
from shared.complexes import FieldNetwork

ANSWER_WAIT_S = 1.0
MODELS_MAX = 64
ADDRESS_MAX = 65_535


class NoAnswer(Exception):  # noqa: N818 -- it says what the device gave
    """A device did not answer, refused the request, or answered with half a message."""


class Line:
    """A connection to a field network's address, opened when it is needed and again after a fault."""

    def __init__(self, network: FieldNetwork) -> None:
        self._network = network
        self._client: AsyncModbusTcpClient | None = None
        self._maps: dict[int, dict[int, int]] = {}

    async def read(self, unit_id: int, address: int, count: int) -> list[int]:
        """Return registers of a device.

        Raises:
            NoAnswer: It gave none.
        """
        client = await self._connected()
        try:
            response = await client.read_holding_registers(address, count=count, device_id=unit_id)
        except (ModbusException, OSError) as fault:
            self.close()
            raise NoAnswer(f"unit {unit_id}: {fault}") from None
        _require_success(unit_id, response)
        if len(response.registers) != count:
            raise NoAnswer(f"unit {unit_id}: asked for {count} registers at {address}, got {len(response.registers)}")
        return list(response.registers)

    async def write(self, unit_id: int, address: int, words: Sequence[int]) -> None:
        """Write registers of a device in one message.

        Raises:
            NoAnswer: It did not say that it took them.
        """
        client = await self._connected()
        try:
            response = await client.write_registers(address, list(words), device_id=unit_id)
        except (ModbusException, OSError) as fault:
            self.close()
            raise NoAnswer(f"unit {unit_id}: {fault}") from None
        _require_success(unit_id, response)

    async def models(self, unit_id: int) -> dict[int, int]:
        """Return where each of a device's models starts, from a walk through its map; asked once a connection.

        Raises:
            NoAnswer: It gave none.
            NotReadable: Its registers are no SunSpec map.
        """
        if unit_id not in self._maps:
            self._maps[unit_id] = await self._walk(unit_id)
        return self._maps[unit_id]

    def close(self) -> None:
        """Let go of the connection, and of what was learnt through it."""
        if self._client is not None:
            self._client.close()
            self._client = None
        self._maps.clear()

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is None or not self._client.connected:
            self.close()
            network = self._network
            client = AsyncModbusTcpClient(
                network.host, port=network.port, timeout=ANSWER_WAIT_S, retries=0, reconnect_delay=0
            )
            if not await client.connect():
                client.close()
                raise NoAnswer(f"{network.host}:{network.port}: no connection")
            self._client = client
        return self._client

    async def _walk(self, unit_id: int) -> dict[int, int]:
        marker = await self.read(unit_id, BASE, len(MARKER))
        if tuple(marker) != MARKER:
            raise NotReadable(f"unit {unit_id}: no SunSpec map at {BASE}")
        found: dict[int, int] = {}
        address = BASE + len(MARKER)
        for _ in range(MODELS_MAX):
            model_id, length = await self.read(unit_id, address, HEADER_REGISTERS)
            if model_id == END_MODEL:
                return found
            found.setdefault(model_id, address)
            address += length + HEADER_REGISTERS
            if address + HEADER_REGISTERS > ADDRESS_MAX:
                break
        raise NotReadable(f"unit {unit_id}: the map has no end model")


def _require_success(unit_id: int, response: ModbusPDU) -> None:
    if response.isError():
        raise NoAnswer(f"unit {unit_id}: {response}")
