"""A service killed at the worst instants loses nothing and doubles nothing; without the inbox it would."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cli.brokers import Broker
from shared.bus.kafka import KafkaBus
from shared.clock import ManualClock
from shared.db import messaging
from shared.db.engine import open_engine, service_url
from shared.db.migrating import upgrade
from shared.db.tables import new_metadata
from shared.events.base import Envelope, Event, named_id
from shared.events.market import OrderAccepted
from shared.events.orders import OrderSubmitted, Side
from shared.events.wire import encode
from shared.failpoints import Failpoint
from shared.paths import ROOT
from shared.runloop import RunLoop, Service
from tests.contract import counting_service
from tests.contract.counting_service import LAST, TIMES, GroupOfItsOwn

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)
ORDERS = tuple(f"order-{n}" for n in range(20))
PROCESS_S_MAX = 60
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

    def counts_downstream(self) -> dict[str, int]:
        """Return how often a second service, behind the first, counts each order."""
        engine = sa.create_engine(f"sqlite:///{self.folder / 'downstream.db'}")
        new_metadata().create_all(engine)
        TIMES.create(engine)

        def on_accepted(envelope: Envelope[OrderAccepted], db: Connection) -> list[Event]:
            if envelope.event.complex_id == self.complex_id:
                counting_service.count(db, envelope.event.order_id)
            return []

        service = Service(name="trading_api", handlers={OrderAccepted: on_accepted})
        loop = RunLoop(service, GroupOfItsOwn(self.bus, self.complex_id), engine, ManualClock(NOON))
        found: dict[str, int] = {}
        for _ in range(STEPS_MAX):
            loop.step(0.05)
            with engine.connect() as db:
                found = counting_service.counts(db)
            if LAST in found:
                break
        loop.close()
        engine.dispose()
        return found


@pytest.fixture
def place(broker: Broker, database_url: str, tmp_path: Path) -> Place:
    upgrade(database_url, "market")
    engine = open_engine(service_url(database_url, "market"))
    TIMES.create(engine)
    engine.dispose()
    servers = broker.bootstrap_servers
    return Place(KafkaBus(servers), servers, database_url, f"complex-{uuid4().hex}", tmp_path)


@pytest.mark.parametrize("failpoint", get_args(Failpoint))
def test_a_service_killed_at_a_failpoint_counts_and_forwards_every_order_once(place: Place, failpoint: str) -> None:
    place.submit(*ORDERS)
    killed = place.run(failpoint=failpoint)
    # The last order lies behind all that comes again, so whoever has seen it has seen the repeats.
    place.submit(LAST)

    ended = place.run()

    assert (killed, ended) == (-signal.SIGKILL, 0)
    assert place.counts() == dict.fromkeys((*ORDERS, LAST), 1)
    assert place.counts_downstream() == dict.fromkeys((*ORDERS, LAST), 1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_the_inbox_orders_taken_in_before_a_kill_count_twice(place: Place) -> None:
    place.submit(*ORDERS)
    place.run("--without-inbox", failpoint="before_offset_commit")
    place.submit(LAST)

    place.run("--without-inbox")

    assert 2 in place.counts().values()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_the_inbox_orders_published_before_a_kill_count_twice_downstream(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.submit(*ORDERS)
    place.run(failpoint="before_mark_sent")
    place.submit(LAST)
    place.run()
    monkeypatch.setattr(messaging, "already_taken", lambda *_: set())
    monkeypatch.setattr(messaging, "mark_taken", lambda *_, **__: None)

    assert 2 in place.counts_downstream().values()
