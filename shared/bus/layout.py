"""How the topics of a deployment lie on a cluster: their names, their partitions, their copies."""

from dataclasses import dataclass

from shared.bus.port import BusRefused
from shared.events.topics import PARTITIONS
from shared.settings import DeploymentSettings

# Where there are so many brokers, each message has as many copies, and is acknowledged once two have it.
COPIES, COPIES_IN_SYNC = 3, 2


@dataclass(frozen=True, slots=True)
class TopicLayout:
    """A deployment's own settings of a cluster.

    Attributes:
        prefix: Stands before the name of each topic and group, so that several deployments share a cluster.
        replication_factor: How many copies there are of each message; None: 3 where there are so many brokers, else 1.
        min_insync_replicas: How many copies must have a message before it counts as sent; None: 2 of 3, else 1.
    """

    prefix: str = ""
    replication_factor: int | None = None
    min_insync_replicas: int | None = None

    def name_of(self, topic: str) -> str:
        """Return a topic's name on the cluster."""
        return f"{self.prefix}{topic}"

    def topic_of(self, name: str) -> str:
        """Return the topic of a name on the cluster."""
        return name.removeprefix(self.prefix)

    def group_of(self, service: str) -> str:
        """Return the consumer group of a service."""
        return f"{self.prefix}sandan.{service}"

    def replication_on(self, brokers: int) -> int:
        """Return the replication factor of topics on so many brokers."""
        return self.replication_factor or (COPIES if brokers >= COPIES else 1)

    def min_insync_of(self, copies: int) -> int:
        """Return how many of a message's copies must be there before it counts as sent."""
        return self.min_insync_replicas or (COPIES_IN_SYNC if copies >= COPIES else 1)


ALONE = TopicLayout()


def layout_of(settings: DeploymentSettings) -> TopicLayout:
    """Return how a deployment's settings want its topics."""
    return TopicLayout(
        prefix=settings.topic_prefix,
        replication_factor=settings.replication_factor,
        min_insync_replicas=settings.min_insync_replicas,
    )


@dataclass(frozen=True, slots=True)
class TopicFlaw:
    """What is wrong with a topic that the cluster has: the rule it breaks, and how it is."""

    topic: str
    rule: str
    value: int

    def __str__(self) -> str:
        return f"topic {self.topic} {self.rule}, has {self.value}"


class TopicsUnfit(BusRefused):
    """Topics on the cluster are not as the deployment needs them; a person has to move them or to name others."""

    def __init__(self, *flaws: TopicFlaw) -> None:
        super().__init__("; ".join(map(str, flaws)))
        self.flaws = flaws


def require_partitions(topic: str, found: int) -> None:
    """Refuse a topic of another number of partitions.

    A complex would lie elsewhere on it than on the others, and its events with another member of the group.

    Raises:
        TopicsUnfit: It has too few or too many.
    """
    if found != PARTITIONS:
        raise TopicsUnfit(TopicFlaw(topic, f"must have {PARTITIONS} partitions", found))
