"""When a book is complete, and when a seal is late."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.market.domain.seals import DueAuction, HeldUp, Seal, auctions_due, held_up
from shared.intervals import INTERVAL

START = datetime(2026, 5, 20, 1, 0, tzinfo=UTC)
WRITERS = ("a", "b")


def a_seal(writer: str, step: int, *, second: int = 0) -> Seal:
    return Seal(writer, START + step * INTERVAL, START + step * INTERVAL - INTERVAL + timedelta(seconds=second))


def test_nothing_is_due_until_every_writer_has_sealed() -> None:
    assert auctions_due([a_seal("a", 0)], WRITERS, cleared_through=None, earliest_order=None) == []


def test_a_seal_covers_the_intervals_before_it() -> None:
    seals = [a_seal("a", 0), a_seal("a", 1, second=1), a_seal("b", 2, second=2)]

    due = auctions_due(seals, WRITERS, cleared_through=None, earliest_order=None)

    # b's one seal, for the third interval, stands for the first two as well: 00:45:02 + 30 minutes.
    at = START + INTERVAL + timedelta(seconds=2)
    assert due == [DueAuction(START, at), DueAuction(START + INTERVAL, at)]


def test_what_was_cleared_is_not_due_again() -> None:
    seals = [a_seal("a", 0), a_seal("b", 0)]

    assert auctions_due(seals, WRITERS, cleared_through=START, earliest_order=START) == []


@given(
    steps=st.lists(st.tuples(st.sampled_from(WRITERS), st.integers(0, 12)), min_size=1, max_size=30, unique=True),
    order=st.none() | st.integers(-3, 12),
)
def test_each_interval_is_cleared_once_in_sequence_whatever_order_seals_come_in(
    steps: list[tuple[str, int]], order: int | None
) -> None:
    earliest_order = None if order is None else START + order * INTERVAL
    cleared: list[datetime] = []
    seen: list[Seal] = []
    for writer, step in sorted(steps, key=lambda pair: pair[1]):
        seen.append(a_seal(writer, step))
        cleared_through = cleared[-1] if cleared else None
        due = auctions_due(seen, WRITERS, cleared_through=cleared_through, earliest_order=earliest_order)
        cleared += [one.delivery_start for one in due]

    newest = [max((step for name, step in steps if name == writer), default=None) for writer in WRITERS]
    sealed_by_all = None if None in newest else START + min(step for step in newest if step is not None) * INTERVAL
    assert cleared == sorted(set(cleared))
    if sealed_by_all is None:
        assert cleared == []
    elif cleared:
        assert cleared[-1] == sealed_by_all
        assert len(cleared) == (cleared[-1] - cleared[0]) // INTERVAL + 1


def test_a_missing_seal_is_late_from_the_given_instant_on() -> None:
    seals = [a_seal("a", 0)]
    late_after = timedelta(minutes=-10)

    def found(now: datetime) -> HeldUp | None:
        return held_up(seals, WRITERS, cleared_through=None, late_after=late_after, now=now)

    assert found(START - timedelta(minutes=10, microseconds=1)) is None
    assert found(START - timedelta(minutes=10)) == HeldUp(START, ("b",))


def test_nothing_is_late_before_the_market_began() -> None:
    late_after = timedelta(0)

    assert held_up([], WRITERS, cleared_through=None, late_after=late_after, now=START + 9 * INTERVAL) is None
