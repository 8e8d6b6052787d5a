"""Each event and version has a golden message that decodes and encodes to the same bytes."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.events.base import Envelope
from shared.events.topics import EVENT_TYPES
from shared.events.wire import decode, encode

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))
def test_golden_event_survives_a_round_trip_byte_for_byte(event_type: str) -> None:
    body = (GOLDEN / f"{event_type}.json").read_bytes().rstrip(b"\n")
    event = EVENT_TYPES[event_type].model_validate_json(body)
    envelope = Envelope(
        event_id=uuid.UUID(int=7), occurred_at=datetime(2026, 5, 20, 3, tzinfo=UTC), source="market", event=event
    )

    message = encode(envelope, topic="any", key="any")

    assert message.body == body
    assert decode(message) == envelope


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(EVENT_TYPES)
