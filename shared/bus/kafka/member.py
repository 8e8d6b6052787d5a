"""A service's place in its consumer group."""

import contextlib
import logging
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import MemberState

from shared.bus.kafka.cluster import BOOTSTRAP_TIMEOUT_MS, CLOSE_TIMEOUT_S, KafkaCluster, faults_named
from shared.bus.layout import require_partitions
from shared.bus.port import BusRefused, BusUnavailable, Consumed, Received, nothing_consumed
from shared.clock import monotonic_s
from shared.events.wire import Message

logger = logging.getLogger(__name__)

MESSAGES_PER_POLL = 500
COMMIT_TIMEOUT_MS = 5_000
# The broker answers as soon as there is something; this is how long it holds a question to which there is nothing.
FETCH_WAIT_MS = 1_000
# The static member id lets a restarted service own its partitions again without waiting for the session to end.
SESSION_TIMEOUT_MS = 6_000
# A dead member holds up the others for one session; a rebalance that takes longer than this is no rebalance any more.
REBALANCE_S_MAX = 8.0

Batches = Mapping[TopicPartition, Sequence[Any]]


class KafkaGroupMember:
    """A consumer that commits only when told to and never decodes."""

    def __init__(
        self, cluster: KafkaCluster, service: str, topics: Sequence[str], consumed: Consumed = nothing_consumed
    ) -> None:
        self._cluster = cluster
        self._service = service
        self._topics = [cluster.layout.name_of(topic) for topic in topics]
        self._consumed = consumed
        # Where each owned partition goes on after the last commit, and after the last poll.
        self._begun: dict[TopicPartition, int] = {}
        self._polled: dict[TopicPartition, int] = {}
        self._open: KafkaConsumer | None = self._join()
        self._settled_at_s = monotonic_s()

    def poll(self, wait_s: float) -> Sequence[Received]:
        """Return what has arrived, waiting at most `wait_s` for the first message."""
        with self._or_leave("messages could not be read"):
            self._join_again_if_stuck()
            batches = self._consumer.poll(timeout_ms=int(wait_s * 1000))
            owned = frozenset(self._consumer.assignment())
        self._begun = {place: offset for place, offset in self._begun.items() if place in owned}
        new = owned - self._begun.keys()
        if new:
            batches = self._begin(new, batches)
        self._polled = {place: batch[-1].offset + 1 for place, batch in batches.items() if batch}
        return [self._received(record) for batch in batches.values() for record in batch]

    def _begin(self, new: frozenset[TopicPartition], batches: Batches) -> Batches:
        """Take over partitions, from where the service's database is if that is before the group's commit.

        Returns:
            What of the poll stands: what follows an offset that is sought comes again, behind what was missed.
        """
        with self._or_leave("offsets could not be read"):
            consumed = self._consumed()
            for place in new:
                polled = batches.get(place)
                start = polled[0].offset if polled else self._consumer.position(place, timeout_ms=COMMIT_TIMEOUT_MS)
                if start is None:
                    continue  # the broker has not said yet; the next poll asks again
                offset = min(start, consumed.get((self._cluster.layout.topic_of(place.topic), place.partition), start))
                if offset < start:
                    logger.warning(
                        "going back to where the database is",
                        extra={"topic": place.topic, "partition": place.partition, "offset": offset, "group_at": start},
                    )
                    self._consumer.seek(place, offset)
                    batches = {other: batch for other, batch in batches.items() if other != place}
                self._begun[place] = offset
        return batches

    def joined(self) -> bool:
        """Say whether the group is settled and this member in it."""
        return self._open is not None and bool(self._open.group_metadata().state == MemberState.STABLE)

    def commit(self) -> None:
        """Commit the positions that the polls have reached."""
        with self._or_leave("offsets could not be committed"):
            self._consumer.commit(timeout_ms=COMMIT_TIMEOUT_MS)
        self._begun.update(self._polled)

    def rewind(self) -> None:
        """Seek every owned partition to its last commit."""
        if self._open is None:
            return  # the next poll joins anew, at the last commit
        with self._or_leave("offsets could not be read"):
            for place in self._open.assignment():
                if place in self._begun:
                    self._open.seek(place, self._begun[place])

    def close(self) -> None:
        """Leave the group."""
        consumer, self._open = self._open, None
        self._begun.clear()
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
            group_id=self._cluster.layout.group_of(self._service),
            group_instance_id=f"{self._service}-{socket.gethostname()}",
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            auto_offset_reset="earliest",
            max_poll_records=MESSAGES_PER_POLL,
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=1_500,
            fetch_max_wait_ms=FETCH_WAIT_MS,
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
        partitions = {topic: len(consumer.partitions_for_topic(topic) or ()) for topic in self._topics}
        missing = [topic for topic, count in partitions.items() if not count]
        if missing:
            raise BusUnavailable(f"no topic {', '.join(missing)} at {self._cluster.addresses} yet")
        for topic, count in partitions.items():
            require_partitions(topic, count)

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

    def _received(self, record: object) -> Received:
        topic: str = record.topic  # type: ignore[attr-defined] # kafka-python ships no types
        key: bytes | None = record.key  # type: ignore[attr-defined] # as above
        value: bytes | None = record.value  # type: ignore[attr-defined] # as above
        headers: Iterable[tuple[str, bytes]] = record.headers  # type: ignore[attr-defined] # as above
        message = Message(
            topic=self._cluster.layout.topic_of(topic),
            key=(key or b"").decode(errors="replace"),
            body=value or b"",
            headers=tuple((name, content) for name, content in headers),
        )
        partition: int = record.partition  # type: ignore[attr-defined] # as above
        offset: int = record.offset  # type: ignore[attr-defined] # as above
        return Received(message=message, partition=partition, offset=offset)
