"""A service's way out."""

import contextlib
from collections.abc import Iterable
from typing import Any

from kafka import KafkaProducer
from kafka import errors as kafka_errors
from kafka.errors import KafkaError

from shared.bus.kafka.cluster import CLOSE_TIMEOUT_S, RECORD_BYTES_MAX, KafkaCluster, faults_named
from shared.bus.layout import require_partitions
from shared.bus.port import BusRefused, BusUnavailable
from shared.clock import monotonic_s
from shared.events.topics import partition_of
from shared.events.wire import Message

METADATA_TIMEOUT_MS = 4_000
# A slow broker may take this long; a stop shortens the wait.
PUBLISH_TIMEOUT_S = 10.0
STOP_PATIENCE_S = 1.0
LOOK_AT_STOP_EVERY_S = 0.2
# A producer that has nothing to send still asks who leads the partitions, so that a silent broker is noticed.
ASK_EVERY_MS = 5_000


class KafkaPublisher:
    """An idempotent producer whose queue is never longer than one call's messages."""

    def __init__(self, cluster: KafkaCluster, service: str) -> None:
        self._cluster = cluster
        self._service = service
        # Topics whose number of partitions is known to be right.
        self._checked: set[str] = set()
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
        pending = [self._sent(self._producer, message) for message in messages]
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

    def _sent(self, producer: KafkaProducer, message: Message) -> Any:
        topic = self._cluster.layout.name_of(message.topic)
        if topic not in self._checked:
            require_partitions(topic, len(producer.partitions_for(topic)))
            self._checked.add(topic)
        return producer.send(
            topic,
            key=message.key.encode(),
            value=message.body,
            headers=list(message.headers),
            partition=partition_of(message.complex_id),
        )

    def _made(self) -> KafkaProducer:
        self._checked = set()
        return self._cluster.open(
            KafkaProducer,
            client_id=self._service,
            acks="all",
            # A broker that lost its topics would make them anew by asking, with a number of partitions of its own.
            allow_auto_create_topics=False,
            max_request_size=RECORD_BYTES_MAX,
            reconnect_backoff_max_ms=1_000,
            max_block_ms=METADATA_TIMEOUT_MS,
            metadata_max_age_ms=ASK_EVERY_MS,
        )
