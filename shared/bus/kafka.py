"""Kafka through kafka-python: the only module that imports it."""

import logging
import socket
from collections.abc import Iterable, Sequence

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.structs import MemberState, OffsetAndMetadata

from shared.bus.port import BusUnavailable, Received
from shared.clock import monotonic_s
from shared.events.topics import PARTITIONS, TOPICS
from shared.events.wire import Message

logger = logging.getLogger(__name__)

MESSAGES_PER_POLL = 500
PUBLISH_TIMEOUT_S = 10.0
# The static member id lets a restarted service own its partitions again without waiting for the session to end.
SESSION_TIMEOUT_MS = 6_000
BOOTSTRAP_TIMEOUT_MS = 5_000
# A dead member holds up the others for one session; a rebalance that takes longer than this is no rebalance any more.
REBALANCE_S_MAX = 8.0


class KafkaBus:
    """A Kafka cluster, given by its bootstrap servers ("host:port,host:port")."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers.split(",")

    def consumer(self, service: str, topics: Sequence[str]) -> "KafkaGroupMember":
        """Join a service's group."""
        return KafkaGroupMember(self._servers, service, topics)

    def publisher(self, service: str) -> "KafkaPublisher":
        """Open an idempotent producer."""
        return KafkaPublisher(self._servers, service)

    def create_topics(self) -> list[str]:
        """Create what the table of topics names and the cluster lacks; return the new names."""
        wanted = {topic.name: int(topic.retention.total_seconds() * 1000) for topic in TOPICS}
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=self._servers, client_id="sandan-topics", bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS
            )
        except KafkaError as error:
            raise BusUnavailable(f"no Kafka broker at {','.join(self._servers)}: {error}") from error
        try:
            missing = sorted(set(wanted) - set(admin.list_topics()))
            new = [NewTopic(name, PARTITIONS, 1, topic_configs={"retention.ms": str(wanted[name])}) for name in missing]
            if new:
                admin.create_topics(new)
        except TopicAlreadyExistsError:
            # Another process of ours was quicker.
            return []
        except KafkaError as error:
            raise BusUnavailable(f"topics could not be created: {error}") from error
        finally:
            admin.close()
        return missing

    def messages_held(self) -> int:
        """Return how many messages all of the table's topics hold."""
        consumer = KafkaConsumer(bootstrap_servers=self._servers, enable_auto_commit=False)
        try:
            places = [TopicPartition(topic.name, part) for topic in TOPICS for part in range(PARTITIONS)]
            ends = consumer.end_offsets(places)
            starts = consumer.beginning_offsets(places)
            return sum(ends[place] - starts[place] for place in places)
        finally:
            consumer.close()


class KafkaGroupMember:
    """A consumer that commits only when told to and never decodes."""

    def __init__(self, servers: Sequence[str], service: str, topics: Sequence[str]) -> None:
        self._servers = servers
        self._service = service
        self._topics = topics
        self._consumer = self._join()
        self._settled_at_s = monotonic_s()

    def poll(self, wait_s: float) -> Sequence[Received]:
        """Return what has arrived, waiting at most `wait_s` for the first message."""
        try:
            self._join_again_if_stuck()
            batches = self._consumer.poll(timeout_ms=int(wait_s * 1000))
        except KafkaError as error:
            raise BusUnavailable(str(error)) from error
        return [_received(record) for batch in batches.values() for record in batch]

    def joined(self) -> bool:
        """Say whether the group is settled and this member in it."""
        return bool(self._consumer.group_metadata().state == MemberState.STABLE)

    def commit(self) -> None:
        """Commit the positions that the polls have reached."""
        try:
            self._consumer.commit()
        except KafkaError as error:
            raise BusUnavailable(f"offsets could not be committed: {error}") from error

    def rewind(self) -> None:
        """Seek every owned partition to its last commit."""
        try:
            for place in self._consumer.assignment():
                kept: OffsetAndMetadata | int | None = self._consumer.committed(place)
                if kept is None:
                    self._consumer.seek_to_beginning(place)
                else:
                    self._consumer.seek(place, kept)
        except KafkaError as error:
            raise BusUnavailable(f"offsets could not be read: {error}") from error

    def close(self) -> None:
        """Leave the group."""
        try:
            self._consumer.close()
        except KafkaError as error:
            logger.warning("consumer did not close cleanly", extra={"reason": str(error)})

    def _join(self) -> KafkaConsumer:
        try:
            consumer = KafkaConsumer(
                *self._topics,
                bootstrap_servers=list(self._servers),
                client_id=self._service,
                group_id=f"sandan.{self._service}",
                group_instance_id=f"{self._service}-{socket.gethostname()}",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_poll_records=MESSAGES_PER_POLL,
                session_timeout_ms=SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=1_500,
                fetch_max_wait_ms=100,
                bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
                reconnect_backoff_max_ms=1_000,
            )
            # The first bootstrap comes before the topics are known. A member that joins without their partitions needs
            # a second rebalance at once, and that may get stuck (see _join_again_if_stuck).
            consumer.bootstrap(timeout_ms=BOOTSTRAP_TIMEOUT_MS, refresh=True)
        except KafkaError as error:
            raise BusUnavailable(f"no Kafka broker at {','.join(self._servers)}: {error}") from error
        return consumer

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
            self._consumer = self._join()
            self._settled_at_s = monotonic_s()


class KafkaPublisher:
    """An idempotent producer whose queue is never longer than one call's messages."""

    def __init__(self, servers: Sequence[str], service: str) -> None:
        try:
            self._producer = KafkaProducer(
                bootstrap_servers=list(servers),
                client_id=service,
                acks="all",
                bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
                reconnect_backoff_max_ms=1_000,
                max_block_ms=int(PUBLISH_TIMEOUT_S * 1000),
            )
        except KafkaError as error:
            raise BusUnavailable(f"no Kafka broker at {','.join(servers)}: {error}") from error

    def publish(self, messages: Iterable[Message]) -> None:
        """Send the messages and wait until the broker has them all."""
        try:
            pending = [
                self._producer.send(
                    message.topic, key=message.key.encode(), value=message.body, headers=list(message.headers)
                )
                for message in messages
            ]
            self._producer.flush(timeout=PUBLISH_TIMEOUT_S)
            for future in pending:
                future.get(timeout=PUBLISH_TIMEOUT_S)
        except KafkaError as error:
            raise BusUnavailable(f"messages could not be published: {error}") from error

    def close(self) -> None:
        """Let go of the connection; what was published is already acknowledged."""
        try:
            self._producer.close(timeout=1)
        except KafkaError as error:
            logger.warning("producer did not close cleanly", extra={"reason": str(error)})


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
