"""A cluster that lets in only whom it knows: each service with a user of its own, over both clients."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.brokers import _kafka_libraries
from cli.starting import StartWait
from shared.bus.entry import OPERATOR, entry_of
from shared.bus.kafka.bus import KafkaBus
from shared.bus.layout import layout_of
from shared.bus.opening import open_bus
from shared.bus.port import Bus, BusRefused, BusUnavailable
from shared.errors import BadInput
from shared.events.wire import Message
from shared.settings import DeploymentSettings
from tests.contract.guarded_broker import GuardedBroker, guarded_broker, write_certificate

TOPIC = "planner.results.v1"
POLLS_MAX = 400
USERS = {"sandan-operator": "word-of-operator", "sandan-planner": "word of the planner", "sandan-market": "another"}
CLIENTS = ("librdkafka", "kafka-python")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    libraries = _kafka_libraries(print, StartWait(300))
    if libraries is None:
        pytest.skip("needs Java 17+ and Maven")
    with guarded_broker(tmp_path_factory.mktemp("guarded"), libraries, USERS) as broker:
        yield broker


def settings_of(broker: GuardedBroker, folder: Path, **others: object) -> DeploymentSettings:
    for user, password in broker.users.items():
        (folder / user.removeprefix("sandan-")).write_text(f"{password}\n")
    named = {
        "kafka_bootstrap_servers": broker.bootstrap_servers,
        "kafka_user": "sandan-{service}",
        "kafka_password_file": folder / "{service}",
        "kafka_ca_file": broker.ca_file,
    }
    return DeploymentSettings.model_validate({**named, **others}, by_name=True)


@pytest.mark.parametrize("client", CLIENTS)
def test_each_service_enters_as_a_user_of_its_own(client: str, guarded: GuardedBroker, tmp_path: Path) -> None:
    settings = settings_of(guarded, tmp_path, kafka_client=client, topic_prefix=f"{client}.")
    made = KafkaBus(guarded.bootstrap_servers, layout_of(settings), entry_of(settings, OPERATOR)).create_topics()
    publisher = open_bus(settings, "planner").publisher("planner")
    publisher.publish([Message(topic=TOPIC, key="k", body=b"7", headers=())])
    publisher.close()
    member = open_bus(settings, "market").consumer("market", [TOPIC])

    found = [one.message.body for _ in range(POLLS_MAX) for one in member.poll(0.05)][:1]

    member.close()
    assert f"{client}.{TOPIC}" in made
    assert found == [b"7"]


# kafka-python says in its log alone why it could not begin.
NOT_BEGUN = (BusUnavailable, "Unable to bootstrap")


@pytest.mark.parametrize(
    ("client", "kind", "said"),
    [("librdkafka", BusRefused, "(?i)authentication failed"), ("kafka-python", *NOT_BEGUN)],
)
def test_whom_the_cluster_does_not_know_does_not_get_in(
    client: str, kind: type[Exception], said: str, guarded: GuardedBroker, tmp_path: Path
) -> None:
    settings = settings_of(guarded, tmp_path, kafka_client=client)
    (tmp_path / "market").write_text("what somebody else knows")

    for attempt in tries(open_bus(settings, "market")):
        with pytest.raises(kind, match=said):
            attempt()


@pytest.mark.parametrize(
    ("client", "kind", "said"),
    [("librdkafka", BusRefused, "certificate verify failed"), ("kafka-python", *NOT_BEGUN)],
)
def test_a_broker_whose_certificate_nobody_signed_that_we_know_is_not_spoken_to(
    client: str, kind: type[Exception], said: str, guarded: GuardedBroker, tmp_path: Path
) -> None:
    write_certificate(tmp_path)
    settings = settings_of(guarded, tmp_path, kafka_client=client, kafka_ca_file=tmp_path / "ca.pem")

    for attempt in tries(open_bus(settings, "market")):
        with pytest.raises(kind, match=said):
            attempt()


def tries(bus: Bus) -> list[Callable[[], object]]:
    return [lambda: bus.consumer("market", [TOPIC]), lambda: bus.publisher("market")]


@pytest.mark.parametrize(
    ("others", "field", "rule"),
    [
        ({"kafka_user": None}, "SANDAN_KAFKA_PASSWORD_FILE", "must stand beside SANDAN_KAFKA_USER"),
        ({"kafka_password_file": None}, "SANDAN_KAFKA_USER", "must stand beside SANDAN_KAFKA_PASSWORD_FILE"),
        (
            {"kafka_password_file": "/no/{service}"},
            "SANDAN_KAFKA_PASSWORD_FILE",
            "must be a text file that can be read",
        ),
        ({"kafka_ca_file": "/no/ca.pem"}, "SANDAN_KAFKA_CA_FILE", "must be a text file that can be read"),
    ],
)
def test_half_of_an_entry_is_refused_with_the_setting_that_lacks(
    others: dict[str, object], field: str, rule: str, tmp_path: Path
) -> None:
    broker = GuardedBroker("127.0.0.1:9", USERS, tmp_path / "ca.pem")
    broker.ca_file.write_text("-----BEGIN CERTIFICATE-----")
    settings = settings_of(broker, tmp_path, **others)

    with pytest.raises(BadInput) as refused:
        open_bus(settings, "market")

    assert (refused.value.field, refused.value.rule) == (field, rule)


def test_a_password_is_in_no_text_of_the_entry(tmp_path: Path) -> None:
    broker = GuardedBroker("127.0.0.1:9", USERS, tmp_path / "ca.pem")
    broker.ca_file.write_text("-----BEGIN CERTIFICATE-----")

    entry = entry_of(settings_of(broker, tmp_path), "planner")

    assert entry is not None
    assert (entry.user, entry.password) == ("sandan-planner", "word of the planner")
    assert entry.password not in repr(entry)
