"""The books of the recorded day, kept from before: market and settlement hear it again and come to the same."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from shared.events.topics import TOPICS
from tests.recorded_day.record import RECORD
from tests.recorded_day.replay import BOOKKEEPERS, book, book_of_the_day, books_before, difference, heard_by

BYTES_MAX = 1_000_000


@pytest.fixture(scope="module")
def books_now(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """Return the book to which each service comes today."""
    return {service: book_of_the_day(service, tmp_path_factory.mktemp(service)) for service in BOOKKEEPERS}


@pytest.mark.parametrize("service", BOOKKEEPERS)
def test_the_books_of_the_recorded_day_are_those_of_before(service: str, books_now: Mapping[str, list[str]]) -> None:
    differs = difference(books_before()[service], books_now[service])
    assert not differs, differs


def test_the_market_says_what_settlement_heard_of_it_on_the_day(books_now: Mapping[str, list[str]]) -> None:
    of_market = {topic.name for topic in TOPICS if topic.producer == "market"}
    heard = book(message for message in heard_by("settlement") if message.topic in of_market)
    kinds = {line.split(" ", 1)[0] for line in heard}

    said = [line for line in books_now["market"] if line.split(" ", 1)[0] in kinds]

    differs = difference(heard, said)
    assert not differs, differs


def test_the_recorded_day_has_everything_in_it() -> None:
    lines = [line.split(" ", 1) for lines in books_before().values() for line in lines]
    facts = [(kind, json.loads(content)) for kind, content in lines]
    kinds = Counter(kind.removeprefix("sandan.").removesuffix(".v1") for kind, _ in facts)

    # What no day of the demo has by itself: people's amendments and cancellations, and the operator's deeds.
    assert kinds.keys() >= {"OrderAmended", "AmendmentRejected", "OrderCancelled", "MarketHalted", "LimitsChanged"}
    assert kinds["CalendarChanged"] == 3
    assert kinds["ParticipantSuspended"] == kinds["ParticipantResumed"] == 1
    assert kinds["DayAheadCleared"] == 96
    assert kinds["IntervalResettled"] == 1
    assert kinds["BlockDecided"] == 2
    assert {fact["status"] for kind, fact in facts if ".AuctionCleared" in kind} == {"cleared", "halted"}
    reasons = {fact["reason"] for kind, fact in facts if "OrderRejected" in kind}
    assert reasons >= {"gate_closed", "market_halted", "price_off_tick", "too_many_orders"}
    assert sum(len(fact["trades"]) for kind, fact in facts if ".AuctionCleared" in kind) > 200


def test_the_record_is_small_enough_to_live_here() -> None:
    assert sum(file.stat().st_size for file in RECORD.parent.glob("*.gz")) < BYTES_MAX


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (["A {}"], ["A {}"], ""),
        (["A {}", "B {}"], ["A {}"], "1 lines are gone, 0 are new; the first is gone:\nB {}"),
        (["A {}"], ["A {}", "A {}"], "0 lines are gone, 1 are new; the first is new:\nA {}"),
        (
            ['A {"revision": 1, "fills": [{"paid_krw": 5}, {"paid_krw": 7}]}', "B {}"],
            ['A {"revision": 1, "fills": [{"paid_krw": 5}, {"paid_krw": -7}]}', "B {}"],
            """\
1 lines are gone, 1 are new; the first is A {"revision": 1}
$.fills[1].paid_krw: before 7, now -7""",
        ),
    ],
)
def test_the_first_line_that_differs_is_named_with_its_field(
    before: Sequence[str], now: Sequence[str], said: str
) -> None:
    assert difference(before, now) == said
