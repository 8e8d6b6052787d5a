"""The hash of a day's normalised books: equal where the same was told, on every database, and nowhere else."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cli.books_hash import hashed_day
from services.settlement.store.tables import READING, SETTLED_LINE, TRADE
from shared.complex.model import load_complex
from shared.db.engine import reading
from shared.intervals import day_start
from tests.component.harness import Bench
from tests.recorded_day.record import COMPLEX_FILE
from tests.recorded_day.replay import heard_day

DAY = date(2026, 5, 20)
COMPLEX_ID = load_complex(COMPLEX_FILE).complex_id


def hashed(market: Bench, settlement: Bench) -> Mapping[str, Any]:
    with reading(market.engine) as auctions, reading(settlement.engine) as books:
        return hashed_day(auctions, books, COMPLEX_ID, DAY)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Bench]:
    """Return market and settlement after the recorded day, on SQLite."""
    folder = tmp_path_factory.mktemp("recorded")
    return heard_day("market", folder), heard_day("settlement", folder)


def test_two_runs_of_the_same_day_have_the_same_hash_however_their_messages_were_batched(
    recorded: tuple[Bench, Bench], database_url: str
) -> None:
    before = hashed(*recorded)
    every = timedelta(minutes=3)

    with (
        closing(heard_day("market", database_url, every)) as market,
        closing(heard_day("settlement", database_url, every)) as settlement,
    ):
        now = hashed(market, settlement)

    # The day-ahead auction that was held on the recorded day is for the day after it.
    assert [name for name, part in before["sections"].items() if not part["rows"]] == ["day_ahead"]
    assert now == before


@pytest.mark.parametrize(
    ("table", "changed", "sections"),
    [
        (TRADE, {"paid_krw": TRADE.c.paid_krw + 1}, {"trades"}),
        (SETTLED_LINE, {"grid_paid_krw": SETTLED_LINE.c.grid_paid_krw + 1}, {"settled_lines", "statements"}),
        (READING, {"quality": "guessed"}, {"readings"}),
    ],
)
def test_each_section_says_what_differs(
    recorded: tuple[Bench, Bench], tmp_path: Path, table: sa.Table, changed: Mapping[str, Any], sections: set[str]
) -> None:
    market, settlement = recorded
    before = hashed(market, settlement)
    with closing(sqlite3.connect(settlement.engine.url.database or "")) as db:
        db.execute("VACUUM INTO ?", [str(tmp_path / "changed.db")])
    copy = sa.create_engine(f"sqlite:///{tmp_path / 'changed.db'}")
    with copy.begin() as db:
        first = db.scalar(
            sa.select(sa.func.min(table.c.delivery_start)).where(table.c.delivery_start >= day_start(DAY))
        )
        db.execute(sa.update(table).where(table.c.delivery_start == first).values(**changed))

    with reading(market.engine) as auctions, copy.connect() as books:
        after = hashed_day(auctions, books, COMPLEX_ID, DAY)

    parts = before["sections"].items()
    assert {name for name, part in parts if part["sha256"] != after["sections"][name]["sha256"]} == sections
    assert after["sha256"] != before["sha256"]
    copy.dispose()
