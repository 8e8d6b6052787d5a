"""One suite of promises, held by the memory bus and by the broker."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from uuid import uuid4

import pytest

from shared.bus.kafka.bus import KafkaBus
from shared.bus.librdkafka.bus import LibrdkafkaBus
from shared.bus.port import Bus, BusUnavailable, Consumer, Publisher, Received
from shared.events.base import Envelope, named_id
from shared.events.market import OrderRejected
from shared.events.topics import partition_of
from shared.events.wire import MESSAGE_BYTES_MAX, Message, encode
from simulation.bus import MemoryBus

TOPIC, OTHER_TOPIC = "market.orders.v1", "planner.results.v1"
POLLS_MAX = 400
NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)


KAFKA: dict[str, Callable[[str], Bus]] = {"kafka-python": KafkaBus, "librdkafka": LibrdkafkaBus}


@pytest.fixture(params=["memory", *KAFKA])
def bus(request: pytest.FixtureRequest) -> Bus:
    if request.param == "memory":
        return MemoryBus()
    return KAFKA[request.param](request.getfixturevalue("broker").bootstrap_servers)


@pytest.fixture
def publisher(bus: Bus) -> Iterator[Publisher]:
    publisher = bus.publisher("market")
    yield publisher
    publisher.close()


@pytest.fixture
def run() -> str:
    """A name of this test run's own: the broker keeps what earlier tests wrote."""
    return uuid4().hex


@pytest.fixture
def group(bus: Bus) -> Iterator["Group"]:
    group = Group(bus)
    yield group
    group.leave()


class Group:
    """A service's consumer, and how to read one run's messages with it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._name = f"test-{uuid4().hex}"
        self._consumers: list[Consumer] = []

    def join(self, consumed: Mapping[tuple[str, int], int] | None = None) -> Consumer:
        self._consumers.append(self._bus.consumer(self._name, [TOPIC, OTHER_TOPIC], lambda: consumed or {}))
        return self._consumers[-1]

    def leave(self) -> None:
        for consumer in self._consumers:
            consumer.close()
        self._consumers.clear()


def a_message(run: str, number: int, key: str = "complex") -> Message:
    return Message(topic=TOPIC, key=f"{run}-{key}", body=str(number).encode(), headers=(("ce_id", b"7"),))


def receive(consumer: Consumer, run: str, count: int) -> list[Received]:
    found: list[Received] = []
    for _ in range(POLLS_MAX):
        found += [one for one in consumer.poll(0.05) if one.message.key.startswith(run)]
        if len(found) >= count:
            return found
    raise AssertionError(f"only {len(found)} of {count} messages arrived")


def read(consumer: Consumer, run: str, count: int) -> list[Message]:
    return [one.message for one in receive(consumer, run, count)]


def test_messages_of_one_key_arrive_whole_and_in_order(publisher: Publisher, group: Group, run: str) -> None:
    sent = [a_message(run, number) for number in range(200)]

    publisher.publish(sent)

    assert read(group.join(), run, 200) == sent


def test_uncommitted_messages_come_again_after_a_restart(publisher: Publisher, group: Group, run: str) -> None:
    publisher.publish([a_message(run, 1)])
    first = group.join()
    read(first, run, 1)
    first.commit()
    publisher.publish([a_message(run, 2)])
    read(first, run, 1)
    group.leave()

    again = read(group.join(), run, 1)

    assert [message.body for message in again] == [b"2"]


def test_rewound_consumer_gets_what_it_had_not_committed(publisher: Publisher, group: Group, run: str) -> None:
    publisher.publish([a_message(run, number) for number in range(3)])
    consumer = group.join()
    before = read(consumer, run, 3)

    consumer.rewind()

    assert read(consumer, run, 3) == before


def test_a_service_whose_database_is_older_than_the_group_goes_on_where_the_database_is(
    publisher: Publisher, group: Group, run: str
) -> None:
    publisher.publish([a_message(run, number) for number in range(5)])
    consumer = group.join()
    arrived = receive(consumer, run, 5)
    consumer.commit()
    group.leave()
    place, third = (TOPIC, arrived[2].partition), arrived[2].offset

    consumer = group.join({place: third})
    again = read(consumer, run, 3)
    consumer.rewind()
    once_more = read(consumer, run, 3)
    consumer.commit()
    group.leave()
    publisher.publish([a_message(run, 5)])

    assert [message.body for message in again] == [b"2", b"3", b"4"] == [message.body for message in once_more]
    assert [message.body for message in read(group.join(), run, 1)] == [b"5"]


def test_a_database_ahead_of_the_group_skips_nothing(publisher: Publisher, group: Group, run: str) -> None:
    publisher.publish([a_message(run, number) for number in range(2)])
    consumer = group.join()
    last = receive(consumer, run, 2)[-1]
    consumer.commit()
    publisher.publish([a_message(run, 2)])
    group.leave()

    consumer = group.join({(TOPIC, last.partition): last.offset + 50})

    assert [message.body for message in read(consumer, run, 1)] == [b"2"]


def test_all_events_of_a_complex_lie_in_one_partition_of_each_topic_whatever_their_keys(
    publisher: Publisher, group: Group, run: str
) -> None:
    complexes = [f"complex-{number}" for number in range(6)]
    sent = [
        replace(
            a_message(run, number), topic=topic, headers=(("ce_subject", complex_id.encode()),), key=f"{run}-{number}"
        )
        for number, (topic, complex_id) in enumerate(product((TOPIC, OTHER_TOPIC), complexes))
    ]

    publisher.publish(sent)

    arrived = receive(group.join(), run, len(sent))
    assert {(one.message.complex_id, one.partition) for one in arrived} == {(c, partition_of(c)) for c in complexes}
    # By CRC-32, and for ever: another place would be another order.
    assert [partition_of(complex_id) for complex_id in complexes] == [2, 8, 2, 8, 3, 9]


def test_two_services_get_every_message_each(bus: Bus, publisher: Publisher, group: Group, run: str) -> None:
    other = Group(bus)
    publisher.publish([a_message(run, 1), a_message(run, 2)])

    assert read(group.join(), run, 2) == read(other.join(), run, 2)

    other.leave()


@pytest.mark.parametrize("kind", KAFKA.values(), ids=KAFKA.keys())
def test_away_broker_is_a_passing_fault_with_its_address(kind: Callable[[str], Bus]) -> None:
    with pytest.raises(BusUnavailable, match=r"127\.0\.0\.1:9"):
        kind("127.0.0.1:9").publisher("market")


def test_member_has_joined_once_it_can_read(publisher: Publisher, group: Group, run: str) -> None:
    publisher.publish([a_message(run, 1)])
    consumer = group.join()

    read(consumer, run, 1)

    assert consumer.joined()


def test_the_largest_message_that_encode_allows_is_carried(publisher: Publisher, group: Group, run: str) -> None:
    failed = OrderRejected(
        complex_id="c", order_id="o", participant_id="p", delivery_start=NOON, reason="r", detail="x" * 999_000
    )
    envelope = Envelope(event_id=named_id(run), occurred_at=NOON, source="market", event=failed)
    some = encode(envelope, topic=TOPIC, key=f"{run}-complex")
    # The rest in a header: frames are made for headers one by one.
    largest = replace(some, headers=(*some.headers, ("rest", b"x" * (MESSAGE_BYTES_MAX - some.size_bytes - 4))))
    assert largest.size_bytes == MESSAGE_BYTES_MAX

    publisher.publish([largest, a_message(run, 2)])

    found = read(group.join(), run, 2)

    assert sorted(found, key=lambda one: len(one.body)) == [a_message(run, 2), largest]
