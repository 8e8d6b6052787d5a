"""Devices as they are met in the field: their registers, and the habits with which they answer."""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pymodbus.framer import FramerRTU

from services.fems.domain.registers.sunspec import MARKER, model, unimplemented
from tests.integration.fems.picky_device import FAULT_BIT, HEADER, NO_SUCH_ADDRESS

END = (0xFFFF, 0)
_FORMATS = {"int16": ">h", "sunssf": ">h", "uint16": ">H", "acc32": ">I", "uint64": ">Q", "float32": ">f"}


def words_of(model_id: int, **told: float | str) -> list[int]:
    """Return a model's registers with some points told and all others not implemented."""
    layout = model(model_id)
    words: list[int] = []
    for point in layout.points.values():
        if point.name == "ID":
            words.append(model_id)
        elif point.name == "L":
            words.append(layout.length)
        elif point.kind == "string":
            words += struct.unpack(
                f">{point.size}H", str(told.get(point.name, "")).encode().ljust(2 * point.size, b"\0")
            )
        elif point.name in told:
            number = float(told[point.name])
            content = struct.pack(_FORMATS[point.kind], number if point.kind == "float32" else round(number))
            words += struct.unpack(f">{point.size}H", content)
        else:
            words += unimplemented(point)
    return words


def map_of(*models: Iterable[int], base: int = 40_000, end: Iterable[int] = END) -> dict[int, int]:
    """Return the registers of a SunSpec map, by address."""
    words = [*MARKER, *(word for one in models for word in one), *end]
    return dict(enumerate(words, start=base))


@dataclass
class OddDevice:
    """What a unit has and does.

    Attributes:
        registers: By address.
        blocks: Reads have to lie within one of these (first, last); None: any.
        most: Registers that one read may ask for.
        delay_s: How long it thinks.
        hole_code: How it refuses what it lacks.
        since_refusal: How many questions were answered since the last that was not.
    """

    registers: Mapping[int, int]
    blocks: Sequence[tuple[int, int]] | None = None
    most: int = 125
    delay_s: float = 0.0
    hole_code: int = NO_SUCH_ADDRESS
    since_refusal: int = 0

    async def answer(self, question: bytes) -> bytes:
        """Return what it says to a question."""
        await asyncio.sleep(self.delay_s)
        address, count = struct.unpack_from(">HH", question, 1)
        last = address + count - 1
        within = self.blocks is None or any(first <= address and last <= end for first, end in self.blocks)
        if count > self.most or not within:
            self.since_refusal = 0
            return bytes([question[0] | FAULT_BIT, 3 if count > self.most else NO_SUCH_ADDRESS])
        if any(place not in self.registers for place in range(address, last + 1)):
            return bytes([question[0] | FAULT_BIT, self.hole_code])
        self.since_refusal += 1
        words = [self.registers[place] for place in range(address, last + 1)]
        return bytes([question[0], 2 * count]) + struct.pack(f">{count}H", *words)


@asynccontextmanager
async def answering(port: int, units: Mapping[int, OddDevice], *, rtu: bool = False) -> AsyncIterator[None]:
    """Let units answer at a port, in Modbus TCP or in RTU frames over TCP."""

    async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await (_serve_rtu if rtu else _serve_tcp)(reader, writer, units)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(on_client, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def _serve_tcp(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, units: Mapping[int, OddDevice]
) -> None:
    number, _, length, unit_id = HEADER.unpack(await reader.readexactly(HEADER.size))
    question = await reader.readexactly(length - 1)
    answer = await units[unit_id].answer(question) if unit_id in units else None
    if answer is not None:
        writer.write(HEADER.pack(number, 0, len(answer) + 1, unit_id) + answer)
        await writer.drain()


async def _serve_rtu(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, units: Mapping[int, OddDevice]
) -> None:
    # Unit id, function, address, count and checksum of a read.
    frame = await reader.readexactly(8)
    assert FramerRTU.compute_CRC(frame[:-2]).to_bytes(2, "big") == frame[-2:], "the question has no valid checksum"
    answer = await units[frame[0]].answer(frame[1:-2]) if frame[0] in units else None
    if answer is not None:
        said = frame[:1] + answer
        writer.write(said + FramerRTU.compute_CRC(said).to_bytes(2, "big"))
        await writer.drain()
