"""Bound what connections cost: how many there are, how long one may say nothing, how long it may not listen.

The server below (uvicorn) lets a client connect and say nothing for ever. Here a connection has a deadline whenever a
request of it is awaited, and another while it does not take what it is sent. Their number stays below what the process
may open; where it is reached, the oldest one that waits for its client makes room for the new one, and those whose
caller is known (a request of theirs was let in) go last.
"""

import asyncio
import logging
import resource
import signal
from collections import Counter
from types import FrameType

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from services.trading_api.text import JsonObject

logger = logging.getLogger(__name__)
# From the connection, or from the last answer, to the end of a request's header.
REQUEST_S = 10.0
# A client that takes nothing for so long has gone, or wants to be waited for.
STALL_S = 20.0
# Live connections get this long to end by themselves; the whole stop stays within ten seconds.
GRACE_S = 3
# As many may be accepted before the first of them is looked at.
BACKLOG = 32
# What the process opens besides: databases, the broker, files, logs.
OTHER_DESCRIPTORS = 128
CONNECTIONS_MIN, CONNECTIONS_MAX = 16, 10_000


def connections_max() -> int:
    """Return how many connections there may be under the process's limit of open descriptors."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = CONNECTIONS_MAX if soft == resource.RLIM_INFINITY else soft - OTHER_DESCRIPTORS - BACKLOG
    return min(max(free, CONNECTIONS_MIN), CONNECTIONS_MAX)


class Connections:
    """The open connections, in order of arrival: those of callers who are known, and the others.

    The unknown may take three quarters of all places; a known caller a quarter, and counts as unknown beyond.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._unknown_most = max(1, most * 3 // 4)
        self._known_most_each = max(1, most // 4)
        self._unknown: dict[BoundedConnection, None] = {}
        self._known: dict[BoundedConnection, str] = {}
        self._known_each: Counter[str] = Counter()

    def enter(self, connection: "BoundedConnection") -> bool:
        """Take in a new connection, in the place of another if need be; say False where there is no room at all."""
        full = len(self._unknown) + len(self._known) >= self._most
        if (full or len(self._unknown) >= self._unknown_most) and not self._make_room(known_too=full):
            logger.warning("a connection was refused: all places are taken", extra={"connections_max": self._most})
            return False
        self._unknown[connection] = None
        return True

    def leave(self, connection: "BoundedConnection") -> None:
        """Give a connection's place back."""
        self._unknown.pop(connection, None)
        caller = self._known.pop(connection, None)
        if caller is not None:
            self._known_each[caller] -= 1
            if not self._known_each[caller]:
                del self._known_each[caller]

    def recognise(self, connection: "BoundedConnection", caller: str) -> None:
        """Say whose connection it is: a request of that caller's was let in."""
        if connection in self._unknown and self._known_each[caller] < self._known_most_each:
            del self._unknown[connection]
            self._known[connection] = caller
            self._known_each[caller] += 1

    def _make_room(self, *, known_too: bool) -> bool:
        waiting = (connection for connection in self._unknown if connection.awaits_client)
        victim = next(waiting, None)
        if victim is None and known_too:
            victim = next((connection for connection in self._known if connection.awaits_client), None)
        if victim is None:
            return False
        self.leave(victim)
        victim.end()
        return True


class BoundedConnection(HttpToolsProtocol):
    """One connection, with its deadlines."""

    places: Connections

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: JsonObject,
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, {**app_state, "connection": self}, _loop)
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Say whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def awaits_client(self) -> bool:
        """Say whether it is the client's turn: to ask, to send the rest of a body, or to take what it is sent."""
        return self.idle or self.cycle.more_body or self.flow.write_paused

    def end(self) -> None:
        """Drop the connection at once, whatever is still to be sent."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base class has it
        """Begin, if there is room."""
        super().connection_made(transport)
        if self.places.enter(self):
            self._await_request()
        else:
            self.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.places.leave(self)
        self._cancel("_deadline")
        self._cancel("_stalled")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what came; only a whole header ends the wait for it."""
        super().data_received(data)
        self._await_request()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._await_request()

    def pause_writing(self) -> None:
        """Give a client that does not take what it is sent some time to do so."""
        super().pause_writing()
        self._stalled = self.loop.call_later(STALL_S, self.end)

    def resume_writing(self) -> None:
        """Go on: the client has taken enough."""
        super().resume_writing()
        self._cancel("_stalled")

    def _await_request(self) -> None:
        if not self.idle:
            self._cancel("_deadline")
        elif self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_S, self.end)

    def _cancel(self, name: str) -> None:
        timer: asyncio.TimerHandle | None = getattr(self, name)
        if timer is not None:
            timer.cancel()
            setattr(self, name, None)


class Server(uvicorn.Server):
    """A server that hands signals on at once: the run loop stops beside it, not when its last call has ended."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._before = signal.getsignal(signal.SIGTERM)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal here and where it would have been handled without the server."""
        if callable(self._before):
            self._before(sig, frame)
        super().handle_exit(sig, frame)


def http_server(app: ASGIApp, *, connections: int, trusted_proxies: str = "") -> uvicorn.Server:
    """Return the server of an application.

    Args:
        app: What answers.
        connections: How many there may be at a time.
        trusted_proxies: Addresses, separated by commas, whose `X-Forwarded-For` names the caller.
    """

    class Bounded(BoundedConnection):
        places = Connections(connections)

    config = uvicorn.Config(
        app,
        http=Bounded,
        loop="uvloop",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=int(REQUEST_S) + 1,  # the connection's own deadline comes first
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies or None,
        timeout_graceful_shutdown=GRACE_S,
    )
    return Server(config)


def recognise(request: Request, caller: str) -> None:
    """Say who calls over the request's connection, where the server is the one above."""
    connection = getattr(request.state, "connection", None)
    if isinstance(connection, BoundedConnection):
        connection.places.recognise(connection, caller)
