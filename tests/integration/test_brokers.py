"""The brokers that run as child processes."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from cli import brokers
from cli.brokers import Broker
from shared.bus.kafka.bus import KafkaBus
from shared.bus.port import BusUnavailable
from shared.clock import monotonic_s, pause
from shared.events.wire import Message
from tests.broker import open_broker

TOPIC = "market.orders.v1"
WAIT_S = 600.0


def test_tansu_carries_messages_in_order_where_there_is_no_java(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)

    broker = open_broker(tmp_path, said.append)

    try:
        assert broker.kind == "tansu"
        assert "keeps its messages in memory" in said[-1], "the person in front of the screen must know"
        publish(broker, ["1", "2", "3"])
        assert read(broker, 3) == ["1", "2", "3"]
    finally:
        broker.stop()


def test_kafka_that_was_killed_still_has_what_it_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    broker = open_broker(tmp_path, print)
    if broker.kind != "apache-kafka":
        broker.stop()
        pytest.skip("needs Java 17+ and Maven (apt install openjdk-17-jre-headless maven)")
    try:
        publish(broker, ["1", "2"])
        assert broker.child is not None

        broker.child.kill()
        broker.child.start()

        assert read(broker, 2) == ["1", "2"]
    finally:
        broker.stop()


def test_java_that_is_too_old_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")

    assert not brokers._java_is_new_enough()


def publish(broker: Broker, bodies: Sequence[str]) -> None:
    publisher = KafkaBus(broker.bootstrap_servers).publisher("market")
    publisher.publish(Message(topic=TOPIC, key="a", body=body.encode(), headers=()) for body in bodies)
    publisher.close()


def read(broker: Broker, count: int) -> list[str]:
    """Return so many messages, waiting for a broker that is still starting."""
    found: list[str] = []
    consumer = None
    give_up_at = monotonic_s() + WAIT_S
    while len(found) < count:
        assert monotonic_s() < give_up_at, found
        try:
            consumer = consumer or KafkaBus(broker.bootstrap_servers).consumer("reader", [TOPIC])
            found += [one.message.body.decode() for one in consumer.poll(0.2)]
        except BusUnavailable:
            continue
    assert consumer is not None
    consumer.close()
    return found


def test_tansu_that_ended_is_started_again_and_gets_its_topics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        publish(broker, ["4"])
        assert read(broker, 1) == ["4"]
    finally:
        broker.stop()
