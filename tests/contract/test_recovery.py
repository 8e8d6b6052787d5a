"""A service killed at the worst instants loses nothing and doubles nothing; without the inbox it would."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cli.brokers import Broker
from shared.bus.kafka.bus import KafkaBus
from shared.db import messaging
from shared.db.engine import open_engine, service_url
from shared.db.migrating import upgrade
from shared.db.tables import new_metadata
from shared.events.base import Envelope, Event, named_id
from shared.events.market import OrderAccepted
from shared.events.orders import OrderSubmitted
from shared.events.records import Side
from shared.events.wire import encode
from shared.failpoints import Failpoint
from shared.paths import ROOT
from shared.runtime.runloop import RunLoop, Service
from simulation.clock import ManualClock
from tests.contract import counting_service
from tests.contract.counting_service import LAST, TIMES, GroupOfItsOwn

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)
ORDERS = tuple(f"order-{n}" for n in range(20))
PROCESS_S_MAX = 600
STEPS_MAX = 400


@dataclass(frozen=True)
class Place:
    """One test's broker, database and complex."""

    bus: KafkaBus
    servers: str
    database_url: str
    complex_id: str
    folder: Path

    def submit(self, *order_ids: str) -> None:
        """Publish orders as the scheduler does."""
        messages = []
        for number, order_id in enumerate(order_ids, start=1):
            order = OrderSubmitted(
                complex_id=self.complex_id,
                order_id=order_id,
                client_order_id=order_id,
                participant_id="hanbit-machining",
                delivery_start=NOON,
                side=Side.BUY,
                price_jeon_per_kwh=11_000,
                quantity_wh=1_000,
                submitted_at=NOON,
                writer="scheduler",
                sequence=number,
            )
            event_id = named_id(self.complex_id, order_id)
            envelope = Envelope(event_id=event_id, occurred_at=NOON, source="scheduler", event=order)
            messages.append(encode(envelope, topic="scheduler.orders.v1", key=self.complex_id))
        publisher = self.bus.publisher("scheduler")
        publisher.publish(messages)
        publisher.close()

    def run(self, *options: str, failpoint: str = "") -> int:
        """Run the counting process to its end and return its exit code."""
        environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": self.servers,
            "SANDAN_DATABASE_URL": self.database_url,
            "SANDAN_RUN_DIR": str(self.folder / "run"),
            "SANDAN_FAILPOINT": failpoint,
        }
        command = [sys.executable, counting_service.__file__, self.complex_id, *options]
        log_file = self.folder / "log"
        with log_file.open("ab") as log:
            ended = subprocess.run(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, timeout=PROCESS_S_MAX, check=False
            )
        assert ended.returncode in (0, -signal.SIGKILL), log_file.read_text()
        return ended.returncode

    def counts(self) -> dict[str, int]:
        """Return how often the process counted each order."""
        engine = open_engine(service_url(self.database_url, "market"))
        with engine.connect() as db:
            found = counting_service.counts(db)
        engine.dispose()
        return found


class Downstream:
    """A second service, behind the first, that counts the acceptances."""

    def __init__(self, place: Place) -> None:
        self._engine = sa.create_engine(f"sqlite:///{place.folder / 'downstream.db'}")
        new_metadata().create_all(self._engine)
        TIMES.create(self._engine)
        service = Service(name="trading_api", complexes={place.complex_id}, handlers={OrderAccepted: self._on_accepted})
        bus = GroupOfItsOwn(place.bus, place.complex_id)
        self._loop = RunLoop(service, bus, self._engine, ManualClock(NOON))

    def _on_accepted(self, envelope: Envelope[OrderAccepted], db: Connection) -> list[Event]:
        counting_service.count(db, envelope.event.order_id)
        return []

    def counts_once_it_has_seen(self, order_id: str) -> dict[str, int]:
        """Return how often each order was counted, after one of them was."""
        for _ in range(STEPS_MAX):
            self._loop.step(0.05)
            with self._engine.connect() as db:
                found = counting_service.counts(db)
            if order_id in found:
                return found
        raise AssertionError(f"{order_id} did not arrive")

    def close(self) -> None:
        """Let go of the bus and the database."""
        self._loop.close()
        self._engine.dispose()


@pytest.fixture
def place(broker: Broker, database_url: str, tmp_path: Path) -> Place:
    upgrade(database_url, "market")
    engine = open_engine(service_url(database_url, "market"))
    TIMES.create(engine)
    engine.dispose()
    servers = broker.bootstrap_servers
    return Place(KafkaBus(servers), servers, database_url, f"complex-{uuid4().hex}", tmp_path)


@pytest.fixture
def downstream(place: Place) -> Iterator[Downstream]:
    downstream = Downstream(place)
    yield downstream
    downstream.close()


# Where a database commits is its own affair, what is done after that is not: each failpoint once, and one on both.
EVERYWHERE: Failpoint = "before_database_commit"
KILLS = [
    pytest.param(
        database, failpoint, marks=[] if database == "sqlite" or failpoint == EVERYWHERE else pytest.mark.matrix
    )
    for database in ("sqlite", "postgresql")
    for failpoint in get_args(Failpoint)
]


@pytest.mark.parametrize(("database_url", "failpoint"), KILLS, indirect=["database_url"])
def test_a_service_killed_at_a_failpoint_counts_and_forwards_every_order_once(
    place: Place, downstream: Downstream, failpoint: str
) -> None:
    place.submit(*ORDERS)
    killed = place.run(failpoint=failpoint)
    if failpoint == "before_mark_sent":
        # What was published before the kill and comes again after it must not meet itself in one batch.
        downstream.counts_once_it_has_seen(ORDERS[0])
    # The last order lies behind all that comes again, so whoever has seen it has seen the repeats.
    place.submit(LAST)

    ended = place.run()

    assert (killed, ended) == (-signal.SIGKILL, 0)
    assert place.counts() == dict.fromkeys((*ORDERS, LAST), 1)
    assert downstream.counts_once_it_has_seen(LAST) == dict.fromkeys((*ORDERS, LAST), 1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_the_inbox_orders_taken_in_before_a_kill_count_twice(place: Place) -> None:
    place.submit(*ORDERS)
    place.run("--without-inbox", failpoint="before_offset_commit")
    place.submit(LAST)

    place.run("--without-inbox")

    assert 2 in place.counts().values()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_the_inbox_orders_published_before_a_kill_count_twice_downstream(
    place: Place, downstream: Downstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messaging, "already_taken", lambda *_: set())
    monkeypatch.setattr(messaging, "mark_taken", lambda *_, **__: None)
    place.submit(*ORDERS)
    place.run(failpoint="before_mark_sent")
    downstream.counts_once_it_has_seen(ORDERS[0])
    place.submit(LAST)

    place.run()

    assert 2 in downstream.counts_once_it_has_seen(LAST).values()
