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
from shared.runtime.handlers import Caused, RunHandler, absolute, handlers_of

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


class _RunsOfHalts:
    def __init__(self) -> None:
        self.lengths: list[int] = []

    @absolute
    def on_halted(self, envelopes: Sequence[Envelope[MarketHalted]], db: Connection) -> Sequence[Caused]:
        del db
        self.lengths.append(len(envelopes))
        return [Caused(envelope.event_id, RESUMED) for envelope in envelopes]


class _RunsOfAnything:
    def on_halted(self, envelopes: list[Envelope[MarketHalted]], db: Connection) -> Sequence[Caused]:
        del envelopes, db
        return []


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

    assert set(bound) == {MarketHalted, MarketResumed}
    assert _follows(bound[MarketHalted], 2) == [(0, HALTED), (1, HALTED)]
    assert _follows(bound[MarketResumed], 2) == []
    assert handlers_of() == {}


@pytest.mark.parametrize(
    "owner",
    [
        _WithoutAnnotation(),
        _OfAnyEvent(),
        _OfTwoEvents(),
        _WithoutEnvelope(),
        _WithMore(),
        _NoMethod(),
        _RunsOfAnything(),
    ],
)
def test_method_that_does_not_say_its_event_is_an_error(owner: object) -> None:
    with pytest.raises(TypeError, match=rf"{type(owner).__name__}\.on_\w+ must take \(envelope: Envelope\[AnEvent\]"):
        handlers_of(owner)


def test_two_methods_of_one_owner_for_one_event_are_an_error() -> None:
    with pytest.raises(TypeError, match=re.escape("MarketHalted must have one handler, has ")):
        handlers_of(_HaltsAgain())


def test_owners_do_their_parts_of_an_event_in_their_order() -> None:
    handler = handlers_of(_Halts(), _FollowedByResumption())[MarketHalted]

    assert _follows(handler, 2) == [(0, HALTED), (0, RESUMED), (1, HALTED), (1, RESUMED)]


def test_method_that_takes_runs_gets_all_of_one_at_once_and_says_what_follows_from_which() -> None:
    runs = _RunsOfHalts()

    assert _follows(handlers_of(runs)[MarketHalted], 3) == [(0, RESUMED), (1, RESUMED), (2, RESUMED)]
    assert runs.lengths == [3]


def test_owner_that_takes_runs_does_its_part_of_a_run_before_the_next_owner() -> None:
    handler = handlers_of(_RunsOfHalts(), _Halts())[MarketHalted]

    assert _follows(handler, 2) == [(0, RESUMED), (1, RESUMED), (0, HALTED), (1, HALTED)]


def test_event_need_not_be_remembered_where_every_owner_keeps_absolute_values() -> None:
    assert handlers_of(_RunsOfHalts())[MarketHalted].absolute
    assert not handlers_of(_RunsOfHalts(), _Halts())[MarketHalted].absolute


def _follows(handler: RunHandler, length: int) -> list[tuple[int, Event]]:
    """Return what follows from a run of halts: the place of the cause, and the event."""
    run = [Envelope(event_id=uuid4(), occurred_at=NOON, source="market", event=HALTED) for _ in range(length)]
    with sa.create_engine("sqlite://").connect() as db:
        made = handler.take(run, db)
    return [([one.event_id for one in run].index(caused.cause), caused.event) for caused in made]
