"""PostgreSQL's connection with a limit to its patience: a server that accepts and never answers is hung up on.

Neither keepalives nor the server's own timeouts help there: the other end is alive, and the news of a timeout is held
up like all other answers.
"""

import threading
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen

from shared.clock import monotonic_s

# The server's own limit comes first where it can, as the connection lives on then.
HANG_UP_AFTER = 1.1


def connection_class(
    answer_s: float, *, ending: threading.Event, last_answer_s: float
) -> type[psycopg.Connection[Any]]:
    """Return a class of connections that wait so long for each answer, and are closed when it does not come.

    Args:
        answer_s: The longest wait.
        ending: Set once the process is to end; then an answer gets `last_answer_s` at most.
        last_answer_s: See above.
    """

    class Bounded(psycopg.Connection[Any]):
        def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
            """Wait for an answer.

            Raises:
                psycopg.OperationalError: It did not come in time; the connection is of no more use.
            """
            return super().wait(self._watched(gen), interval, timeout)

        def _watched(self, gen: PQGen[RV]) -> PQGen[RV]:
            begun_s = monotonic_s()
            try:
                wanted = next(gen)
                while True:
                    ready = yield wanted
                    # Nothing is ready each time that the interval is over.
                    waited_s = monotonic_s() - begun_s
                    if not ready and (
                        waited_s > HANG_UP_AFTER * answer_s or (ending.is_set() and waited_s > last_answer_s)
                    ):
                        self.pgconn.finish()
                        raise psycopg.OperationalError(f"the server did not answer within {waited_s:.1f} s")
                    wanted = gen.send(ready)
            except StopIteration as done:
                answer: RV = done.value
                return answer

    return Bounded
