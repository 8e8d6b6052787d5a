"""The brokers that run as child processes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cli import brokers
from cli.brokers import Broker
from shared.bus.kafka.bus import KafkaBus
from shared.bus.librdkafka.bus import LibrdkafkaBus
from shared.bus.port import Bus, BusRefused, BusUnavailable, Consumer, Publisher
from shared.clock import monotonic_s, pause
from shared.events.wire import Message
from tests.broker import open_broker

TOPIC = "market.orders.v1"
WAIT_S = 600.0
ADAPTERS: dict[str, Callable[[str], Bus]] = {"kafka-python": KafkaBus, "librdkafka": LibrdkafkaBus}


@pytest.fixture(params=list(ADAPTERS))
def adapter(request: pytest.FixtureRequest) -> Callable[[str], Bus]:
    """What makes a bus of a broker's address."""
    return ADAPTERS[request.param]


def test_tansu_carries_messages_in_order_where_there_is_no_java(
    adapter: Callable[[str], Bus], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)

    broker = open_broker(tmp_path, said.append)

    try:
        assert broker.kind == "tansu"
        assert "keeps its messages in memory" in said[-1], "the person in front of the screen must know"
        publish(adapter(broker.bootstrap_servers), ["1", "2", "3"])
        assert read(adapter(broker.bootstrap_servers), 3) == ["1", "2", "3"]
    finally:
        broker.stop()


def test_kafka_that_was_killed_still_has_what_it_acknowledged(
    adapter: Callable[[str], Bus], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    broker = open_broker(tmp_path, print)
    if broker.kind != "apache-kafka":
        broker.stop()
        pytest.skip("needs Java 17+ and Maven (apt install openjdk-17-jre-headless maven)")
    try:
        publish(adapter(broker.bootstrap_servers), ["1", "2"])
        assert broker.child is not None

        broker.child.kill()
        broker.child.start()

        assert read(adapter(broker.bootstrap_servers), 2) == ["1", "2"]
    finally:
        broker.stop()


def test_java_that_is_too_old_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")

    assert not brokers._java_is_new_enough()


def publish(bus: Bus, bodies: Sequence[str]) -> None:
    publisher = bus.publisher("market")
    publisher.publish(Message(topic=TOPIC, key="a", body=body.encode(), headers=()) for body in bodies)
    publisher.close()


def read(bus: Bus, count: int) -> list[str]:
    """Return so many messages, waiting for a broker that is still starting."""
    found: list[str] = []
    consumer = None
    give_up_at = monotonic_s() + WAIT_S
    while len(found) < count:
        assert monotonic_s() < give_up_at, found
        try:
            consumer = consumer or bus.consumer("reader", [TOPIC])
            found += [one.message.body.decode() for one in consumer.poll(0.2)]
        except BusUnavailable:
            continue
    assert consumer is not None
    consumer.close()
    return found


class Process:
    """A process that writes and reads, and is started again where it ended."""

    def __init__(self, bus: Bus, broker: Broker, say: Callable[[str], None]) -> None:
        self._bus, self._broker, self._say = bus, broker, say
        self._ends: tuple[Publisher, Consumer] | None = None

    def go_on(self, body: bytes) -> None:
        """Keep trying to write a message until it has been read."""
        give_up_at = monotonic_s() + WAIT_S
        while not self.tried(body):
            assert monotonic_s() < give_up_at
            self._broker.keep_running(self._say)
            pause(0.1)

    def tried(self, body: bytes) -> bool:
        """Write a message, and say whether it was read."""
        try:
            self._ends = self._ends or (self._bus.publisher("market"), self._bus.consumer("reader", [TOPIC]))
            publisher, consumer = self._ends
            publisher.publish([Message(topic=TOPIC, key="a", body=body, headers=())])
            found = [one.message.body for one in consumer.poll(0.5)]
            if found:
                consumer.commit()
        except BusUnavailable:
            return False
        except BusRefused:
            self.end()
            return False
        return body in found

    def end(self) -> None:
        for one in self._ends or ():
            one.close()
        self._ends = None


def test_who_reads_and_writes_goes_on_with_a_tansu_that_made_topics_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    said: list[str] = []
    broker = open_broker(tmp_path, said.append)
    process = Process(LibrdkafkaBus(broker.bootstrap_servers), broker, said.append)
    try:
        process.go_on(b"before")
        assert broker.child is not None
        broker.child.kill()
        pause(0.5)
        broker.child.start()
        # Who asks for the topic first has it made, with too few partitions, before it is made as it must be.
        for _ in range(10):
            process.tried(b"too early")
        broker._lacks_topics = True

        process.go_on(b"after")
    finally:
        process.end()
        broker.stop()

    assert said[-1] == "tansu has its topics again"


def test_tansu_that_ended_is_started_again_and_gets_its_topics(
    adapter: Callable[[str], Bus], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    broker = open_broker(tmp_path, said.append)
    try:
        assert broker.child is not None
        broker.child.kill()
        give_up_at = monotonic_s() + WAIT_S

        while said[-1] != "tansu has its topics again":
            assert monotonic_s() < give_up_at, said
            broker.keep_running(said.append)
            pause(0.1)

        assert "those that were not read by all yet are lost" in "".join(said), "what is lost must be said"
        publish(adapter(broker.bootstrap_servers), ["4"])
        assert read(adapter(broker.bootstrap_servers), 1) == ["4"]
    finally:
        broker.stop()
