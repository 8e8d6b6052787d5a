"""A Modbus TCP server with the habits of small meters: it takes one client, and answers when a test lets it."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from enum import Enum
from typing import Self

Answer = Callable[[int, bytes], Awaitable[bytes | None]]

READ_HOLDING, READ_INPUT = 3, 4
FAULT_BIT, NO_SUCH_ADDRESS = 0x80, 2
HEADER = struct.Struct(">HHHB")


class Second(Enum):
    """What becomes of a client that comes while there is one."""

    REFUSED = "refused"
    TAKES_OVER = "takes over"
    UNHEARD = "unheard"


class PickyDevice:
    """One port.

    Attributes:
        questions: The unit ids that were asked, in order.
        connections: How many there were.
        most_at_once: How many of them at the same time.
    """

    def __init__(
        self, port: int, answer: Answer, second: Second = Second.REFUSED, *, numbers_answers: bool = True
    ) -> None:
        self._port = port
        self._answer = answer
        self._second = second
        self._numbers_answers = numbers_answers
        self._clients: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.questions: list[int] = []
        self.connections = self.most_at_once = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._on_client, "127.0.0.1", self._port)

    async def stop(self) -> None:
        """Be gone, as a device without power is once its switch notices."""
        if self._server is not None:
            self._server.close()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self.connections += 1
        is_heard = True
        if self._clients:
            self.most_at_once = max(self.most_at_once, len(self._clients) + 1)
            is_heard = self._second is Second.TAKES_OVER
            if self._second is Second.REFUSED:
                writer.transport.abort()
                self._serving.discard(task)
                return
            if is_heard:
                for other in self._clients:
                    other.transport.abort()
        self._clients.append(writer)
        self.most_at_once = max(self.most_at_once, len(self._clients))
        try:
            while True:
                await self._serve(reader, writer, is_heard=is_heard)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._clients.remove(writer)
            self._serving.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_heard: bool) -> None:
        number, _, length, unit_id = HEADER.unpack(await reader.readexactly(HEADER.size))
        question = await reader.readexactly(length - 1)
        if not is_heard:
            return
        self.questions.append(unit_id)
        answer = await self._answer(unit_id, question)
        if answer is not None:
            told = number if self._numbers_answers else 0
            writer.write(HEADER.pack(told, 0, len(answer) + 1, unit_id) + answer)
            await writer.drain()


def registers(tables: Mapping[int, Mapping[int, int]]) -> Answer:
    """Return a device with some registers by unit; what it lacks it refuses."""

    async def answer(unit_id: int, question: bytes) -> bytes:
        address, count = struct.unpack_from(">HH", question, 1)
        known = tables[unit_id]
        if question[0] not in (READ_HOLDING, READ_INPUT) or any(
            n not in known for n in range(address, address + count)
        ):
            return bytes([question[0] | FAULT_BIT, NO_SUCH_ADDRESS])
        words = [known[n] for n in range(address, address + count)]
        return bytes([question[0], 2 * count]) + struct.pack(f">{count}H", *words)

    return answer


@asynccontextmanager
async def in_front_of(port: int, behind: int, second: Second = Second.REFUSED) -> AsyncIterator[PickyDevice]:
    """Put such a server in front of devices that take any number of clients."""
    reader, writer = await asyncio.open_connection("127.0.0.1", behind)
    one_at_a_time = asyncio.Lock()

    async def answer(unit_id: int, question: bytes) -> bytes:
        async with one_at_a_time:
            writer.write(HEADER.pack(1, 0, len(question) + 1, unit_id) + question)
            _, _, length, _ = HEADER.unpack(await reader.readexactly(HEADER.size))
            return await reader.readexactly(length - 1)

    try:
        async with PickyDevice(port, answer, second) as device:
            yield device
    finally:
        writer.close()
        await writer.wait_closed()
