"""Simulated devices and a gateway in one event loop on a real port, with a clock set by hand."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import sqlalchemy as sa

from services.fems import handlers, store
from services.fems.domain.simulated.field import Field
from services.fems.gateway.collector import Collector
from services.fems.gateway.dispatcher import Dispatcher
from services.fems.gateway.modbus import Lines
from services.fems.gateway.poller import LivePoller
from services.fems.simulator.faults import FaultBook
from services.fems.simulator.load_sources import sources_of
from services.fems.simulator.memory import FieldMemory
from services.fems.simulator.server import ComplexServer
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.db.engine import open_engine
from shared.events.base import Envelope, Event, named_id
from shared.events.topics import TOPICS
from shared.events.wire import decode, encode
from shared.runtime.runloop import RunLoop
from simulation.bus import MemoryBus
from simulation.clock import ManualClock
from tests.unit.fems.fields import NOW, a_complex

E = TypeVar("E", bound=Event)


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def simulated(complex_: Complex, folder: Path, clock: ManualClock) -> AsyncIterator[ComplexServer]:
    """Let a complex's devices answer; what they remember lies in `folder`, as after a kill -9."""
    memory = FieldMemory(folder / "field", complex_.complex_id)
    book = FaultBook(folder / "field", complex_.complex_id)
    server = ComplexServer(complex_, Field(complex_, sources_of(complex_)), memory, clock, book)
    await server.start(None)
    try:
        yield server
    finally:
        await server.stop()


class GatewayBench:
    """A gateway whose three jobs a test runs by hand."""

    def __init__(self, complex_: Complex, folder: Path, clock: ManualClock, bus: MemoryBus) -> None:
        self.complex = complex_
        self.bus = bus
        self.engine = open_engine(sa.make_url(f"sqlite:///{folder / 'fems.db'}"))
        store.METADATA.create_all(self.engine)
        self._clock = clock
        self._loop = RunLoop(handlers.service(Complexes(complex_)), bus, self.engine, clock)
        self.lines = Lines(complex_)
        self.live = LivePoller(complex_, clock, self.engine, self.lines)
        self.collector = Collector(complex_, clock, self.engine, self.lines)
        self.dispatcher = Dispatcher(complex_, clock, self.engine, self.lines)

    def give(self, event: Event) -> None:
        """Publish an event as its producer would, and take it in."""
        topic = next(topic for topic in TOPICS if type(event) in topic.events)
        event_id = named_id(event.model_dump_json())
        envelope = Envelope(event_id=event_id, occurred_at=self._clock.now(), source=topic.producer, event=event)
        self.bus.append(encode(envelope, topic=topic.name, key=topic.key_of(event)))
        self._loop.step(0)

    def published(self, kind: type[E]) -> list[E]:
        """Return all that was published of one kind; what has an id twice fails the test."""
        self._loop.step(0)
        names = [topic.name for topic in TOPICS if topic.producer == "fems" and kind in topic.events]
        envelopes = [decode(message) for name in names for message in self.bus.messages(name)]
        assert len({envelope.event_id for envelope in envelopes}) == len(envelopes)
        return [envelope.event for envelope in envelopes if isinstance(envelope.event, kind)]

    def kill(self) -> None:
        """Let go of what the system would take from a killed process."""
        self.lines.close()
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def a_clock() -> ManualClock:
    return ManualClock(NOW)


def a_port_of_its_own(**network: object) -> Complex:
    return a_complex(port=a_free_port(), other_ess=False, **network)
