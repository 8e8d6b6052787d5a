"""A broker that is away or hung: what is tried leaves nothing behind, what waits can be stopped, and the bus knows."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from confluent_kafka import KafkaError, KafkaException
from kafka import errors as kafka_errors

import shared.bus.kafka.cluster
import shared.bus.librdkafka.cluster
from cli.brokers import Broker
from shared.bus.kafka.bus import KafkaBus
from shared.bus.kafka.cluster import faults_named
from shared.bus.layout import ALONE
from shared.bus.librdkafka.bus import LibrdkafkaBus
from shared.bus.librdkafka.cluster import NO_ENTRY, PASSING, LibrdkafkaCluster
from shared.bus.port import Bus, BusRefused, BusUnavailable
from shared.clock import WallClock
from shared.complex.complexes import Complexes
from shared.db import messaging
from shared.db.engine import open_engine
from shared.db.tables import new_metadata
from shared.events.planner import StudyProgressed
from shared.events.wire import MESSAGE_BYTES_MAX, Message
from shared.runtime.runloop import RunLoop, Service
from shared.runtime.service_main import Context, serve

TOPIC = "planner.results.v1"
POLLS_MAX = 400
# What every process promises to whoever stops it.
STOP_S = 10.0


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener.getsockname()[1]


@contextmanager
def stopped(broker: Broker) -> Iterator[None]:
    """Let the broker hang: its machine accepts connections, and nobody answers them."""
    if broker.child is None or broker.child.pid is None:
        pytest.skip("the broker is not this test's to stop: unset KAFKA_BOOTSTRAP_SERVERS")
    pid = broker.child.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


ADAPTERS: dict[str, Callable[[str], Bus]] = {"kafka-python": KafkaBus, "librdkafka": LibrdkafkaBus}


@pytest.fixture(params=list(ADAPTERS))
def adapter(request: pytest.FixtureRequest) -> Callable[[str], Bus]:
    """What makes a bus of a cluster's addresses."""
    return ADAPTERS[request.param]


def tries(adapter: Callable[[str], Bus], servers: str) -> list[Callable[[], object]]:
    bus = adapter(servers)
    services = [lambda: bus.consumer("planner", [TOPIC]), lambda: bus.publisher("planner")]
    return [*services, *([bus.create_topics] if isinstance(bus, KafkaBus) else [])]


@pytest.mark.parametrize("place", ["nothing listens", "nobody answers"])
def test_what_is_tried_without_a_broker_leaves_no_thread_and_no_descriptor(
    place: str, adapter: Callable[[str], Bus], silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.bus.kafka.cluster, "BOOTSTRAP_TIMEOUT_MS", 50)
    monkeypatch.setattr(shared.bus.librdkafka.cluster, "METADATA_TIMEOUT_S", 0.05)
    servers = f"127.0.0.1:{silent_port if place == 'nobody answers' else 9}"
    threads, descriptors = set(threading.enumerate()), open_descriptors()

    for _ in range(3):
        for attempt in tries(adapter, servers):
            with pytest.raises(BusUnavailable, match=servers):
                attempt()

    # What earlier tests left may end meanwhile.
    assert set(threading.enumerate()) - threads == set()
    assert open_descriptors() <= descriptors


def test_one_server_that_answers_is_enough(adapter: Callable[[str], Bus], broker: Broker) -> None:
    publisher = adapter(f"127.0.0.1:9,{broker.bootstrap_servers}").publisher("planner")

    publisher.publish([Message(topic=TOPIC, key=uuid4().hex, body=b"1", headers=())])

    publisher.close()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (kafka_errors.KafkaTimeoutError(), BusUnavailable),
        (kafka_errors.KafkaConnectionError(), BusUnavailable),
        (kafka_errors.NotLeaderForPartitionError(), BusUnavailable),
        (kafka_errors.NotEnoughReplicasError(), BusUnavailable),
        # A new member, or a new producer, gets on.
        (kafka_errors.CommitFailedError(), BusUnavailable),
        (kafka_errors.UnknownMemberIdError(), BusUnavailable),
        (kafka_errors.OutOfOrderSequenceNumberError(), BusUnavailable),
        # Nobody gets on until a person has changed something.
        (kafka_errors.TopicAuthorizationFailedError(), BusRefused),
        (kafka_errors.GroupAuthorizationFailedError(), BusRefused),
        (kafka_errors.SaslAuthenticationFailedError(), BusRefused),
        (kafka_errors.UnsupportedVersionError(), BusRefused),
        (kafka_errors.MessageSizeTooLargeError(), BusRefused),
        (kafka_errors.InvalidTopicError(), BusRefused),
        (kafka_errors.FencedInstanceIdError(), BusRefused),
    ],
)
def test_only_what_may_pass_means_that_the_broker_is_away(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=type(error).__name__), faults_named("offsets could not be committed"):
        raise error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError._TIMED_OUT, BusUnavailable),
        (KafkaError._TRANSPORT, BusUnavailable),
        (KafkaError.NOT_LEADER_FOR_PARTITION, BusUnavailable),
        (KafkaError.NOT_ENOUGH_REPLICAS, BusUnavailable),
        (KafkaError.ILLEGAL_GENERATION, BusUnavailable),
        (KafkaError.UNKNOWN_MEMBER_ID, BusUnavailable),
        (KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, BusUnavailable),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, BusRefused),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, BusRefused),
        (KafkaError.SASL_AUTHENTICATION_FAILED, BusRefused),
        (KafkaError.UNSUPPORTED_VERSION, BusRefused),
        (KafkaError.MSG_SIZE_TOO_LARGE, BusRefused),
        (KafkaError.TOPIC_EXCEPTION, BusRefused),
        (KafkaError.FENCED_INSTANCE_ID, BusRefused),
    ],
)
def test_librdkafka_says_the_same(code: int, kind: type[Exception]) -> None:
    cluster = LibrdkafkaCluster("127.0.0.1:9", ALONE)
    error = KafkaError(code)

    with pytest.raises(kind, match=error.name()), cluster.faults_named("offsets could not be committed"):
        raise KafkaException(error)


def test_librdkafka_knows_the_faults_that_are_named() -> None:
    assert [name for name in PASSING | NO_ENTRY if not hasattr(KafkaError, name)] == []


def test_a_message_that_the_broker_will_never_take_is_no_passing_fault(
    adapter: Callable[[str], Bus], broker: Broker
) -> None:
    publisher = adapter(broker.bootstrap_servers).publisher("planner")

    with pytest.raises(BusRefused, match=r"larger than the maximum request size|MSG_SIZE_TOO_LARGE"):
        publisher.publish([Message(topic=TOPIC, key="k", body=b"x" * (2 * MESSAGE_BYTES_MAX), headers=())])

    publisher.close()


def test_a_quiet_bus_knows_whether_the_broker_still_answers(adapter: Callable[[str], Bus], broker: Broker) -> None:
    bus = adapter(broker.bootstrap_servers)
    member = bus.consumer(f"test-{uuid4().hex}", [TOPIC])
    for _ in range(POLLS_MAX):
        if member.joined():
            break
        member.poll(0.05)

    with stopped(broker):
        # No poll fails, and yet nothing is heard for twice as long as a member lets pass between two questions.
        while bus.acknowledged.silence_s() < 3:
            assert member.poll(0.05) == []
    for _ in range(POLLS_MAX):
        member.poll(0.05)
        if bus.acknowledged.silence_s() < 1:
            break

    assert bus.acknowledged.silence_s() < 1
    member.close()


def test_a_service_that_publishes_to_a_hung_broker_stops_in_time_and_loses_nothing(
    adapter: Callable[[str], Bus], broker: Broker, tmp_path: Path
) -> None:
    told, emitted, stop = threading.Event(), threading.Event(), threading.Event()
    bus = adapter(broker.bootstrap_servers)
    engine = open_engine(sa.make_url(f"sqlite:///{tmp_path / 'planner.db'}"))
    new_metadata().create_all(engine)
    # One before the heartbeat, so that the producer is there, and one when the broker hangs.
    rounds = iter((True,))

    def tick(*_: object) -> list[StudyProgressed]:
        if told.is_set() and not emitted.is_set():
            emitted.set()
        elif not next(rounds, False):
            return []
        return [StudyProgressed(complex_id=uuid4().hex, study_id="s", done=1, total=1)]

    context = Context(
        service="planner",
        complexes=Complexes(),
        clock=WallClock(),
        engine=engine,
        bus=bus,
        heartbeat_file=tmp_path / "alive",
    )
    thread = threading.Thread(target=serve, args=(Service(name="planner", complexes=(), tick=tick), context, stop))
    thread.start()
    while not context.heartbeat_file.exists():
        stop.wait(0.01)
    with stopped(broker):
        told.set()
        assert emitted.wait(STOP_S)
        stop.set()
        thread.join(STOP_S)
        ended = not thread.is_alive()
    thread.join()

    assert ended
    loop = RunLoop(Service(name="planner", complexes=()), adapter(broker.bootstrap_servers), engine, WallClock())
    loop.step(0)
    loop.close()
    with engine.connect() as db:
        assert messaging.unsent(db, 1) == []
    engine.dispose()
