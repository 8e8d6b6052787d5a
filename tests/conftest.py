"""What the tests of several layers need: a broker, found in the order that the launcher uses."""

from collections.abc import Iterator

import pytest

from cli.brokers import Broker, open_broker


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Kafka broker with the table's topics: the one KAFKA_BOOTSTRAP_SERVERS names, or a child process."""
    opened = open_broker(tmp_path_factory.mktemp("broker"), print)
    yield opened
    opened.stop()
