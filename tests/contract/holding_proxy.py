"""A TCP proxy before a database that can hold: it accepts and takes in, and passes nothing on until it is released."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class HoldingProxy:
    """One server's proxy, in a thread of its own."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._open.set()
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0

    def hold(self) -> None:
        """Pass nothing on from now on."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def release(self) -> None:
        """Pass everything on, what was held included."""
        self._loop.call_soon_threadsafe(self._open.set)

    def run(self, began: threading.Event) -> None:
        """Listen until stopped."""
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        began.set()
        self._loop.run_forever()
        server.close()
        self._open.set()
        for writer in self._writers:
            writer.close()
        self._loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(self._loop), return_exceptions=True))
        self._loop.close()

    def stop(self) -> None:
        """Let go of all connections."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._socket_path)
        self._writers += [writer, back]
        try:
            await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer))
        except ConnectionError:
            pass  # one side hung up on the other
        finally:
            back.close()
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65_536):
            await self._open.wait()
            writer.write(chunk)
            await writer.drain()
        writer.close()


@contextmanager
def holding_proxy(socket_path: str) -> Iterator[HoldingProxy]:
    """Run a proxy before the server that listens at a Unix socket."""
    proxy, began = HoldingProxy(socket_path), threading.Event()
    thread = threading.Thread(target=proxy.run, args=(began,), name="holding-proxy")
    thread.start()
    began.wait()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join()
