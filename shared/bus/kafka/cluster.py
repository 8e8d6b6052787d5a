"""What all clients of a Kafka cluster share: how they are opened, and which of their faults pass.

A client is built when the broker answers, and closed for good when it stops answering: the next call builds another.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from kafka import errors as kafka_errors
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from shared.bus.acknowledged import Acknowledged
from shared.bus.entry import MECHANISM, Entry
from shared.bus.layout import TopicLayout
from shared.bus.listening import require_listener
from shared.bus.port import BusRefused, BusUnavailable
from shared.events.wire import FRAME_BYTES_MAX, MESSAGE_BYTES_MAX

# Together they stay below the ten seconds in which a process has to be gone, whichever of them a stop meets.
BOOTSTRAP_TIMEOUT_MS = 4_000
CLOSE_TIMEOUT_S = 1.0
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


class KafkaCluster:
    """What the clients of one bus share: addresses, names, when a server was heard, and whether to stop waiting."""

    def __init__(self, bootstrap_servers: str, layout: TopicLayout, entry: Entry | None = None) -> None:
        self.addresses = bootstrap_servers
        self.layout = layout
        self._entry = {} if entry is None else _entry_settings(entry)
        self.acknowledged = Acknowledged()
        self.stop = threading.Event()

    def open(self, kind: Callable[..., Client], *topics: str, **settings: Any) -> Client:
        """Build a client; one that fails half way is closed completely.

        Raises:
            BusUnavailable: Nothing listens at the addresses, or what does says nothing.
            BusRefused: The cluster says no.
        """
        require_listener(self.addresses)
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
                    bootstrap_servers=self.addresses.split(","),
                    bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
                    kafka_client=net_client,
                    **self._entry,
                    **settings,
                )
        except BaseException:
            # Its threads and sockets live on otherwise, and nothing holds them any more.
            for one in opened:
                one.close()
            raise


def _entry_settings(entry: Entry) -> dict[str, Any]:
    return {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": MECHANISM,
        "sasl_plain_username": entry.user,
        "sasl_plain_password": entry.password,
        "ssl_cafile": None if entry.ca_file is None else str(entry.ca_file),
    }


@contextlib.contextmanager
def faults_named(what: str) -> Iterator[None]:
    """Turn the client library's errors into the port's two."""
    try:
        yield
    except KafkaError as error:
        if error.retriable or isinstance(error, MENDED_BY_A_NEW_CLIENT):
            raise BusUnavailable(f"{what}: {error}") from error
        raise BusRefused(f"{what}: {error}") from error
