"""How a service says which method handles which event, and what it can't say."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.events.base import Envelope, Event
from shared.events.market import MarketHalted, MarketResumed
from shared.runtime.handlers import handlers_of

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)
HALTED = MarketHalted(complex_id="demo", halted_at=NOON, operator="Kim", reason="storm")
RESUMED = MarketResumed(complex_id="demo", resumed_at=NOON, operator="Kim")


class _Halts:
    def on_halted(self, envelope: Envelope[MarketHalted], db: Connection) -> Sequence[Event]:
        del db
        return [envelope.event]

    def online(self) -> bool:
        return True


class _Resumptions:
    def on_resumed(self, envelope: Envelope[MarketResumed], db: Connection) -> Sequence[Event]:
        del envelope, db
        return []


class _HaltsAgain(_Halts):
    def on_market_halted(self, envelope: Envelope[MarketHalted], db: Connection) -> Sequence[Event]:
        del envelope, db
        return []


class _FollowedByResumption:
    def on_halted(self, envelope: Envelope[MarketHalted], db: Connection) -> Sequence[Event]:
        del envelope, db
        return [RESUMED]


class _WithoutAnnotation:
    def on_halted(self, envelope: object, db: Connection) -> Sequence[Event]:
        del envelope, db
        return []


class _OfAnyEvent:
    def on_event(self, envelope: Envelope[Event], db: Connection) -> Sequence[Event]:
        del envelope, db
        return []


class _OfTwoEvents:
    def on_either(self, envelope: Envelope[MarketHalted | MarketResumed], db: Connection) -> Sequence[Event]:
        del envelope, db
        return []


class _WithoutEnvelope:
    def on_halted(self, event: MarketHalted, db: Connection) -> Sequence[Event]:
        del event, db
        return []


class _WithMore:
    def on_halted(self, envelope: Envelope[MarketHalted], db: Connection, at: int) -> Sequence[Event]:
        del envelope, db, at
        return []


class _NoMethod:
    on_halted = True


def test_each_method_is_bound_to_the_event_of_its_annotation() -> None:
    halts, resumptions = _Halts(), _Resumptions()

    bound = handlers_of(halts, resumptions)

    assert bound == {MarketHalted: halts.on_halted, MarketResumed: resumptions.on_resumed}
    assert handlers_of() == {}


@pytest.mark.parametrize(
    "owner", [_WithoutAnnotation(), _OfAnyEvent(), _OfTwoEvents(), _WithoutEnvelope(), _WithMore(), _NoMethod()]
)
def test_method_that_does_not_say_its_event_is_an_error(owner: object) -> None:
    with pytest.raises(TypeError, match=rf"{type(owner).__name__}\.on_\w+ must take \(envelope: Envelope\[AnEvent\]"):
        handlers_of(owner)


def test_two_methods_of_one_owner_for_one_event_are_an_error() -> None:
    with pytest.raises(TypeError, match=re.escape("MarketHalted must have one handler, has ")):
        handlers_of(_HaltsAgain())


def test_owners_do_their_parts_of_an_event_in_their_order() -> None:
    envelope = Envelope(event_id=uuid4(), occurred_at=NOON, source="market", event=HALTED)

    with sa.create_engine("sqlite://").connect() as db:
        following = handlers_of(_Halts(), _FollowedByResumption())[MarketHalted](envelope, db)

    assert following == [HALTED, RESUMED]
