"""The promise that the market clears by: after a seal nothing follows that was stamped before its gate."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from shared.db.order_writer import add_tables, gate_is_open, next_turn, seal_due
from shared.intervals import INTERVAL, interval_of

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)
LEAD = timedelta(minutes=15)
METADATA = sa.MetaData()
add_tables(METADATA)


@pytest.fixture
def db() -> Iterator[Connection]:
    with a_database() as connection:
        yield connection


def a_database() -> Connection:
    """Return an empty writer's database."""
    connection = sa.create_engine("sqlite://").connect()
    METADATA.create_all(connection)
    return connection


def now_is(instant: datetime) -> Callable[[], datetime]:
    """Return a clock that stands."""
    return lambda: instant


def seal(db: Connection, now: datetime, complex_id: str = "c") -> list[datetime]:
    """Return the intervals that a tick seals."""
    return [one.delivery_start for one in seal_due(db, complex_id, writer="scheduler", lead=LEAD, now=now)]


def test_the_gate_closes_exactly_its_lead_before_delivery(db: Connection) -> None:
    def is_open(now: datetime) -> bool:
        return gate_is_open(db, "c", delivery_start=NOON, lead=LEAD, now=now)

    gate = NOON - LEAD

    assert is_open(gate - timedelta(microseconds=1))
    assert not is_open(gate)
    assert not is_open(gate + timedelta(microseconds=1))


def test_a_seal_closes_its_interval_and_those_before_whatever_the_clock_says(db: Connection) -> None:
    assert seal(db, NOON - LEAD) == [NOON]
    # The clock has been set back by an hour.
    earlier = NOON - timedelta(hours=1)

    assert not gate_is_open(db, "c", delivery_start=NOON, lead=LEAD, now=earlier)
    assert not gate_is_open(db, "c", delivery_start=NOON - INTERVAL, lead=LEAD, now=earlier)
    assert gate_is_open(db, "c", delivery_start=NOON + INTERVAL, lead=LEAD, now=earlier)


def test_every_gate_is_sealed_once_and_after_a_pause_each_missed_one(db: Connection) -> None:
    assert seal(db, NOON - LEAD) == [NOON]
    assert seal(db, NOON - LEAD + timedelta(minutes=14)) == []
    assert seal(db, NOON + 2 * INTERVAL) == [NOON + INTERVAL, NOON + 2 * INTERVAL, NOON + 3 * INTERVAL]
    assert seal(db, NOON) == []


def test_a_seal_says_how_many_orders_came_before_it(db: Connection) -> None:
    next_turn(db, "c", now_is(NOON))
    next_turn(db, "c", now_is(NOON))

    [sealed] = seal_due(db, "c", writer="scheduler", lead=LEAD, now=NOON)

    assert (sealed.last_sequence, sealed.writer, sealed.sealed_at) == (2, "scheduler", NOON)


def test_complexes_count_and_seal_apart(db: Connection) -> None:
    assert [next_turn(db, one, now_is(NOON - LEAD)).sequence for one in ("a", "b", "a")] == [1, 1, 2]
    assert seal(db, NOON, "a") == [NOON + INTERVAL]

    assert gate_is_open(db, "b", delivery_start=NOON + INTERVAL, lead=LEAD, now=NOON - INTERVAL)
    assert not gate_is_open(db, "a", delivery_start=NOON + INTERVAL, lead=LEAD, now=NOON - INTERVAL)


# What a writer does next: an order for the interval n ahead, or a tick; after so many seconds, which may be negative.
STEPS = st.lists(
    st.tuples(st.sampled_from(["order", "tick"]), st.integers(-900, 1800), st.integers(-1, 8)), max_size=40
)


@given(STEPS)
def test_no_order_follows_the_seal_of_its_interval_and_no_number_is_left_out(steps: list[tuple[str, int, int]]) -> None:
    numbers: list[int] = []
    stamps: list[datetime] = []
    with a_database() as db:
        now, sealed_through = NOON, None
        for kind, seconds, ahead in steps:
            now += timedelta(seconds=seconds)
            if kind == "tick":
                for event in seal_due(db, "c", writer="scheduler", lead=LEAD, now=now):
                    assert event.last_sequence == len(numbers)
                    stamps.append(event.sealed_at)
                    assert sealed_through is None or event.delivery_start == sealed_through + INTERVAL
                    sealed_through = event.delivery_start
                continue
            delivery_start = interval_of(now) + ahead * INTERVAL
            with db.begin_nested() as attempt:
                turn = next_turn(db, "c", now_is(now))
                if not gate_is_open(db, "c", delivery_start=delivery_start, lead=LEAD, now=turn.stamp):
                    # A refused order gives its number back with its transaction.
                    attempt.rollback()
                    continue
            numbers.append(turn.sequence)
            stamps.append(turn.stamp)
            assert turn.stamp < delivery_start - LEAD
            assert sealed_through is None or delivery_start > sealed_through

    assert numbers == list(range(1, len(numbers) + 1))
    assert stamps == sorted(stamps)


def test_a_clock_that_went_back_lets_no_later_order_overtake_an_earlier_one(db: Connection) -> None:
    hour, microsecond = timedelta(hours=1), timedelta(microseconds=1)

    turns = [next_turn(db, "c", now_is(now)) for now in (NOON, NOON - hour, NOON - hour, NOON, NOON + microsecond)]

    # Behind the last stamp time creeps on by a microsecond a turn: 0, 1, 2, 3; the clock's own 1 us is behind that.
    assert [turn.stamp - NOON for turn in turns] == [n * microsecond for n in (0, 1, 2, 3, 4)]
    assert [turn.sequence for turn in turns] == [1, 2, 3, 4, 5]


def test_a_seal_is_stamped_in_the_same_row_as_orders(db: Connection) -> None:
    next_turn(db, "c", now_is(NOON))

    [sealed] = seal_due(db, "c", writer="scheduler", lead=LEAD, now=NOON - timedelta(hours=1))

    assert sealed.sealed_at == NOON + timedelta(microseconds=1)
    assert next_turn(db, "c", now_is(NOON)).stamp == NOON + timedelta(microseconds=2)
