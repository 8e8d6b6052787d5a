"""The deployment's topics on a cluster: made where they are missing, checked where they are there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError

from shared.bus.kafka.cluster import RECORD_BYTES_MAX, KafkaCluster, faults_named
from shared.bus.layout import TopicFlaw, TopicsUnfit, require_partitions
from shared.bus.port import BusRefused
from shared.events.topics import PARTITIONS, TOPICS


def create(cluster: KafkaCluster) -> list[str]:
    """Create what the cluster lacks, and return the new names; see `KafkaBus.create_topics`."""
    layout = cluster.layout
    admin = cluster.open(KafkaAdminClient, client_id="sandan-topics")
    try:
        with faults_named("topics could not be created"):
            copies = layout.replication_on(len(admin.describe_cluster()["brokers"]))
            there = {topic["name"]: topic for topic in admin.describe_topics()}
            _check(cluster, there, copies)
            missing = sorted(set(_configs(cluster, copies)) - set(there))
            configs = _configs(cluster, copies)
            new = [NewTopic(name, PARTITIONS, copies, topic_configs=configs[name]) for name in missing]
            if new:
                admin.create_topics(new)
    except BusRefused as error:
        if not isinstance(error.__cause__, TopicAlreadyExistsError):
            raise
        # Another process of ours was quicker.
        return []
    finally:
        admin.close()
    return missing


def delete_unfit(cluster: KafkaCluster) -> None:
    """Delete the table's topics that have another number of partitions, with what they hold."""
    admin = cluster.open(KafkaAdminClient, client_id="sandan-topics")
    try:
        with faults_named("topics could not be deleted"):
            there = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}
            ours = [cluster.layout.name_of(topic.name) for topic in TOPICS]
            unfit = [name for name in ours if there.get(name, PARTITIONS) != PARTITIONS]
            if unfit:
                admin.delete_topics(unfit)
    finally:
        admin.close()


def messages_held(cluster: KafkaCluster) -> int:
    """Return how many messages all of the table's topics hold."""
    consumer = cluster.open(KafkaConsumer, enable_auto_commit=False)
    try:
        places = [
            TopicPartition(cluster.layout.name_of(topic.name), part) for topic in TOPICS for part in range(PARTITIONS)
        ]
        ends = consumer.end_offsets(places)
        starts = consumer.beginning_offsets(places)
        return sum(ends[place] - starts[place] for place in places)
    finally:
        consumer.close()


def _configs(cluster: KafkaCluster, copies: int) -> dict[str, dict[str, str]]:
    """Return the settings of each topic by its name on the cluster."""
    layout = cluster.layout
    return {
        layout.name_of(topic.name): {
            "retention.ms": str(int(topic.retention.total_seconds() * 1000)),
            "max.message.bytes": str(RECORD_BYTES_MAX),
            "min.insync.replicas": str(layout.min_insync_of(copies)),
        }
        for topic in TOPICS
    }


def _check(cluster: KafkaCluster, there: Mapping[str, Mapping[str, Any]], copies: int) -> None:
    flaws = [
        flaw
        for topic in TOPICS
        if (name := cluster.layout.name_of(topic.name)) in there
        for flaw in _flaws(name, there[name]["partitions"], copies)
    ]
    if flaws:
        raise TopicsUnfit(*flaws)


def _flaws(name: str, partitions: Sequence[Mapping[str, Any]], copies: int) -> Iterator[TopicFlaw]:
    try:
        require_partitions(name, len(partitions))
    except TopicsUnfit as unfit:
        yield from unfit.flaws
    fewest = min((len(partition["replica_nodes"]) for partition in partitions), default=0)
    if fewest < copies:
        yield TopicFlaw(name, f"must have at least {copies} copies of each partition", fewest)
