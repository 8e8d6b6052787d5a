"""A service's place in its consumer group."""

import contextlib
import logging
import socket
from collections.abc import Iterator, Mapping, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from shared.bus.librdkafka.cluster import PASSING, LibrdkafkaCluster
from shared.bus.port import Consumed, Received, nothing_consumed
from shared.events.wire import Message

logger = logging.getLogger(__name__)

MESSAGES_PER_POLL = 500
OFFSETS_TIMEOUT_S = 5.0
# The broker answers as soon as there is something; this is how long it holds a question to which there is nothing.
FETCH_WAIT_MS = 1_000
# The static member id lets a restarted service own its partitions again without waiting for the session to end.
SESSION_TIMEOUT_MS = 6_000
# What was fetched and not yet polled waits in memory; more of it would not make a service faster.
FETCHED_KB_MAX = 8_192
# A member that hears nothing asks; the coordinator of a living group answers at once.
ASK_EVERY_S, ANSWER_WAIT_S = 1.5, 0.5

Place = tuple[str, int]


class LibrdkafkaMember:
    """A consumer that commits only when told to and never decodes."""

    def __init__(
        self, cluster: LibrdkafkaCluster, service: str, topics: Sequence[str], consumed: Consumed = nothing_consumed
    ) -> None:
        self._cluster = cluster
        self._service = service
        self._topics = [cluster.layout.name_of(topic) for topic in topics]
        self._consumed = consumed
        # Where each owned partition goes on after the last commit, and after the last poll.
        self._begun: dict[Place, int] = {}
        self._polled: dict[Place, int] = {}
        self._open: Consumer | None = self._join()

    def poll(self, wait_s: float) -> Sequence[Received]:
        """Return what has arrived, waiting at most `wait_s` for the first message."""
        with self._or_leave("messages could not be read"):
            records = self._records(wait_s)
            for record in records:
                if (fault := record.error()) is not None:
                    raise KafkaException(fault)
        if records:
            self._cluster.acknowledged.answered()
        elif self._begun and self._cluster.acknowledged.silence_s() >= ASK_EVERY_S:
            self._ask()
        received = [self._received(record) for record in records]
        name_of = self._cluster.layout.name_of
        self._polled = {(name_of(one.message.topic), one.partition): one.offset + 1 for one in received}
        return received

    def _records(self, wait_s: float) -> list[Record]:
        """Return what is there; a call that waits for many would wait for all of them."""
        there = self._consumer.consume(MESSAGES_PER_POLL, 0)
        if there:
            return there
        first = self._consumer.poll(wait_s)
        return [] if first is None else [first, *self._consumer.consume(MESSAGES_PER_POLL - 1, 0)]

    def joined(self) -> bool:
        """Say whether this member has its partitions."""
        return bool(self._begun)

    def commit(self) -> None:
        """Commit the positions that the polls have reached."""
        if self._polled:
            offsets = [TopicPartition(topic, partition, at) for (topic, partition), at in self._polled.items()]
            with self._or_leave("offsets could not be committed"):
                for place in self._consumer.commit(offsets=offsets, asynchronous=False):
                    if place.error is not None:
                        raise KafkaException(place.error)
            self._cluster.acknowledged.answered()
        self._begun.update(self._polled)

    def rewind(self) -> None:
        """Go back to the last commit in every owned partition."""
        if self._open is None:
            return  # the next poll joins anew, at the last commit
        with self._or_leave("offsets could not be read"):
            self._open.assign(self._places())

    def close(self) -> None:
        """Leave the group."""
        consumer, self._open = self._open, None
        self._begun.clear()
        if consumer is not None:
            consumer.close()

    @property
    def _consumer(self) -> Consumer:
        if self._open is None:
            self._open = self._join()
        return self._open

    @contextlib.contextmanager
    def _or_leave(self, what: str) -> Iterator[None]:
        """Close the client where the broker does not answer it, or the group went on without it."""
        try:
            with self._cluster.faults_named(what):
                yield
        except BaseException:
            self.close()
            raise

    def _join(self) -> Consumer:
        consumer = self._cluster.open(
            Consumer,
            self._topics,
            client_id=self._service,
            group_id=self._cluster.layout.group_of(self._service),
            group_instance_id=f"{self._service}-{socket.gethostname()}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # One member has a complex's partition of every topic.
            partition_assignment_strategy="range",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=1_500,
            fetch_wait_max_ms=FETCH_WAIT_MS,
            queued_max_messages_kbytes=FETCHED_KB_MAX,
            check_crcs=True,
        )
        consumer.subscribe(self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        return consumer

    def _assigned(self, consumer: Consumer, places: Sequence[TopicPartition]) -> None:
        """Take over partitions, from where the service's database is if that is before the group's commit."""
        committed = consumer.committed(list(places), timeout=OFFSETS_TIMEOUT_S)
        consumed = self._consumed()
        self._begun = {}
        for place in committed:
            if place.error is not None:
                raise KafkaException(place.error)
            self._begun[place.topic, place.partition] = self._beginning(place, consumed)
        consumer.assign(self._places())

    def _beginning(self, place: TopicPartition, consumed: Mapping[tuple[str, int], int]) -> int:
        if place.offset < 0:
            return OFFSET_BEGINNING  # nothing was committed
        topic = self._cluster.layout.topic_of(place.topic)
        offset = min(place.offset, consumed.get((topic, place.partition), place.offset))
        if offset < place.offset:
            details = {"topic": topic, "partition": place.partition, "offset": offset, "group_at": place.offset}
            logger.warning("going back to where the database is", extra=details)
        return offset

    def _revoked(self, consumer: Consumer, places: Sequence[TopicPartition]) -> None:
        del consumer, places
        self._begun = {}

    def _places(self) -> list[TopicPartition]:
        return [TopicPartition(topic, partition, offset) for (topic, partition), offset in self._begun.items()]

    def _ask(self) -> None:
        """Hear whether the broker is still there; silence is for who asks `acknowledged`, and no fault of a poll."""
        topic, partition = next(iter(self._begun))
        try:
            self._consumer.committed([TopicPartition(topic, partition)], timeout=ANSWER_WAIT_S)
        except KafkaException as error:
            if error.args[0].name() not in PASSING:
                raise
        else:
            self._cluster.acknowledged.answered()

    def _received(self, record: Record) -> Received:
        topic: str = record.topic()  # type: ignore[assignment] # what was fetched has a place, and headers in pairs
        headers: Sequence[tuple[str, bytes | None]] = record.headers() or ()  # type: ignore[assignment] # as above
        partition: int = record.partition()  # type: ignore[assignment] # as above
        offset: int = record.offset()  # type: ignore[assignment] # as above
        message = Message(
            topic=self._cluster.layout.topic_of(topic),
            key=(record.key() or b"").decode(errors="replace"),
            body=record.value() or b"",
            headers=tuple((name, content or b"") for name, content in headers),
        )
        return Received(message=message, partition=partition, offset=offset)
