"""One service on the memory bus, a database and a clock set by hand, for component tests."""

from datetime import datetime
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from shared.db.engine import open_engine, service_url
from shared.db.migrating import upgrade
from shared.events.base import Envelope, Event, named_id
from shared.events.topics import TOPICS, Topic, topic_written_by
from shared.events.wire import decode, encode
from shared.runtime.metrics import Metrics
from shared.runtime.runloop import RunLoop, Service
from simulation.bus import MemoryBus
from simulation.clock import ManualClock

E = TypeVar("E", bound=Event)


class Bench:
    """A service under test: give it events and instants, see what it publishes.

    Its `place` is a folder for a SQLite file, whose tables are made from the metadata, or the URL of a deployment's
    database, which is migrated as an operator would.
    """

    def __init__(self, service: Service, metadata: sa.MetaData, place: Path | str, now: datetime) -> None:
        self.bus = MemoryBus()
        self.clock = ManualClock(now)
        if isinstance(place, Path):
            self.engine = open_engine(sa.make_url(f"sqlite:///{place / f'{service.name}.db'}"))
            metadata.create_all(self.engine)
        else:
            upgrade(place, service.name)
            self.engine = open_engine(service_url(place, service.name))
        self.service = service
        self.metrics = Metrics()
        self._loop = RunLoop(service, self.bus, self.engine, self.clock, figures=self.metrics)
        self._given = 0

    def give(self, *events: Event, producer: str | None = None) -> None:
        """Publish events as their producer would, then let the service run until it is quiet."""
        for event in events:
            self._given += 1
            topic = _home_of(event, self.service.name) if producer is None else topic_written_by(producer, event)
            envelope = Envelope(
                event_id=named_id("test", self._given), occurred_at=self.clock.now(), source=topic.producer, event=event
            )
            self.bus.append(encode(envelope, topic=topic.name, key=topic.key_of(event)))
        self.run()

    def run(self, until: datetime | None = None) -> None:
        """Set the clock, if an instant is given, and run until there is nothing left to take in."""
        if until is not None:
            self.clock.instant = until
        self._loop.step(0)
        while self._loop.step(0):
            pass

    def restart(self) -> None:
        """Throw the process's memory away, as kill -9 does, and start again on the same database."""
        self._loop = RunLoop(self.service, self.bus, self.engine, self.clock)

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def published(self, kind: type[E]) -> list[E]:
        """Return what the service has published of one kind, in order within each key."""
        topics = {topic.name for topic in TOPICS if topic.producer == self.service.name and kind in topic.events}
        events = [decode(message).event for topic in sorted(topics) for message in self.bus.messages(topic)]
        return [event for event in events if isinstance(event, kind)]


def _home_of(event: Event, reader: str) -> Topic:
    return next(topic for topic in TOPICS if type(event) in topic.events and reader in topic.consumers)
