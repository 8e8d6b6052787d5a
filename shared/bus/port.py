"""The promises every bus keeps; `tests/contract/test_bus.py` holds both adapters to them.

Delivery is at least once. Messages of one key stay in order. What was not committed comes again after a restart.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.bus.acknowledged import Acknowledged
from shared.events.wire import Message


class BusUnavailable(Exception):  # noqa: N818 -- it says what the bus is
    """The broker can't be reached or doesn't answer; the same call may succeed later."""


class BusRefused(Exception):  # noqa: N818 -- it says what the bus did
    """The broker answers and says no (rights, versions, sizes); waiting would not help, a person has to."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message with its place in the log."""

    message: Message
    partition: int
    offset: int


# How far a service has taken in each partition, as its own database says: the next offset by topic and partition.
Consumed = Callable[[], Mapping[tuple[str, int], int]]


def nothing_consumed() -> Mapping[tuple[str, int], int]:
    """Return the offsets of who keeps none."""
    return {}


class Consumer(Protocol):
    """One member of one service's group."""

    def poll(self, wait_s: float) -> Sequence[Received]:
        """Return what has arrived, waiting for the first message at most `wait_s`; empty when nothing came."""
        ...

    def joined(self) -> bool:
        """Say whether the group has given this member its share of the partitions."""
        ...

    def commit(self) -> None:
        """Say that all that was polled is dealt with."""
        ...

    def rewind(self) -> None:
        """Go back to the last commit, so that what was polled since comes again."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


class Publisher(Protocol):
    """The way out."""

    def publish(self, messages: Iterable[Message]) -> None:
        """Send the messages in order and return when the broker has them all; raise BusUnavailable otherwise.

        Every call of the port may raise BusRefused too.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class Bus(Protocol):
    """A place to read from and write to."""

    def consumer(self, service: str, topics: Sequence[str], consumed: Consumed = nothing_consumed) -> Consumer:
        """Join a service's group on some topics, from the earliest uncommitted message on.

        Where the service knows of an earlier offset than the group has committed, its database is older than the
        commit (it was restored, or lost its disk), and messages come from the service's offset on. An offset behind the
        commit is passed over: another broker may stand there, and a repeat does no harm.
        """
        ...

    def publisher(self, service: str) -> Publisher:
        """Open the way out for a service."""
        ...

    @property
    def acknowledged(self) -> Acknowledged:
        """Return what the broker last acknowledged; the bus itself writes down each answer."""
        ...

    def heed(self, stop: threading.Event) -> None:
        """Wait for the broker no more once `stop` is set: what would block raises BusUnavailable soon."""
        ...
