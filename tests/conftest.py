"""What the tests of several layers need: a broker, found in the order that the launcher uses."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from cli.brokers import Broker
from tests.broker import open_broker

# No test depends on how fast the machine is.
settings.register_profile("sandan", deadline=None, print_blob=True)
settings.load_profile("sandan")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Kafka broker with the table's topics: the one KAFKA_BOOTSTRAP_SERVERS names, or a child process."""
    opened = open_broker(tmp_path_factory.mktemp("broker"), print)
    yield opened
    opened.stop()
