"""The one Modbus TCP connection to an address, shared by all that ask devices behind it.

Many meters and gateways take a single client and answer one question at a time, so polls, records and commands take
turns on one connection. It is opened when it is needed, and again after a fault.
"""

import asyncio
import heapq
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from shared.clock import monotonic_s
from shared.complex.model import Address, LineSettings

logger = logging.getLogger(__name__)

FRAMERS = {"tcp": FramerType.SOCKET, "rtu": FramerType.RTU}
# A device has to see the end of the old connection before it takes the next one.
REOPEN_S_MIN, REOPEN_S_MAX = 0.1, 5.0
# A question waits so long for the next connection; while an address is away for longer it is told so at once.
REOPEN_S_WAITED_FOR = 0.5

Question = Callable[[AsyncModbusTcpClient], Awaitable[ModbusPDU]]
Fits = Callable[[ModbusPDU], bool]


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


class Connection:
    """One address's.

    Attributes:
        maps: The models of each unit with where they start, as far as they were walked through; forgotten after a
            unit's fault, and all of them when the address was away.
        refused: What reads each unit refused, as (table, address, count), although it has the registers.
    """

    def __init__(self, address: Address, settings: LineSettings | None = None) -> None:
        self._address = address
        self._settings = settings or LineSettings()
        self._turns = _Turns()
        self._client: AsyncModbusTcpClient | None = None
        self._asking = self._has_answered = False
        # How often in a row the address gave no connection, or one that it closed without a single answer.
        self._failures = 0
        self._reopen_at_s = 0.0
        self.maps: dict[int, list[tuple[int, int]]] = {}
        self.refused: dict[int, set[tuple[str, int, int]]] = {}

    async def ask(self, unit_id: int, question: Question, fits: Fits, *, urgent: bool = False) -> ModbusPDU:
        """Ask when it is this question's turn; of those that wait, urgent ones are next, then the one that came first.

        An answer that does not fit the question is none.

        Raises:
            NoAnswer: The unit gave none.
        """
        async with self._turns.turn(urgent=urgent):
            client = await self._opened()
            self._asking = True
            try:
                response = await _answer(client, question, fits)
            except (ModbusException, OSError) as fault:
                self.maps.pop(unit_id, None)
                if self._failures > 1:
                    raise NoConnection(f"{self._address}: {fault}") from None
                raise NoAnswer(f"unit {unit_id}: {fault}") from None
            else:
                self._note_answer()
            finally:
                if self._asking:
                    # No answer came, or nobody waits for it any more: coming late, it would be taken for the next one.
                    self.close()
            if response.isError():
                raise Refused(unit_id, response)
            return response

    def close(self) -> None:
        """Let go of the connection; the next question opens another, a moment later."""
        self._asking = self._has_answered = False
        if self._client is not None:
            self._client.close()
            self._client = None
            # Counted from now on, so that the old connection has gone before the new one comes.
            self._reopen_at_s = monotonic_s() + min(REOPEN_S_MIN * 2 ** min(self._failures, 10), REOPEN_S_MAX)

    async def _opened(self) -> AsyncModbusTcpClient:
        if self._client is not None and self._client.connected:
            return self._client
        self.close()
        wait_s = self._reopen_at_s - monotonic_s()
        if wait_s > REOPEN_S_WAITED_FOR:
            raise NoConnection(f"{self._address}: no connection")
        await asyncio.sleep(max(wait_s, 0))
        host, port = self._address
        self._client = client = AsyncModbusTcpClient(
            host,
            port=port,
            framer=FRAMERS[self._settings.framing],
            timeout=self._settings.answer_within_s,
            retries=0,
            reconnect_delay=0,
            trace_connect=self._on_connection,
        )
        try:
            reason = None if await client.connect() else "no connection"
        except ValueError as error:
            # A name that can't be one: the resolver's own encoding refuses it.
            reason = str(error)
        if reason is not None:
            self._note_failure(reason)
            self.close()
            raise NoConnection(f"{self._address}: {reason}")
        return client

    def _on_connection(self, made: bool) -> None:
        """End the question on a connection that the other side closes; pymodbus would let it wait out its time."""
        if made or self._client is None:
            return
        if not self._has_answered:
            self._note_failure("closed without an answer; it may take one connection only, which another has")
        waiting = self._client.ctx.response_future
        if self._asking and not waiting.done():
            waiting.set_exception(ConnectionException("the connection was closed by the other side"))

    def _note_answer(self) -> None:
        self._asking, self._has_answered = False, True
        if self._failures:
            logger.info("field network is back", extra={"address": str(self._address)})
            self._failures = 0

    def _note_failure(self, reason: str) -> None:
        if self._failures == 0:
            logger.warning("field network is away", extra={"address": str(self._address), "reason": reason})
        self._failures += 1
        self.maps.clear()
        self.refused.clear()


async def _answer(client: AsyncModbusTcpClient, question: Question, fits: Fits) -> ModbusPDU:
    response = await question(client)
    if not (response.isError() or fits(response)):
        raise ModbusException("answered something else than what was asked for")
    return response


class _Turns:
    """Who asks next. Whoever has its turn passes it on when done, so that nobody can step in between."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._numbers = count()

    @asynccontextmanager
    async def turn(self, *, urgent: bool) -> AsyncIterator[None]:
        """Wait for a turn, and have it."""
        if self._taken:
            mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (not urgent, next(self._numbers), mine))
            try:
                await mine
            except asyncio.CancelledError:
                if not mine.cancelled():
                    self._pass_on()
                raise
        self._taken = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            _, _, next_one = heapq.heappop(self._waiting)
            if not next_one.done():
                next_one.set_result(None)
                return
        self._taken = False
