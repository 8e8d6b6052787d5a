"""The trading API with its console on a real port, in a thread, fed by hand."""

import functools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from services.trading_api.api.app import create_app
from services.trading_api.console.pages import add_console
from tests.component.trading_api_bench import ApiBench


@contextmanager
def served(bench: ApiBench, port: int = 0) -> Iterator[str]:
    """Serve a bench and yield its address; it is ready when this returns."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    parts = bench.parts()
    app = create_app(parts, functools.partial(add_console, complexes=parts.complexes))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        parts.feed.close()
        server.should_exit = True
        thread.join(10)
