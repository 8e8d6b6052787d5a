"""The trading API with its console on a real port, in a thread, fed by hand."""

import functools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.trading_api.console.pages import add_console
from services.trading_api.http.connections import http_server
from shared.clock import SharedClock, monotonic_s, pause
from shared.scenes import SceneFolder
from tests.component.trading_api.trading_api_bench import ApiBench

NEVER_S = 20


@contextmanager
def served(
    bench: ApiBench,
    port: int = 0,
    connections: int = 100,
    *,
    clock: SharedClock | None = None,
    scenes: SceneFolder | None = None,
) -> Iterator[str]:
    """Serve a bench, on a demo's clock and with its scenes where they are given; it is ready when this returns."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    console = functools.partial(add_console, complexes=bench.complexes, scenes=scenes is not None)
    app = bench.app(console, clock=clock, simulated_clock=clock, scenes=scenes)
    server = http_server(app, connections=connections)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        app.state.feed.close()
        server.should_exit = True
        thread.join(10)


def until(holds: Callable[[], bool]) -> None:
    """Wait for what comes by itself, and soon."""
    ends_at_s = monotonic_s() + NEVER_S
    while not holds():
        assert monotonic_s() < ends_at_s, "it never came"
        pause(0.05)
