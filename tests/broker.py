"""A broker of the kind that the launcher starts, for tests and benchmarks."""

from pathlib import Path

from cli.brokers import Broker, launch_broker
from cli.starting import Say, StartWait


def open_broker(folder: Path, say: Say) -> Broker:
    """Find or start a broker, create the topics, and return it.

    Args:
        folder: Where a child broker keeps its log and data.
        say: Takes a sentence for the person who waits.

    Raises:
        BadInput: The named cluster doesn't answer, or no broker could be started.
    """
    wait = StartWait()
    broker = launch_broker(folder, say, wait)
    try:
        broker.wait_until_it_answers(say, wait)
    except BaseException:
        broker.stop()
        raise
    return broker
