"""One connection to one address: whose turn it is, and that no answer is taken for another question's."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from services.fems.domain.registers.sunspec import NotReadable
from services.fems.gateway.connection import Connection, NoAnswer, NoConnection
from services.fems.gateway.modbus import Line
from shared.complex.model import Address, LineSettings
from tests.integration.fems.field_town import a_free_port
from tests.integration.fems.picky_device import PickyDevice, registers

T = TypeVar("T")

PLACE = 7
# Unit n shows n at one place, so that answers can be told apart.
SHOWN = registers({unit_id: {PLACE: unit_id} for unit_id in range(1, 30)})
# Longer than any test may take: what is not ended by what happens fails.
FOR_EVER_S = 60.0
GIVE_UP_S = 20.0


def asked(
    ask: Callable[[Connection, PickyDevice], Awaitable[T]],
    answer: Callable[[int, bytes], Awaitable[bytes | None]] = SHOWN,
    *,
    answer_wait_s: float = FOR_EVER_S,
    numbers_answers: bool = True,
) -> T:
    async def run() -> T:
        port = a_free_port()
        async with PickyDevice(port, answer, numbers_answers=numbers_answers) as device, asyncio.timeout(GIVE_UP_S):
            connection = Connection(Address("127.0.0.1", port), LineSettings(answer_within_s=answer_wait_s))
            try:
                return await ask(connection, device)
            finally:
                connection.close()

    return asyncio.run(run())


async def shown_by(line: Line, unit_id: int) -> int | str:
    try:
        [word] = await line.read(unit_id, PLACE, 1)
    except NoAnswer as fault:
        return fault.kind
    return word


def test_command_is_asked_next_and_the_others_in_the_order_in_which_they_came() -> None:
    first_is_asked, may_answer = asyncio.Event(), asyncio.Event()

    async def answer(unit_id: int, question: bytes) -> bytes | None:
        first_is_asked.set()
        await may_answer.wait()
        return await SHOWN(unit_id, question)

    async def ask(connection: Connection, device: PickyDevice) -> list[int]:
        polls, command = Line(connection), Line(connection, urgent=True)
        # Twenty messages of a long record, of which the first is under way when the command comes.
        record = [asyncio.create_task(shown_by(polls, unit_id)) for unit_id in range(1, 21)]
        await first_is_asked.wait()
        told = asyncio.create_task(shown_by(command, 25))
        await asyncio.sleep(0)
        may_answer.set()
        assert await asyncio.gather(*record, told) == [*range(1, 21), 25]
        return device.questions

    assert asked(ask, answer) == [1, 25, *range(2, 21)]


@pytest.mark.parametrize("numbers_answers", [True, False])
def test_answer_that_comes_late_is_not_taken_for_the_next_question_s(*, numbers_answers: bool) -> None:
    late = asyncio.Event()

    async def answer(unit_id: int, question: bytes) -> bytes | None:
        if unit_id == 1:
            await late.wait()
        return await SHOWN(unit_id, question)

    async def ask(connection: Connection, device: PickyDevice) -> list[int | str]:
        line = Line(connection)
        first = await shown_by(line, 1)
        late.set()
        return [first, await shown_by(line, 2), await shown_by(line, 3), device.most_at_once]

    assert asked(ask, answer, answer_wait_s=0.3, numbers_answers=numbers_answers) == ["no_answer", 2, 3, 1]


def test_old_connection_is_gone_before_the_new_one_comes() -> None:
    async def answer(unit_id: int, question: bytes) -> bytes | None:
        return None if unit_id % 2 else await SHOWN(unit_id, question)

    async def ask(connection: Connection, device: PickyDevice) -> tuple[list[int | str], int]:
        return [await shown_by(Line(connection), unit_id) for unit_id in range(1, 7)], device.most_at_once

    # The device refuses a second connection: nobody suffers from the silent units' faults.
    silent = "no_answer"
    assert asked(ask, answer, answer_wait_s=0.2) == ([silent, 2, silent, 4, silent, 6], 1)


def test_question_on_a_connection_that_the_device_closes_ends_at_once() -> None:
    async def answer(unit_id: int, question: bytes) -> bytes | None:
        if unit_id == 1:
            raise ConnectionResetError
        return await SHOWN(unit_id, question)

    async def ask(connection: Connection, device: PickyDevice) -> list[int | str]:
        del device
        return [await shown_by(Line(connection), unit_id) for unit_id in (2, 1, 3)]

    # The wait for an answer is longer than the test may take.
    assert asked(ask, answer) == [2, "no_answer", 3]


def test_address_that_closes_every_connection_is_to_blame_itself_and_asked_less_and_less_often() -> None:
    async def answer(unit_id: int, question: bytes) -> bytes | None:
        del unit_id, question
        raise ConnectionResetError

    async def ask(connection: Connection, device: PickyDevice) -> tuple[list[int | str], int]:
        return [await shown_by(Line(connection), unit_id) for unit_id in range(1, 10)], device.connections

    # The first might be that unit's own habit. From the third on 0.8 s have to pass, for which no question waits.
    assert asked(ask, answer) == (["no_answer"] + ["no_connection"] * 8, 3)


def test_question_that_nobody_waits_for_any_more_passes_its_turn_on() -> None:
    is_asked = asyncio.Event()

    async def answer(unit_id: int, question: bytes) -> bytes | None:
        is_asked.set()
        return None if unit_id == 1 else await SHOWN(unit_id, question)

    async def ask(connection: Connection, device: PickyDevice) -> tuple[int | str, int]:
        line = Line(connection)
        under_way = asyncio.create_task(shown_by(line, 1))
        await is_asked.wait()
        waiting = asyncio.create_task(shown_by(line, 2))
        third = asyncio.create_task(shown_by(line, 3))
        await asyncio.sleep(0)
        waiting.cancel()
        under_way.cancel()
        return await third, device.most_at_once

    assert asked(ask, answer) == (3, 1)


@pytest.mark.parametrize(
    "odd", [b"\x03\x04\x00\x01", b"\x04\x02\x00\x01", b"\x10\x00\x07\x00\x01", b"\x63\x01", b"\x03"]
)
def test_answer_to_another_question_is_none(odd: bytes) -> None:
    async def answer(unit_id: int, question: bytes) -> bytes | None:
        return odd if unit_id == 1 else await SHOWN(unit_id, question)

    async def ask(connection: Connection, device: PickyDevice) -> list[int | str]:
        del device
        return [await shown_by(Line(connection), unit_id) for unit_id in (2, 1, 3)]

    assert asked(ask, answer, answer_wait_s=0.3) == [2, "no_answer", 3]


def test_registers_beyond_the_last_are_not_asked_for() -> None:
    async def ask(connection: Connection, device: PickyDevice) -> list[int]:
        with pytest.raises(NotReadable, match=r"registers must be in \[0, 65535\], were 65530 to 65539"):
            await Line(connection).read(1, 65_530, 10)
        return device.questions

    assert asked(ask) == []


@pytest.mark.parametrize("host", ["a..b", "a" * 70, "\x00"])
def test_host_that_is_no_name_is_an_address_that_is_away(host: str) -> None:
    async def ask() -> None:
        await Line(Connection(Address(host, 502))).read(1, 0, 1)

    with pytest.raises(NoConnection):
        asyncio.run(ask())
