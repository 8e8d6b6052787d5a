"""A bus inside one process. What runs, runs on a broker."""

import itertools
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

from shared.bus.acknowledged import Acknowledged
from shared.bus.port import BusUnavailable, Consumed, Received, nothing_consumed
from shared.events.topics import PARTITIONS, partition_of
from shared.events.wire import Message


class MemoryBus:
    """Partitioned logs in lists, and a committed offset for each group."""

    def __init__(self) -> None:
        self.available = True
        self.acknowledged = Acknowledged()
        # Each message with its number over all topics, in the order of arrival.
        self._logs: dict[tuple[str, int], list[tuple[int, Message]]] = defaultdict(list)
        self._arrivals = itertools.count()
        self._committed: dict[tuple[str, str, int], int] = defaultdict(int)

    def consumer(self, service: str, topics: Sequence[str], consumed: Consumed = nothing_consumed) -> "MemoryConsumer":
        """Join a service's group; a new member takes over all partitions."""
        return MemoryConsumer(self, service, topics, consumed)

    def publisher(self, service: str) -> "MemoryPublisher":
        """Open the way out; the name is not needed here."""
        del service
        return MemoryPublisher(self)

    def heed(self, stop: threading.Event) -> None:
        """Do nothing: there is nothing to wait for."""

    def messages(self, topic: str) -> list[Message]:
        """Return all that a topic holds, partition by partition."""
        return [message for part in range(PARTITIONS) for _, message in self._logs[topic, part]]

    def append(self, message: Message) -> None:
        """Put a message behind the others of its complex."""
        self._require_available()
        partition = partition_of(message.complex_id)
        self._logs[message.topic, partition].append((next(self._arrivals), message))

    def beginnings(
        self, service: str, topics: Sequence[str], consumed: Mapping[tuple[str, int], int]
    ) -> dict[tuple[str, int], int]:
        """Return where a new member of a group begins: where the group was, or where the service's database is."""
        committed = {
            (topic, part): self._committed[service, topic, part] for topic in topics for part in range(PARTITIONS)
        }
        return {place: min(offset, consumed.get(place, offset)) for place, offset in committed.items()}

    def read(self, topics: Sequence[str], positions: dict[tuple[str, int], int]) -> list[Received]:
        """Return what lies beyond a member's positions in its order of arrival, and move them."""
        self._require_available()
        arrived: list[tuple[int, Received]] = []
        for topic in topics:
            for partition in range(PARTITIONS):
                place = (topic, partition)
                start = positions[place]
                log = self._logs[place]
                arrived += [
                    (number, Received(message, partition, start + offset))
                    for offset, (number, message) in enumerate(log[start:])
                ]
                positions[place] = len(log)
        return [received for _, received in sorted(arrived, key=itemgetter(0))]

    def commit(self, service: str, positions: dict[tuple[str, int], int]) -> None:
        """Keep a group's positions."""
        self._require_available()
        for (topic, partition), offset in positions.items():
            self._committed[service, topic, partition] = offset

    def _require_available(self) -> None:
        if not self.available:
            raise BusUnavailable("the memory bus was switched off")
        self.acknowledged.answered()


class MemoryConsumer:
    """One group's reader."""

    def __init__(
        self, bus: MemoryBus, service: str, topics: Sequence[str], consumed: Consumed = nothing_consumed
    ) -> None:
        self._bus = bus
        self._consumed = consumed
        self._service = service
        self._topics = topics
        self._positions: dict[tuple[str, int], int] = {}

    def poll(self, wait_s: float) -> Sequence[Received]:
        """Return what has arrived; nothing else runs in this process, so there is nothing to wait for."""
        del wait_s
        if not self._positions:
            self._positions = self._bus.beginnings(self._service, self._topics, self._consumed())
        return self._bus.read(self._topics, self._positions)

    def joined(self) -> bool:
        """Say yes: a member owns all partitions from the start."""
        return True

    def commit(self) -> None:
        """Keep the group's positions."""
        self._bus.commit(self._service, self._positions)

    def rewind(self) -> None:
        """Forget the positions; the next poll starts at the group's committed ones."""
        self._positions.clear()

    def close(self) -> None:
        """Leave; there is nothing to let go of."""


class MemoryPublisher:
    """A writer to the bus."""

    def __init__(self, bus: MemoryBus) -> None:
        self._bus = bus

    def publish(self, messages: Iterable[Message]) -> None:
        """Append the messages in order."""
        for message in messages:
            self._bus.append(message)

    def close(self) -> None:
        """Leave; there is nothing to let go of."""
