"""The books of a recorded day, kept from before: market and settlement hear it again and come to the same."""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.market import handlers as market
from services.market.store import METADATA as MARKET_TABLES
from services.settlement import handlers as settlement
from services.settlement.store import METADATA as SETTLEMENT_TABLES
from shared.complex.model import load_complex
from shared.events.topics import TOPICS
from shared.events.wire import Message
from shared.runtime.runloop import Service
from tests.component.harness import Bench
from tests.recorded_day.record import COMPLEX_FILE, COMPLEX_ID, RECORD

BOOKS = RECORD.with_name("books.json.gz")
# Instants of work done, and hashes that cover the causes of ticks: no part of the books.
NOT_IN_THE_BOOKS = {"cleared_at", "settled_at", "resettled_at", "certified_at", "issued_at", "ledger_hash", "hash"}
# Ticks come at least so often, and go on for a while after the last message.
TICK = timedelta(minutes=1)
AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Heard:
    """A message of the record, and when it was said."""

    message: Message
    at: datetime


def heard_by(service: str) -> list[Heard]:
    """Return what a service heard, in order of arrival."""
    with gzip.open(RECORD, "rt") as file:
        lines = [json.loads(line) for line in file]
    return [heard_of(line) for line in lines if line["to"] == service]


def heard_of(line: Mapping[str, Any]) -> Heard:
    """Return a line of the record as the wire carried it."""
    headers = tuple((name, content.encode()) for name, content in line["headers"])
    message = Message(topic=line["topic"], key=line["key"], body=line["body"].encode(), headers=headers)
    return Heard(message, datetime.fromisoformat(dict(headers)["ce_time"].decode()))


def tell(bench: Bench, record: list[Heard]) -> None:
    """Let a service hear a record; its clock follows the messages."""
    for heard in record:
        while heard.at > bench.clock.instant + TICK:
            bench.run(bench.clock.instant + TICK)
        bench.bus.append(heard.message)
        bench.run(max(bench.clock.instant, heard.at))
    bench.run(bench.clock.instant + AFTER)


def books_of(bench: Bench) -> Iterator[str]:
    """Return what a service published, a line a fact, without what differs from run to run."""
    for topic in TOPICS:
        for message in bench.bus.messages(topic.name) if topic.producer == bench.service.name else ():
            kind = dict(message.headers)["ce_type"].decode()
            facts = {name: fact for name, fact in json.loads(message.body).items() if name not in NOT_IN_THE_BOOKS}
            yield f"{kind} {json.dumps(facts, sort_keys=True, ensure_ascii=False)}"


def difference(before: list[str], now: list[str]) -> str:
    """Say at which line books differ first; empty where they are equal."""
    for number, (one, other) in enumerate(zip([*before, "(no more)"], [*now, "(no more)"], strict=False), start=1):
        if one != other:
            return f"line {number}\nbefore: {one}\nnow:    {other}"
    return ""


@pytest.mark.parametrize(
    ("name", "make", "tables"),
    [
        ("market", lambda complexes: market.service(complexes, seal_alarm=timedelta(minutes=5)), MARKET_TABLES),
        ("settlement", settlement.service, SETTLEMENT_TABLES),
    ],
)
def test_the_books_of_a_recorded_day_are_those_of_before(name: str, make: Any, tables: Any, tmp_path: Path) -> None:
    record = heard_by(name)
    service: Service = make({COMPLEX_ID: load_complex(COMPLEX_FILE)})
    bench = Bench(service, tables, tmp_path, record[0].at)
    with gzip.open(BOOKS, "rt") as file:
        before = json.load(file)[name]

    tell(bench, record)
    now = sorted(books_of(bench))
    bench.close()

    assert difference(before, now) == ""
