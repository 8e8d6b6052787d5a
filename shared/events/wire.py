"""Events as Kafka messages: JSON bodies, CloudEvents 1.0 attributes in the headers (binary mode)."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from shared.events.base import Envelope, Event, utc
from shared.events.topics import EVENT_TYPES

# The one limit of a message: of key, headers and body together. Producer and topics get it from here, with what the
# bus adds as a frame, and brokers that refuse 1 MiB (the default) take it.
MESSAGE_BYTES_MAX = 1_000_000
FRAME_BYTES_MAX = 1_024


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a bus carries it, before decoding or after encoding."""

    topic: str
    key: str
    body: bytes
    headers: tuple[tuple[str, bytes], ...]

    @property
    def complex_id(self) -> str:
        """Return the complex that the message is about, as it says itself; the key where it does not say."""
        return dict(self.headers).get("ce_subject", self.key.encode()).decode(errors="replace")

    @property
    def size_bytes(self) -> int:
        """Return what the message takes without the bus's frame."""
        named = sum(len(name.encode()) + len(content) for name, content in self.headers)
        return len(self.key.encode()) + named + len(self.body)


class EventTooLarge(Exception):  # noqa: N818 -- it says what the event is
    """An event is larger than the bus carries: a fault of what made it, so its transaction fails."""

    def __init__(self, event_type: str, key: str, size_bytes: int) -> None:
        super().__init__(f"{event_type} of {key} must be at most {MESSAGE_BYTES_MAX} bytes, was {size_bytes}")
        self.event_type = event_type
        self.size_bytes = size_bytes


class Undecodable(Exception):  # noqa: N818 -- it says what the message is
    """A message is not an event of the table; the text is the reason for the dead-letter topic."""


def encode(envelope: Envelope[Event], *, topic: str, key: str) -> Message:
    """Return an event's message.

    Raises:
        EventTooLarge: No bus would carry it. It would block what waits behind it, so it never gets into an outbox.
    """
    event = envelope.event
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", str(envelope.event_id).encode()),
        ("ce_source", f"/sandan/{envelope.source}".encode()),
        ("ce_type", event.event_type().encode()),
        ("ce_time", envelope.occurred_at.isoformat().encode()),
        ("ce_subject", event.complex_id.encode()),
        ("content-type", b"application/json"),
    )
    message = Message(topic=topic, key=key, body=event.model_dump_json().encode(), headers=headers)
    if message.size_bytes > MESSAGE_BYTES_MAX:
        raise EventTooLarge(event.event_type(), key, message.size_bytes)
    return message


def decode(message: Message) -> Envelope[Event]:
    """Return a message's event.

    Raises:
        Undecodable: The message is too large, lacks a header, has an unknown type or a body that breaks a rule.
    """
    # Headers of others may be longer than ours, and what was encoded before had a limit for its body alone.
    if len(message.body) > MESSAGE_BYTES_MAX:
        raise Undecodable(f"body must be at most {MESSAGE_BYTES_MAX} bytes, was {len(message.body)}")
    headers = dict(message.headers)
    try:
        event_type = headers["ce_type"].decode()
        event_id = uuid.UUID(headers["ce_id"].decode())
        occurred_at = datetime.fromisoformat(headers["ce_time"].decode())
        source = headers["ce_source"].decode().removeprefix("/sandan/")
    except KeyError as error:
        raise Undecodable(f"header {error.args[0]} must be present") from None
    except ValueError as error:
        raise Undecodable(f"headers must be CloudEvents attributes: {error}") from None
    kind = EVENT_TYPES.get(event_type)
    if kind is None:
        raise Undecodable(f"ce_type must be a known event and version, was {event_type}")
    if occurred_at.tzinfo is None:
        raise Undecodable(f"ce_time must carry a UTC offset, was {occurred_at.isoformat()}")
    try:
        occurred_at = utc(occurred_at)
    except ValueError as error:
        raise Undecodable(f"ce_time: {error}") from None
    try:
        event = kind.model_validate_json(message.body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "body"
        raise Undecodable(f"{event_type}: {field}: {first['msg']}") from None
    return Envelope(event_id=event_id, occurred_at=occurred_at, source=source, event=event)
