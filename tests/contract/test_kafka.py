"""What the Kafka adapter makes up for in its client."""

from uuid import uuid4

import pytest
from kafka.structs import MemberState

import shared.bus.kafka.member
from cli.brokers import Broker
from shared.bus.kafka.bus import KafkaBus
from shared.bus.port import BusUnavailable
from shared.events.topics import PARTITIONS
from shared.events.wire import Message

TOPIC = "planner.results.v1"
POLLS_MAX = 400


def test_members_know_their_partitions_when_they_join(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    bus = KafkaBus(broker.bootstrap_servers)

    for _ in range(5):
        member = bus.consumer(f"test-{uuid4().hex}", [TOPIC])
        for _ in range(POLLS_MAX):
            member.poll(0.05)
            if member._consumer.assignment():
                break
        assert len(member._consumer.assignment()) == PARTITIONS
        member.close()

    # kafka-python says this when it assigns partitions that it does not know, and has to rebalance again.
    assert "No partition metadata" not in caplog.text


def test_a_member_waits_for_topics_that_are_not_made_yet(broker: Broker) -> None:
    bus = KafkaBus(broker.bootstrap_servers)
    absent = f"planner.{uuid4().hex}.v1"

    with pytest.raises(BusUnavailable, match=f"no topic {absent} at {broker.bootstrap_servers} yet"):
        bus.consumer("planner", [TOPIC, absent])


def test_a_member_whose_rebalance_was_forgotten_joins_again(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    bus, run = KafkaBus(broker.bootstrap_servers), uuid4().hex
    publisher = bus.publisher("planner")
    publisher.publish([Message(topic=TOPIC, key=run, body=b"7", headers=())])
    publisher.close()
    member = bus.consumer(f"test-{run}", [TOPIC])
    # As kafka-python 3.0.12 leaves it: rebalancing, with nothing that it would rejoin for.
    member._consumer._coordinator.state = MemberState.REBALANCING
    member._consumer._coordinator.rejoin_needed = False
    member._consumer._coordinator._joined_subscription = {TOPIC}
    assert [member.poll(0.05) for _ in range(10)] == [[]] * 10

    monkeypatch.setattr(shared.bus.kafka.member, "REBALANCE_S_MAX", 0.0)
    arrived = list(member.poll(0.05))
    monkeypatch.undo()

    for _ in range(POLLS_MAX):
        if run in [one.message.key for one in arrived]:
            break
        arrived += member.poll(0.05)
    else:
        pytest.fail("the message did not arrive")
    member.close()
