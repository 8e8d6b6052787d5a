"""Kafka through kafka-python: the only module that imports it.

A client is built when the broker answers, and closed for good when it stops answering: the next call builds another.
"""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.cluster import collect_hosts
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.net.compat import KafkaNetClient
from kafka.structs import MemberState, OffsetAndMetadata

from shared.bus.acknowledged import Acknowledged
from shared.bus.port import BusRefused, BusUnavailable, Received
from shared.clock import monotonic_s
from shared.events.topics import PARTITIONS, TOPICS
from shared.events.wire import FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, Message

logger = logging.getLogger(__name__)

MESSAGES_PER_POLL = 500
# Together they stay below the ten seconds in which a process has to be gone, whichever of them a stop meets.
PROBE_TIMEOUT_S = 1.0
BOOTSTRAP_TIMEOUT_MS = 4_000
METADATA_TIMEOUT_MS = 4_000
COMMIT_TIMEOUT_MS = 5_000
CLOSE_TIMEOUT_S = 1.0
# A slow broker may take this long; a stop shortens the wait.
PUBLISH_TIMEOUT_S = 10.0
STOP_PATIENCE_S = 1.0
LOOK_AT_STOP_EVERY_S = 0.2
# A producer that has nothing to send still asks who leads the partitions, so that a silent broker is noticed.
ASK_EVERY_MS = 5_000
# The static member id lets a restarted service own its partitions again without waiting for the session to end.
SESSION_TIMEOUT_MS = 6_000
# A dead member holds up the others for one session; a rebalance that takes longer than this is no rebalance any more.
REBALANCE_S_MAX = 8.0
RECORD_BYTES_MAX = MESSAGE_BYTES_MAX + FRAME_BYTES_MAX
# Not retriable by the same client, but a new one mends them: the group went on without this member, the brokers were
# replaced, or the broker lost what it knew of an idempotent producer.
MENDED_BY_A_NEW_CLIENT = (
    kafka_errors.CommitFailedError,
    kafka_errors.IllegalGenerationError,
    kafka_errors.RebalanceInProgressError,
    kafka_errors.UnknownMemberIdError,
    kafka_errors.UnknownBrokerIdError,
    kafka_errors.InvalidProducerEpochError,
    kafka_errors.InvalidProducerIdMappingError,
    kafka_errors.OutOfOrderSequenceNumberError,
    kafka_errors.UnknownProducerIdError,
)

Client = TypeVar("Client")


class _Heard:
    """Takes note of bytes that arrive from a broker, as one of kafka-python's measurable statistics.

    A hung broker's machine still accepts connections, so that these say nothing.
    """

    def __init__(self, acknowledged: Acknowledged) -> None:
        self._acknowledged = acknowledged

    def record(self, config: object, value: float, time_ms: float) -> None:
        """Take note of bytes; called by the clients' threads."""
        del config, value, time_ms
        self._acknowledged.answered()

    def measure(self, config: object, now: float) -> float:
        """Return the seconds since then, for those who list a client's metrics."""
        del config, now
        return self._acknowledged.silence_s()


class _Cluster:
    """What the clients of one bus share: the servers' addresses, when they were heard, and whether to stop waiting."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.addresses = bootstrap_servers
        self.servers = bootstrap_servers.split(",")
        self.acknowledged = Acknowledged()
        self.stop = threading.Event()

    def open(self, kind: Callable[..., Client], *topics: str, **settings: Any) -> Client:
        """Build a client; one that fails half way is closed completely.

        Raises:
            BusUnavailable: Nothing listens at the addresses, or what does says nothing.
            BusRefused: The cluster says no.
        """
        self._require_listener()
        opened: list[KafkaNetClient] = []

        def net_client(**config: Any) -> KafkaNetClient:
            metrics = config["metrics"]
            metrics.sensor("bytes-received").add(metrics.metric_name("silence", "sandan"), _Heard(self.acknowledged))
            opened.append(KafkaNetClient(**config))
            return opened[-1]

        try:
            with faults_named(f"no Kafka broker at {self.addresses}"):
                return kind(
                    *topics,
                    bootstrap_servers=self.servers,
                    bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
                    kafka_client=net_client,
                    **settings,
                )
        except BaseException:
            # Its threads and sockets live on otherwise, and nothing holds them any more.
            for one in opened:
                one.close()
            raise

    def _require_listener(self) -> None:
        reasons = []
        for host, port, _ in collect_hosts(self.servers, randomize=False):
            try:
                socket.create_connection((host, port), timeout=PROBE_TIMEOUT_S).close()
            except OSError as error:
                reasons.append(str(error))
            else:
                return
        raise BusUnavailable(f"no Kafka broker at {self.addresses}: {'; '.join(reasons)}")


@contextlib.contextmanager
def faults_named(what: str) -> Iterator[None]:
    """Turn the client library's errors into the port's two."""
    try:
        yield
    except KafkaError as error:
        if error.retriable or isinstance(error, MENDED_BY_A_NEW_CLIENT):
            raise BusUnavailable(f"{what}: {error}") from error
        raise BusRefused(f"{what}: {error}") from error


class KafkaBus:
    """A Kafka cluster, given by its bootstrap servers ("host:port,host:port")."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._cluster = _Cluster(bootstrap_servers)

    def consumer(self, service: str, topics: Sequence[str]) -> "KafkaGroupMember":
        """Join a service's group."""
        return KafkaGroupMember(self._cluster, service, topics)

    def publisher(self, service: str) -> "KafkaPublisher":
        """Open an idempotent producer."""
        return KafkaPublisher(self._cluster, service)

    @property
    def acknowledged(self) -> Acknowledged:
        """Return what the brokers last acknowledged; members of a group hear them every second and a half."""
        return self._cluster.acknowledged

    def heed(self, stop: threading.Event) -> None:
        """Wait for no broker any more once `stop` is set."""
        self._cluster.stop = stop

    def create_topics(self) -> list[str]:
        """Create what the table of topics names and the cluster lacks; return the new names."""
        wanted = {
            topic.name: {
                "retention.ms": str(int(topic.retention.total_seconds() * 1000)),
                "max.message.bytes": str(RECORD_BYTES_MAX),
            }
            for topic in TOPICS
        }
        admin = self._cluster.open(KafkaAdminClient, client_id="sandan-topics")
        try:
            with faults_named("topics could not be created"):
                missing = sorted(set(wanted) - set(admin.list_topics()))
                new = [NewTopic(name, PARTITIONS, 1, topic_configs=wanted[name]) for name in missing]
                if new:
                    admin.create_topics(new)
        except BusRefused as error:
            if not isinstance(error.__cause__, TopicAlreadyExistsError):
                raise
            # Another process of ours was quicker.
            return []
        finally:
            admin.close()
        return missing

    def messages_held(self) -> int:
        """Return how many messages all of the table's topics hold."""
        consumer = self._cluster.open(KafkaConsumer, enable_auto_commit=False)
        try:
            places = [TopicPartition(topic.name, part) for topic in TOPICS for part in range(PARTITIONS)]
            ends = consumer.end_offsets(places)
            starts = consumer.beginning_offsets(places)
            return sum(ends[place] - starts[place] for place in places)
        finally:
            consumer.close()


class KafkaGroupMember:
    """A consumer that commits only when told to and never decodes."""

    def __init__(self, cluster: _Cluster, service: str, topics: Sequence[str]) -> None:
        self._cluster = cluster
        self._service = service
        self._topics = topics
        self._open: KafkaConsumer | None = self._join()
        self._settled_at_s = monotonic_s()

    def poll(self, wait_s: float) -> Sequence[Received]:
        """Return what has arrived, waiting at most `wait_s` for the first message."""
        with self._or_leave("messages could not be read"):
            self._join_again_if_stuck()
            batches = self._consumer.poll(timeout_ms=int(wait_s * 1000))
        return [_received(record) for batch in batches.values() for record in batch]

    def joined(self) -> bool:
        """Say whether the group is settled and this member in it."""
        return self._open is not None and bool(self._open.group_metadata().state == MemberState.STABLE)

    def commit(self) -> None:
        """Commit the positions that the polls have reached."""
        with self._or_leave("offsets could not be committed"):
            self._consumer.commit(timeout_ms=COMMIT_TIMEOUT_MS)

    def rewind(self) -> None:
        """Seek every owned partition to its last commit."""
        if self._open is None:
            return  # the next poll joins anew, at the last commit
        with self._or_leave("offsets could not be read"):
            for place in self._open.assignment():
                kept: OffsetAndMetadata | int | None = self._open.committed(place, timeout_ms=COMMIT_TIMEOUT_MS)
                if kept is None:
                    self._open.seek_to_beginning(place)
                else:
                    self._open.seek(place, kept)

    def close(self) -> None:
        """Leave the group."""
        consumer, self._open = self._open, None
        if consumer is not None:
            try:
                consumer.close(timeout_ms=int(CLOSE_TIMEOUT_S * 1000))
            except KafkaError as error:
                logger.warning("consumer did not close cleanly", extra={"reason": str(error)})

    @property
    def _consumer(self) -> KafkaConsumer:
        if self._open is None:
            self._open = self._join()
            self._settled_at_s = monotonic_s()
        return self._open

    @contextlib.contextmanager
    def _or_leave(self, what: str) -> Iterator[None]:
        """Close the client where the broker does not answer it, or the group went on without it."""
        try:
            with faults_named(what):
                yield
        except (BusUnavailable, BusRefused):
            self.close()
            raise

    def _join(self) -> KafkaConsumer:
        consumer = self._cluster.open(
            KafkaConsumer,
            *self._topics,
            client_id=self._service,
            group_id=f"sandan.{self._service}",
            group_instance_id=f"{self._service}-{socket.gethostname()}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=MESSAGES_PER_POLL,
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=1_500,
            fetch_max_wait_ms=100,
            reconnect_backoff_max_ms=1_000,
        )
        try:
            # The first bootstrap comes before the topics are known. A member that joins without their partitions needs
            # a second rebalance at once, and that may get stuck (see _join_again_if_stuck).
            with faults_named(f"no Kafka broker at {self._cluster.addresses}"):
                consumer.bootstrap(timeout_ms=BOOTSTRAP_TIMEOUT_MS, refresh=True)
                self._require_topics(consumer)
        except BaseException:
            consumer.close(timeout_ms=0)
            raise
        return consumer

    def _require_topics(self, consumer: KafkaConsumer) -> None:
        """Wait for who makes the topics: services start beside the broker, and may be there sooner."""
        missing = [topic for topic in self._topics if not consumer.partitions_for_topic(topic)]
        if missing:
            raise BusUnavailable(f"no topic {', '.join(missing)} at {self._cluster.addresses} yet")

    def _join_again_if_stuck(self) -> None:
        """Begin anew where a rebalance does not end.

        kafka-python 3.0.12 forgets a rebalance that new metadata made necessary when the poll that began it ends first:
        the member then has no partitions and sends no heartbeats, for ever.
        """
        if self._consumer.group_metadata().state != MemberState.REBALANCING:
            self._settled_at_s = monotonic_s()
        elif monotonic_s() - self._settled_at_s > REBALANCE_S_MAX:
            logger.warning("rebalance does not end, joining again", extra={"topics": len(self._topics)})
            self.close()


class KafkaPublisher:
    """An idempotent producer whose queue is never longer than one call's messages."""

    def __init__(self, cluster: _Cluster, service: str) -> None:
        self._cluster = cluster
        self._service = service
        self._producer: KafkaProducer | None = self._made()

    def publish(self, messages: Iterable[Message]) -> None:
        """Send the messages and wait until the broker has them all."""
        try:
            with faults_named("messages could not be published"):
                self._publish(messages)
        except (BusUnavailable, BusRefused):
            # What is still queued would be sent once more beside the same messages of the next call.
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connection; what was published is already acknowledged."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            producer.close(timeout=CLOSE_TIMEOUT_S)
        except KafkaError:
            # kafka-python 3.0.12 gives up where something is still queued, and leaves its thread and sockets behind.
            producer._sender.force_close()  # noqa: SLF001 -- as above
            producer.close(timeout=CLOSE_TIMEOUT_S)

    def _publish(self, messages: Iterable[Message]) -> None:
        if self._producer is None:
            self._producer = self._made()
        pending = [
            self._producer.send(
                message.topic, key=message.key.encode(), value=message.body, headers=list(message.headers)
            )
            for message in messages
        ]
        give_up_at_s, stopping = monotonic_s() + PUBLISH_TIMEOUT_S, False
        for future in pending:
            while not future.is_done:
                if self._cluster.stop.is_set() and not stopping:
                    give_up_at_s, stopping = min(give_up_at_s, monotonic_s() + STOP_PATIENCE_S), True
                if monotonic_s() >= give_up_at_s:
                    raise BusUnavailable("messages could not be published: the broker has not acknowledged them")
                with contextlib.suppress(kafka_errors.KafkaTimeoutError):
                    future.get(timeout=LOOK_AT_STOP_EVERY_S)
            future.get()

    def _made(self) -> KafkaProducer:
        return self._cluster.open(
            KafkaProducer,
            client_id=self._service,
            acks="all",
            max_request_size=RECORD_BYTES_MAX,
            reconnect_backoff_max_ms=1_000,
            max_block_ms=METADATA_TIMEOUT_MS,
            metadata_max_age_ms=ASK_EVERY_MS,
        )


def _received(record: object) -> Received:
    topic: str = record.topic  # type: ignore[attr-defined] # kafka-python ships no types
    key: bytes | None = record.key  # type: ignore[attr-defined] # as above
    value: bytes | None = record.value  # type: ignore[attr-defined] # as above
    headers: Iterable[tuple[str, bytes]] = record.headers  # type: ignore[attr-defined] # as above
    message = Message(
        topic=topic,
        key=(key or b"").decode(errors="replace"),
        body=value or b"",
        headers=tuple((name, content) for name, content in headers),
    )
    partition: int = record.partition  # type: ignore[attr-defined] # as above
    offset: int = record.offset  # type: ignore[attr-defined] # as above
    return Received(message=message, partition=partition, offset=offset)
