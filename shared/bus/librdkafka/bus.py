"""The bus over librdkafka; topics are made and checked over kafka-python, as a deployment does that once."""

import threading
from collections.abc import Sequence

from shared.bus.acknowledged import Acknowledged
from shared.bus.entry import Entry
from shared.bus.layout import ALONE, TopicLayout
from shared.bus.librdkafka.cluster import LibrdkafkaCluster
from shared.bus.librdkafka.member import LibrdkafkaMember
from shared.bus.librdkafka.publisher import LibrdkafkaPublisher
from shared.bus.port import Consumed, nothing_consumed


class LibrdkafkaBus:
    """A deployment's part of a Kafka cluster, given by its bootstrap servers ("host:port,host:port")."""

    def __init__(self, bootstrap_servers: str, layout: TopicLayout = ALONE, entry: Entry | None = None) -> None:
        self._cluster = LibrdkafkaCluster(bootstrap_servers, layout, entry)

    def consumer(self, service: str, topics: Sequence[str], consumed: Consumed = nothing_consumed) -> LibrdkafkaMember:
        """Join a service's group."""
        return LibrdkafkaMember(self._cluster, service, topics, consumed)

    def publisher(self, service: str) -> LibrdkafkaPublisher:
        """Open an idempotent producer."""
        return LibrdkafkaPublisher(self._cluster, service)

    @property
    def acknowledged(self) -> Acknowledged:
        """Return what the brokers last acknowledged; members of a group hear them every second and a half."""
        return self._cluster.acknowledged

    def heed(self, stop: threading.Event) -> None:
        """Wait for no broker any more once `stop` is set."""
        self._cluster.stop = stop
