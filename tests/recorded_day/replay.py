"""The books of the recorded day: market and settlement hear it again, each on its own.

`python -m tests.recorded_day.replay` writes them to `books.json.gz`, as `make record-day` does for a new record.

A book has a line a fact that the service publishes: its type, then its content as JSON. Instants of work done are left
out, and hashes that cover the causes of ticks, whose ids are random.
"""

import gzip
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from services.market import handlers as market
from services.market.store import METADATA as MARKET_TABLES
from services.settlement import handlers as settlement
from services.settlement.store import METADATA as SETTLEMENT_TABLES
from shared.complex.complexes import Complexes
from shared.complex.model import load_complex
from shared.events.topics import TOPICS
from shared.events.wire import Message
from shared.runtime.runloop import Service
from tests.component.harness import Bench
from tests.recorded_day.record import COMPLEX_FILE, RECORD

BOOKS = RECORD.with_name("books.json.gz")
TICK = timedelta(minutes=1)
# What is due is done, and no other day begins that anything would be heard of.
AFTER = timedelta(days=1)
LEFT_OUT = {
    *("cleared_at", "settled_at", "resettled_at", "certified_at", "issued_at"),
    *("ledger_hash", "operators_hash", "hash"),
}
# What a fact is about stands first in its line, so that lines are in the order of intervals, days and participants.
IDENTITY = ("auction_id", "delivery_start", "trading_day", "month", "participant_id", "order_id", "revision")


@dataclass(frozen=True)
class Bookkeeper:
    """A service that keeps books, and its tables."""

    service: Callable[[Complexes], Service]
    tables: sa.MetaData


BOOKKEEPERS = {
    "market": Bookkeeper(lambda complexes: market.service(complexes, seal_alarm=timedelta(minutes=5)), MARKET_TABLES),
    "settlement": Bookkeeper(settlement.service, SETTLEMENT_TABLES),
}


def heard_by(service: str) -> list[Message]:
    """Return what a service heard on the recorded day, in its order of arrival."""
    with gzip.open(RECORD, "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return [message_of(line) for line in lines if line["to"] == service]


def message_of(line: Mapping[str, Any]) -> Message:
    """Return a line of the record as the wire carried it."""
    headers = tuple((name, content.encode()) for name, content in line["headers"])
    return Message(topic=line["topic"], key=line["key"], body=line["body"].encode(), headers=headers)


def header(message: Message, name: str) -> str:
    """Return the content of a header."""
    return dict(message.headers)[name].decode()


def book_of_the_day(service: str, folder: Path) -> list[str]:
    """Let a service hear the recorded day, with a database in a folder, and return its book."""
    bench = heard_day(service, folder)
    bench.close()
    topics = [topic.name for topic in TOPICS if topic.producer == service]
    return book(message for topic in topics for message in bench.bus.messages(topic))


def heard_day(service: str, place: Path | str, tick: timedelta = TICK) -> Bench:
    """Let a service hear the recorded day, with a database in a folder or at a deployment's URL.

    Messages wait on the bus, as they would, until the service looks again a tick later.
    """
    record = heard_by(service)
    keeper, complex_ = BOOKKEEPERS[service], load_complex(COMPLEX_FILE)
    instants = [datetime.fromisoformat(header(message, "ce_time")) for message in record]
    bench = Bench(keeper.service(Complexes(complex_)), keeper.tables, place, instants[0])
    for message, instant in zip(record, instants, strict=True):
        while bench.clock.instant + tick < instant:
            bench.run(bench.clock.instant + tick)
        bench.bus.append(message)
    bench.run(bench.clock.instant + tick)
    bench.run(bench.clock.instant + AFTER)
    return bench


def book(messages: Iterable[Message]) -> list[str]:
    """Return the lines of the facts that messages carry, in order."""
    return sorted(line_of(header(message, "ce_type"), json.loads(message.body)) for message in messages)


def line_of(kind: str, fact: Mapping[str, object]) -> str:
    """Return the line of a fact: its identity first, else in the order of names."""
    in_order = json.loads(json.dumps(fact, sort_keys=True))
    identity = {name: in_order.pop(name) for name in IDENTITY if name in in_order}
    content = {name: part for name, part in in_order.items() if name not in LEFT_OUT}
    return f"{kind} {json.dumps({**identity, **content}, ensure_ascii=False)}"


def difference(before: Sequence[str], now: Sequence[str]) -> str:
    """Name the first line in which books differ, and its fields that do; empty where the books are equal."""
    gone, new = list((Counter(before) - Counter(now)).elements()), list((Counter(now) - Counter(before)).elements())
    if not gone and not new:
        return ""
    first = min(gone + new)
    kind = first.split(" ", 1)[0]
    counts = f"{len(gone)} lines are gone, {len(new)} are new; the first is"
    others = [line for line in (new if first in gone else gone) if line.startswith(f"{kind} ")]
    if not others:
        return f"{counts} {'gone' if first in gone else 'new'}:\n{first}"
    old, changed = (json.loads(line.split(" ", 1)[1]) for line in sorted([first, min(others)], key=new.__contains__))
    identity = {name: old[name] for name in IDENTITY if name in old}
    return "\n".join([f"{counts} {kind} {json.dumps(identity)}", *differing(old, changed)])


def differing(before: object, now: object, path: str = "$") -> Iterator[str]:
    """Return the paths at which two JSON values differ, each with both values."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted(before.keys() | now.keys()):
            yield from differing(before.get(name), now.get(name), f"{path}.{name}")
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for place, pair in enumerate(zip(before, now, strict=True)):
            yield from differing(*pair, f"{path}[{place}]")
    elif before != now:
        yield f"{path}: before {json.dumps(before)}, now {json.dumps(now)}"


def books_before() -> dict[str, list[str]]:
    """Return the books that are kept beside the record, by service."""
    with gzip.open(BOOKS, "rt", encoding="utf-8") as file:
        kept: dict[str, list[str]] = json.load(file)
    return kept


def main() -> None:
    """Write the books of the recorded day."""
    with tempfile.TemporaryDirectory(prefix="sandan-books-") as folder:
        books = {service: book_of_the_day(service, Path(folder)) for service in BOOKKEEPERS}
    with gzip.open(BOOKS, "wt", encoding="utf-8") as file:
        json.dump(books, file, ensure_ascii=False, indent=0)
    sizes = ", ".join(f"{service} {len(lines)} lines" for service, lines in books.items())
    sys.stderr.write(f"{sizes}, {BOOKS.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
