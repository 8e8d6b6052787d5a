"""One Modbus TCP connection with its faults made plain: an answer, or NoAnswer."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from services.fems.domain.registers import BASE, END_MODEL, HEADER_REGISTERS, MARKER, NotReadable
from shared.clock import monotonic_s
from shared.complexes import FieldNetwork

logger = logging.getLogger(__name__)

ANSWER_WAIT_S = 1.0
RECONNECT_EVERY_S = 0.5
MODELS_MAX = 64
ADDRESS_MAX = 65_535


class NoAnswer(Exception):  # noqa: N818 -- it says what the device gave
    """A device did not answer, refused the request, or answered with half a message."""


class NoConnection(NoAnswer):
    """The field network's address itself is away; no single device is to blame."""


class Line:
    """A connection to a field network's address, opened when it is needed and again after a fault."""

    def __init__(self, network: FieldNetwork) -> None:
        self._network = network
        self._client: AsyncModbusTcpClient | None = None
        self._maps: dict[int, dict[int, int]] = {}
        self._connect_at_s = 0.0

    async def read(self, unit_id: int, address: int, count: int) -> list[int]:
        """Return registers of a device.

        Raises:
            NoAnswer: It gave none.
        """
        response = await self._ask(
            unit_id, lambda client: client.read_holding_registers(address, count=count, device_id=unit_id)
        )
        if len(response.registers) != count:
            raise NoAnswer(f"unit {unit_id}: asked for {count} registers at {address}, got {len(response.registers)}")
        return list(response.registers)

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
            raise NoAnswer(f"unit {unit_id}: {response}")
        return response

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is None or not self._client.connected:
            self.close()
            if monotonic_s() < self._connect_at_s:
                raise NoConnection(f"{self._network.host}:{self._network.port}: no connection")
            network = self._network
            client = AsyncModbusTcpClient(
                network.host, port=network.port, timeout=ANSWER_WAIT_S, retries=0, reconnect_delay=0
            )
            if not await client.connect():
                client.close()
                if self._connect_at_s == 0:
                    logger.warning("field network is away", extra={"host": network.host, "port": network.port})
                self._connect_at_s = monotonic_s() + RECONNECT_EVERY_S
                raise NoConnection(f"{network.host}:{network.port}: no connection")
            self._client = client
            self._connect_at_s = 0.0
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
