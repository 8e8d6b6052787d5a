"""A deployment's topics on a cluster that it shares, and topics that are not as it needs them."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from cli.brokers import Broker
from shared.bus.kafka.bus import KafkaBus
from shared.bus.layout import TopicFlaw, TopicLayout, TopicsUnfit, layout_of
from shared.events.topics import PARTITIONS, TOPICS
from shared.events.wire import Message
from shared.settings import DeploymentSettings

TOPIC = "planner.results.v1"
POLLS_MAX = 400


@pytest.fixture
def prefix() -> str:
    return f"{uuid4().hex[:12]}."


@pytest.fixture
def admin(broker: Broker) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    yield client
    client.close()


def bodies(bus: KafkaBus, count: int) -> list[bytes]:
    member, found = bus.consumer(f"test-{uuid4().hex}", [TOPIC]), list[bytes]()
    for _ in range(POLLS_MAX):
        found += [one.message.body for one in member.poll(0.05) if one.message.key == "shared"]
        if len(found) >= count:
            break
    member.close()
    return found


def test_deployments_with_prefixes_share_a_cluster_and_never_meet(broker: Broker, prefix: str) -> None:
    ours, theirs = (KafkaBus(broker.bootstrap_servers, TopicLayout(prefix=f"{prefix}{name}.")) for name in ("a", "b"))
    for bus, body in ((ours, b"ours"), (theirs, b"theirs")):
        assert len(bus.create_topics()) == len(TOPICS)
        publisher = bus.publisher("planner")
        publisher.publish([Message(topic=TOPIC, key="shared", body=body, headers=())])
        publisher.close()

    assert (bodies(ours, 1), bodies(theirs, 1)) == ([b"ours"], [b"theirs"])
    assert (ours.create_topics(), ours.messages_held()) == ([], 1)


def test_topic_of_another_number_of_partitions_is_refused_by_all_who_meet_it(
    broker: Broker, prefix: str, admin: KafkaAdminClient
) -> None:
    bus = KafkaBus(broker.bootstrap_servers, TopicLayout(prefix=prefix))
    admin.create_topics([NewTopic(f"{prefix}{TOPIC}", 3, 1)])
    publisher = bus.publisher("planner")
    flaw = TopicFlaw(f"{prefix}{TOPIC}", f"must have {PARTITIONS} partitions", 3)

    with pytest.raises(TopicsUnfit, match=re.escape(f"topic {flaw.topic} must have 12 partitions, has 3")) as refused:
        bus.create_topics()
    with pytest.raises(TopicsUnfit, match="must have 12 partitions"):
        bus.consumer("planner", [TOPIC])
    with pytest.raises(TopicsUnfit, match="must have 12 partitions"):
        publisher.publish([Message(topic=TOPIC, key="k", body=b"1", headers=())])

    assert refused.value.flaws == (flaw,)
    # Nothing half done: none of the others was made.
    assert [name for name in admin.list_topics() if name.startswith(prefix)] == [f"{prefix}{TOPIC}"]
    publisher.close()


def test_topics_with_fewer_copies_than_set_are_named(broker: Broker, prefix: str) -> None:
    KafkaBus(broker.bootstrap_servers, TopicLayout(prefix=prefix)).create_topics()
    settings = DeploymentSettings(topic_prefix=prefix, replication_factor=2)

    with pytest.raises(TopicsUnfit) as refused:
        KafkaBus(broker.bootstrap_servers, layout_of(settings)).create_topics()

    assert len(refused.value.flaws) == len(TOPICS)
    assert refused.value.flaws[0].rule == "must have at least 2 copies of each partition"


def test_where_there_are_three_brokers_messages_have_three_copies_and_wait_for_two() -> None:
    layout = TopicLayout()

    assert [layout.replication_on(brokers) for brokers in (1, 2, 3, 5)] == [1, 1, 3, 3]
    assert [layout.min_insync_of(copies) for copies in (1, 2, 3)] == [1, 1, 2]
    stated = TopicLayout(replication_factor=2, min_insync_replicas=2)
    assert (stated.replication_on(5), stated.min_insync_of(2)) == (2, 2)
