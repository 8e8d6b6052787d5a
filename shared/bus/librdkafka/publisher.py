"""A service's way out."""

from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Record

from shared.bus.librdkafka.cluster import LibrdkafkaCluster
from shared.bus.port import BusUnavailable
from shared.clock import monotonic_s
from shared.events.topics import partition_of
from shared.events.wire import FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, Message

# A slow broker may take this long; a stop shortens the wait.
PUBLISH_TIMEOUT_S = 10.0
STOP_PATIENCE_S = 1.0
LOOK_AT_STOP_EVERY_S = 0.2
CLOSE_TIMEOUT_S = 1.0


class LibrdkafkaPublisher:
    """An idempotent producer whose queue is never longer than one call's messages."""

    def __init__(self, cluster: LibrdkafkaCluster, service: str) -> None:
        self._cluster = cluster
        self._service = service
        # Topics whose number of partitions is known to be right.
        self._checked: set[str] = set()
        self._fault: KafkaError | None = None
        self._producer: Producer | None = self._made()

    def publish(self, messages: Iterable[Message]) -> None:
        """Send the messages and wait until the broker has them all."""
        try:
            with self._cluster.faults_named("messages could not be published"):
                self._publish(messages)
        except BaseException:
            # What is still queued would be sent once more beside the same messages of the next call.
            self.close()
            raise
        self._cluster.acknowledged.answered()

    def close(self) -> None:
        """Let go of the connection; what was published is already acknowledged."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.flush(CLOSE_TIMEOUT_S)
            producer.close()

    def _publish(self, messages: Iterable[Message]) -> None:
        if self._producer is None:
            self._producer = self._made()
        producer, self._fault = self._producer, None
        for message in messages:
            self._send(producer, message)
        give_up_at_s, stopping = monotonic_s() + PUBLISH_TIMEOUT_S, False
        while producer.flush(LOOK_AT_STOP_EVERY_S):
            if self._cluster.stop.is_set() and not stopping:
                give_up_at_s, stopping = min(give_up_at_s, monotonic_s() + STOP_PATIENCE_S), True
            if monotonic_s() >= give_up_at_s:
                raise BusUnavailable("messages could not be published: the broker has not acknowledged them")
        if self._fault is not None:
            raise KafkaException(self._fault)

    def _send(self, producer: Producer, message: Message) -> None:
        topic = self._cluster.layout.name_of(message.topic)
        if topic not in self._checked:
            self._cluster.require_topics(producer, [topic])
            self._checked.add(topic)
        try:
            producer.produce(
                topic,
                key=message.key.encode(),
                value=message.body,
                headers=list(message.headers),
                partition=partition_of(message.complex_id),
                on_delivery=self._delivered,
            )
        except BufferError as full:
            raise BusUnavailable(f"messages could not be published: {full}") from full

    def _delivered(self, error: KafkaError | None, record: Record) -> None:
        del record
        if error is not None and self._fault is None:
            self._fault = error

    def _made(self) -> Producer:
        self._checked = set()
        return self._cluster.open(
            Producer,
            client_id=self._service,
            acks="all",
            enable_idempotence=True,
            message_max_bytes=MESSAGE_BYTES_MAX + FRAME_BYTES_MAX,
            message_timeout_ms=int(PUBLISH_TIMEOUT_S * 1000),
            # A call flushes what it has queued, so that nothing else need be waited for.
            linger_ms=5,
        )
