"""The gateway's process: `python -m services.fems`."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from services.fems import handlers
from services.fems.gateway.running import Gateway
from shared.process import open_context, run, serve, stop_on_signals


def main() -> None:
    """Run the devices' side in a thread beside the bus's; the end of either is the end of both."""
    context = open_context("fems")
    # A device's silence is said once, by the gateway itself.
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    stop = stop_on_signals()
    gateway = Gateway(context.complexes, context.clock, context.engine)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="gateway") as threads:
        devices = threads.submit(lambda: asyncio.run(gateway.run(stop)))
        devices.add_done_callback(lambda _: stop.set())
        try:
            serve(handlers.service(context.complexes), context, stop)
        finally:
            stop.set()
        devices.result()


if __name__ == "__main__":
    run(main)
