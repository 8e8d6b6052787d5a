"""What a service could not take in."""

from shared.events.base import Event, Identifier, Instant, Whole

UNKNOWN_COMPLEX = "unknown"


class MessageSetAside(Event):
    """A service moved a message out of its way: it could not be decoded, or it breaks an invariant.

    `complex_id` is what the message's header claims, or "unknown". `body_base64` holds the body's beginning.
    """

    service: Identifier
    topic: str
    partition: Whole
    offset: Whole
    key: str
    reason: str
    set_aside_at: Instant
    headers: tuple[tuple[str, str], ...]
    body_base64: str
