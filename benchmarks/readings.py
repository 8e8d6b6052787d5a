"""What a meter's reading costs each service that keeps it: python -m benchmarks.readings [INTERVALS].

The run loop of each service takes the same readings in, 500 a poll as from a broker, on a SQLite file. Processor time
a reading, the one thing that grows with a complex; and beside it what one upsert of a built row takes on this machine.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from services.forecast import handlers as forecast
from services.planner.handlers.cluster import Cluster
from services.planner.handlers.studies import Planner
from services.scheduler import handlers as scheduler
from services.settlement import handlers as settlement
from services.trading_api import handlers as trading_api
from shared.bus.port import Consumed, Received, nothing_consumed
from shared.complex.complexes import Complexes
from shared.complex.model import Complex, load_complex
from shared.db.engine import open_engine, service_url
from shared.db.migrating import upgrade
from shared.events.base import Envelope, named_id
from shared.events.fems import IntervalMetered, Quality
from shared.events.topics import topic_written_by
from shared.events.wire import Message, encode
from shared.intervals import INTERVAL
from shared.paths import DEMO_COMPLEX
from shared.runtime.handlers import handlers_of
from shared.runtime.runloop import RunLoop, Service
from simulation.bus import MemoryBus, MemoryConsumer
from simulation.clock import ManualClock

READINGS_PER_POLL = 500
FIRST = datetime(2026, 5, 20, 0, 0, tzinfo=UTC)
INTERVALS = 400


class PagedConsumer(MemoryConsumer):
    """A member that polls as much at once as one of a broker's."""

    def __init__(self, received: Sequence[Received]) -> None:
        super().__init__(MemoryBus(), "bench", ())
        self._received, self._at = received, 0

    def poll(self, wait_s: float) -> Sequence[Received]:
        """Return the next page."""
        del wait_s
        page = self._received[self._at : self._at + READINGS_PER_POLL]
        self._at += len(page)
        return page

    def commit(self) -> None:
        """Do nothing: what was polled is never asked for again."""


@dataclass
class PagedBus(MemoryBus):
    """A bus that holds these messages and no others."""

    received: Sequence[Received]

    def __post_init__(self) -> None:
        super().__init__()

    def consumer(self, service: str, topics: Sequence[str], consumed: Consumed = nothing_consumed) -> PagedConsumer:
        """Join a group that gets everything."""
        del service, topics, consumed
        return PagedConsumer(self.received)


def readings(complex_: Complex, intervals: int) -> list[Received]:
    """Return a reading of each meter of a complex for each interval."""
    messages: list[Message] = []
    for number in range(intervals):
        start = FIRST + number * INTERVAL
        for meter_id, meter in complex_.by_device.items():
            event = IntervalMetered(
                complex_id=complex_.complex_id,
                meter_id=meter_id,
                participant_id=meter.participant_id,
                meter_kind=meter.kind,
                delivery_start=start,
                import_wh=1_000 + number,
                export_wh=0,
                quality=Quality.MEASURED,
            )
            envelope = Envelope(
                event_id=named_id("bench", meter_id, number),
                occurred_at=start + INTERVAL + timedelta(seconds=2),
                source="fems",
                event=event,
            )
            topic = topic_written_by("fems", event)
            messages.append(encode(envelope, topic=topic.name, key=topic.key_of(event)))
    return [Received(message, 0, offset) for offset, message in enumerate(messages)]


def services(complexes: Complexes) -> dict[str, Callable[[], Service]]:
    """Return the services that keep readings, without what they do as time passes."""
    return {
        "trading_api": lambda: trading_api.service(complexes),
        "settlement": lambda: settlement.service(complexes),
        "forecast": lambda: forecast.service(complexes),
        "scheduler": lambda: scheduler.service(complexes),
        "planner": lambda: Service(
            name="planner", complexes=complexes, handlers=handlers_of(Planner(complexes, Cluster(None)))
        ),
    }


def cost_us(service: Service, received: Sequence[Received], folder: Path) -> float:
    """Return the processor time [us] that a service takes for a reading."""
    base_url = f"sqlite:///{folder}"
    upgrade(base_url, service.name)
    engine = open_engine(service_url(base_url, service.name))
    clock = ManualClock(FIRST + 500 * INTERVAL)
    loop = RunLoop(replace(service, tick=None), PagedBus(received), engine, clock)
    begun_s = time.process_time()
    while loop.step(0.0):
        pass
    took_s = time.process_time() - begun_s
    engine.dispose()
    return took_s * 1e6 / len(received)


def upsert_us() -> float:
    """Return the processor time [us] of one row in a block, the least that any of this could cost."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as db:
        db.exec_driver_sql("CREATE TABLE t (a TEXT, b INTEGER, c INTEGER, d INTEGER, PRIMARY KEY (a, b))")
        rows = [(f"meter-{n % 50}", n, n, n) for n in range(20_000)]
        begun_s = time.process_time()
        for at in range(0, len(rows), READINGS_PER_POLL):
            db.exec_driver_sql("INSERT INTO t VALUES (?, ?, ?, ?)", rows[at : at + READINGS_PER_POLL])
        return (time.process_time() - begun_s) * 1e6 / len(rows)


def main() -> None:
    """Measure each service, and print the ratio to a bare row."""
    intervals = int(sys.argv[1]) if len(sys.argv) > 1 else INTERVALS
    complex_ = load_complex(DEMO_COMPLEX)
    complexes = Complexes(complex_)
    received = readings(complex_, intervals)
    bare_us = upsert_us()
    print(f"readings  {len(received)} of {len(complex_.by_device)} meters, a bare row {bare_us:.1f} us")
    for name, service in services(complexes).items():
        with tempfile.TemporaryDirectory(prefix="sandan-readings-") as folder:
            took_us = cost_us(service(), received, Path(folder))
        print(f"readings  {name:<12} {took_us:6.0f} us a reading, {took_us / bare_us:5.1f} bare rows")


if __name__ == "__main__":
    main()
