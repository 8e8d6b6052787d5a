"""No event ends a service: not one about a complex it does not have, and not one that fits no story it knows.

A process that ends on a message takes it again after its restart, and so for ever.
"""

import importlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.planner.handlers.cluster import Cluster
from shared.complex.complexes import load_complexes
from shared.events.base import Event
from shared.events.topics import EVENT_TYPES, SERVICES, topics_read_by
from shared.paths import DEMO_COMPLEX
from shared.runtime.runloop import Service
from tests.component.harness import Bench

GOLDEN = Path(__file__).parent / "golden"
# In the middle of what the golden events tell of.
NOW = datetime(2026, 5, 20, 1, 20, tzinfo=UTC)


def a_service(name: str) -> Service:
    """Return a service as its process builds it."""
    handlers = importlib.import_module(f"services.{name}.handlers")
    complexes = load_complexes([DEMO_COMPLEX])
    more: dict[str, dict[str, object]] = {"market": {"seal_alarm": timedelta(minutes=5)}}
    if name == "planner":
        more["planner"] = {"cluster": Cluster()}
    service: Service = handlers.service(complexes, **more.get(name, {}))
    return service


def golden_events(name: str) -> list[Event]:
    """Return one event of each type that a service reads."""
    types = {event.event_type() for topic in topics_read_by(name) for event in topic.events}
    return [EVENT_TYPES[one].model_validate_json((GOLDEN / f"{one}.json").read_bytes()) for one in sorted(types)]


@pytest.mark.parametrize("complex_id", ["changwon-demo", "somewhere-else"])
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_survives_one_event_of_every_type(name: str, complex_id: str, tmp_path: Path) -> None:
    metadata = importlib.import_module(f"services.{name}.store").METADATA
    bench = Bench(a_service(name), metadata, tmp_path, NOW)

    for event in golden_events(name):
        bench.give(event.model_copy(update={"complex_id": complex_id}))
    bench.run(until=NOW + timedelta(hours=1))

    bench.close()
