"""The bus that a deployment's settings name."""

from shared.bus.entry import entry_of
from shared.bus.layout import layout_of
from shared.bus.port import Bus
from shared.settings import DeploymentSettings


def open_bus(settings: DeploymentSettings, service: str) -> Bus:
    """Return a service's bus; nothing is connected yet.

    Raises:
        BadInput: The settings say only half of how to get into the cluster, or a file that they name can't be read.
    """
    layout, entry = layout_of(settings), entry_of(settings, service)
    if settings.kafka_client == "librdkafka":
        from shared.bus.librdkafka.bus import LibrdkafkaBus

        return LibrdkafkaBus(settings.kafka_bootstrap_servers, layout, entry)
    from shared.bus.kafka.bus import KafkaBus

    return KafkaBus(settings.kafka_bootstrap_servers, layout, entry)
