"""The bus of everything that serves people: a Kafka cluster."""

import threading
from collections.abc import Sequence

from shared.bus.acknowledged import Acknowledged
from shared.bus.entry import Entry
from shared.bus.kafka import topics
from shared.bus.kafka.cluster import KafkaCluster
from shared.bus.kafka.member import KafkaGroupMember
from shared.bus.kafka.publisher import KafkaPublisher
from shared.bus.layout import ALONE, TopicLayout
from shared.bus.port import Consumed, nothing_consumed


class KafkaBus:
    """A deployment's part of a Kafka cluster, given by its bootstrap servers ("host:port,host:port")."""

    def __init__(self, bootstrap_servers: str, layout: TopicLayout = ALONE, entry: Entry | None = None) -> None:
        self._cluster = KafkaCluster(bootstrap_servers, layout, entry)

    def consumer(
        self, service: str, topics: Sequence[str], consumed: Consumed = nothing_consumed
    ) -> "KafkaGroupMember":
        """Join a service's group."""
        return KafkaGroupMember(self._cluster, service, topics, consumed)

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
        """Create what the table of topics names and the cluster lacks, check the others, and return the new names.

        Raises:
            TopicsUnfit: A topic has another number of partitions, or fewer copies, than it must; nothing was created.
        """
        return topics.create(self._cluster)

    def make_topics_again(self) -> None:
        """Create the topics on a broker that has lost all of them, whatever it has made by itself since.

        Such a broker makes a topic when a client asks for it, with a number of partitions of its own.

        Raises:
            TopicsUnfit: It has made one again meanwhile.
        """
        topics.delete_unfit(self._cluster)
        topics.create(self._cluster)

    def messages_held(self) -> int:
        """Return how many messages all of the table's topics hold."""
        return topics.messages_held(self._cluster)
