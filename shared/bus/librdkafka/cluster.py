"""What all clients of a cluster share: how they are opened, and which of their faults pass."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from confluent_kafka import KafkaError, KafkaException

from shared.bus.acknowledged import Acknowledged
from shared.bus.entry import MECHANISM, Entry
from shared.bus.layout import TopicLayout, require_partitions
from shared.bus.listening import require_listener
from shared.bus.port import BusRefused, BusUnavailable

if TYPE_CHECKING:
    from confluent_kafka.admin._metadata import ClusterMetadata

logger = logging.getLogger(__name__)

METADATA_TIMEOUT_S = 4.0
# One answer of a broker; with the other waits it stays below the ten seconds in which a process has to be gone.
SOCKET_TIMEOUT_MS = 5_000
# The same client or a new one gets on once the broker is back, the leader is chosen or the group has settled. Of all
# else a person has to know. By librdkafka's names, of which its own begin with an underscore.
PASSING = frozenset(
    {
        *("_ALL_BROKERS_DOWN", "_ASSIGNMENT_LOST", "_DESTROY", "_DESTROY_BROKER", "_FAIL", "_IN_PROGRESS", "_INTR"),
        *("_ISR_INSUFF", "_MAX_POLL_EXCEEDED", "_MSG_TIMED_OUT", "_NODE_UPDATE", "_NO_OFFSET", "_PREV_IN_PROGRESS"),
        *("_PURGE_INFLIGHT", "_PURGE_QUEUE", "_QUEUE_FULL", "_RESOLVE", "_RETRY", "_STATE", "_TIMED_OUT"),
        *("_TIMED_OUT_QUEUE", "_TRANSPORT", "_UNKNOWN_BROKER", "_UNKNOWN_GROUP", "_UNKNOWN_PARTITION"),
        *("_UNKNOWN_TOPIC", "_WAIT_CACHE", "_WAIT_COORD", "BROKER_NOT_AVAILABLE", "COORDINATOR_LOAD_IN_PROGRESS"),
        *("COORDINATOR_NOT_AVAILABLE", "FENCED_LEADER_EPOCH", "ILLEGAL_GENERATION", "INVALID_PRODUCER_EPOCH"),
        *("INVALID_PRODUCER_ID_MAPPING", "KAFKA_STORAGE_ERROR", "LEADER_NOT_AVAILABLE", "NETWORK_EXCEPTION"),
        *("NOT_CONTROLLER", "NOT_COORDINATOR", "NOT_ENOUGH_REPLICAS", "NOT_ENOUGH_REPLICAS_AFTER_APPEND"),
        *("NOT_LEADER_FOR_PARTITION", "OFFSET_NOT_AVAILABLE", "OUT_OF_ORDER_SEQUENCE_NUMBER"),
        *("REBALANCE_IN_PROGRESS", "REPLICA_NOT_AVAILABLE", "REQUEST_TIMED_OUT", "UNKNOWN_LEADER_EPOCH"),
        *("UNKNOWN_MEMBER_ID", "UNKNOWN_PRODUCER_ID", "UNKNOWN_TOPIC_OR_PART", "UNSTABLE_OFFSET_COMMIT"),
    }
)
# The client tells of these beside its calls, which then only say that the broker did not answer.
NO_ENTRY = frozenset({"_AUTHENTICATION", "_SSL", "SASL_AUTHENTICATION_FAILED"})


class _Client(Protocol):
    def list_topics(self, topic: str = ..., timeout: float = ...) -> "ClusterMetadata": ...

    def poll(self, timeout: float = ...) -> object: ...

    def close(self) -> object: ...


Client = TypeVar("Client", bound=_Client)


class LibrdkafkaCluster:
    """What the clients of one bus share: addresses, names, how to enter, when a server was heard, whether to stop."""

    def __init__(self, bootstrap_servers: str, layout: TopicLayout, entry: Entry | None = None) -> None:
        self.addresses = bootstrap_servers
        self.layout = layout
        self.acknowledged = Acknowledged()
        self.stop = threading.Event()
        self._entry = {} if entry is None else _entry_settings(entry)
        self._no_entry: KafkaError | None = None

    def open(self, kind: Callable[..., Client], topics: Iterable[str] = (), **settings: Any) -> Client:
        """Build a client of a cluster that answers and has some topics; one that fails half way is closed completely.

        Args:
            kind: The client's class.
            topics: Names on the cluster.
            settings: librdkafka's own, with `_` for the dots in their names.

        Raises:
            BusUnavailable: Nothing listens at the addresses, what does says nothing, or topics are not made yet.
            BusRefused: The cluster says no, or its topics are unfit.
        """
        require_listener(self.addresses)
        common = {"bootstrap_servers": self.addresses, "socket_timeout_ms": SOCKET_TIMEOUT_MS, **self._entry}
        named = {name.replace("_", "."): value for name, value in {**common, **settings}.items()}
        self._no_entry = None
        client = kind({**named, "error_cb": self._told, "reconnect.backoff.max.ms": 1_000}, logger=logger)
        try:
            self.require_topics(client, topics)
        except BaseException:
            client.close()
            raise
        return client

    def require_topics(self, client: _Client, topics: Iterable[str]) -> None:
        """Pass where the broker answers and topics are there, with the partitions that they must have."""
        with self.faults_named(f"no Kafka broker at {self.addresses}"):
            try:
                found = client.list_topics(timeout=METADATA_TIMEOUT_S).topics
            except KafkaException:
                # What else the client has to say about it, it says when it is polled.
                client.poll(0)
                raise
        self.acknowledged.answered()
        wanted = list(topics)
        missing = [topic for topic in wanted if topic not in found or not found[topic].partitions]
        if missing:
            raise BusUnavailable(f"no topic {', '.join(missing)} at {self.addresses} yet")
        for topic in wanted:
            require_partitions(topic, len(found[topic].partitions))

    @contextlib.contextmanager
    def faults_named(self, what: str) -> Iterator[None]:
        """Turn the client library's errors into the port's two."""
        try:
            yield
        except KafkaException as error:
            fault: KafkaError = error.args[0]
            if self._no_entry is not None:
                raise BusRefused(f"{what}: {self._no_entry.name()}: {self._no_entry.str()}") from error
            if fault.name() in PASSING or fault.retriable():
                raise BusUnavailable(f"{what}: {fault.name()}: {fault.str()}") from error
            raise BusRefused(f"{what}: {fault.name()}: {fault.str()}") from error

    def _told(self, error: KafkaError) -> None:
        """Take note of why the cluster lets nobody in; all else the call says that it is about."""
        if error.name() in NO_ENTRY:
            self._no_entry = error


def _entry_settings(entry: Entry) -> dict[str, Any]:
    known = {} if entry.ca_file is None else {"ssl_ca_location": str(entry.ca_file)}
    user = {"sasl_username": entry.user, "sasl_password": entry.password}
    return {"security_protocol": "SASL_SSL", "sasl_mechanism": MECHANISM, **user, **known}
