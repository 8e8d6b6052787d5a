"""Past auctions held again from what the market logged; its state rebuilt from the log."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from cli.main import app_with
from services.market.store.auctions import load_auction
from shared.db.engine import reading
from shared.db.migrating import upgrade
from shared.errors import BadInput
from shared.events.commands import MarketHaltRequested, MarketResumeRequested
from shared.events.market import AuctionCleared
from shared.events.records import Side
from shared.events.topics import topics_read_by
from shared.intervals import INTERVAL
from tests.component.harness import Bench
from tests.component.market.market_facts import (
    COMPLEX_ID,
    DELIVERY,
    EARLY,
    LAST_MOMENT,
    a_bench,
    a_buy,
    a_cancel,
    a_seal,
    a_sell,
    an_order,
    give,
)
from tests.market_state import state_sha256

AUCTION_ID = f"{COMPLEX_ID}:20260520T0100Z"


def a_market_that_traded(folder: Path) -> Bench:
    """Return a market after one auction with a trade inside F1, one across feeders, a cancel and a rejection."""
    bench = a_bench(f"sqlite:///{folder}")
    far = an_order("b2", "jinhae-coatings", Side.BUY, 130)
    give(bench, a_sell(), a_sell("s2"), a_buy(), far, a_buy("b3"), a_buy("late", at=DELIVERY))
    give(bench, a_cancel("b3", "daesung-casting", at=LAST_MOMENT), a_seal("scheduler"), a_seal("trading_api"))
    return bench


def replay(*arguments: str) -> tuple[int, str]:
    """Return the verb's exit code and standard output."""
    ran = CliRunner().invoke(app_with("replay"), ["replay", *arguments])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran.exit_code, ran.stdout


def test_a_past_auction_is_the_same_again(tmp_path: Path) -> None:
    a_market_that_traded(tmp_path / "data")

    code, text = replay(AUCTION_ID, "--folder", str(tmp_path))

    answer = json.loads(text)
    assert (code, answer["same"], answer["orders"], answer["fills_different"]) == (0, True, 4, 0)
    # Two sells of 10 kWh at 100 meet buys at 120 on F1 and 130 on F3: 20 kWh.
    assert answer["volume_kwh"] == {"kept": "20.000", "replayed": "20.000"}
    assert answer["certificate_sha256"]["kept"] == answer["certificate_sha256"]["replayed"]


def test_the_hash_of_a_replayed_event_is_that_of_the_published_one(tmp_path: Path) -> None:
    bench = a_market_that_traded(tmp_path / "data")
    other = a_market_that_traded(tmp_path / "other")

    [published] = bench.published(AuctionCleared)
    [again] = other.published(AuctionCleared)

    assert published == again
    with reading(bench.engine) as db:
        record = load_auction(db, AUCTION_ID)
    assert record is not None
    assert (
        record.held.event_sha256 == json.loads(replay(AUCTION_ID, "--folder", str(tmp_path))[1])["event_sha256"]["kept"]
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ("UPDATE book_order SET price_jeon_per_kwh = 12100 WHERE order_id = 'b1'", "order_book_sha256"),
        ("UPDATE fill SET filled_wh = 9999 WHERE order_id = 's1'", "fills_different"),
        ("UPDATE auction SET price_jeon_per_kwh = price_jeon_per_kwh + 1", "price_krw_per_kwh"),
        ("UPDATE auction SET event_sha256 = event_sha256 || 'x'", "event_sha256"),
    ],
)
def test_a_change_of_the_past_is_told_with_exit_code_one(tmp_path: Path, change: str, field: str) -> None:
    bench = a_market_that_traded(tmp_path / "data")
    with bench.engine.begin() as db:
        db.execute(sa.text(change))

    code, text = replay(AUCTION_ID, "--folder", str(tmp_path))

    answer = json.loads(text)
    assert (code, answer["same"]) == (1, False)
    assert answer[field] == 1 if field == "fills_different" else answer[field]["kept"] != answer[field]["replayed"]


def test_an_auction_of_before_its_event_gained_a_field_is_still_the_same(tmp_path: Path) -> None:
    bench = a_market_that_traded(tmp_path / "data")
    with bench.engine.begin() as db:
        db.execute(sa.text("UPDATE auction SET event_sha256 = 'older:hash'"))

    code, text = replay(AUCTION_ID, "--folder", str(tmp_path))

    assert (code, "event_sha256" in json.loads(text)) == (0, False)


def test_an_auction_of_a_halted_market_is_the_same_again(tmp_path: Path) -> None:
    bench = a_bench(f"sqlite:///{tmp_path / 'data'}")
    halt = MarketHaltRequested(complex_id=COMPLEX_ID, requested_at=LAST_MOMENT, operator="kim", reason="drill")
    give(bench, a_sell(), a_buy(), halt, a_seal("scheduler"), a_seal("trading_api"))

    code, text = replay(AUCTION_ID, "--folder", str(tmp_path))

    assert (code, json.loads(text)["status"]) == (0, {"kept": "halted", "replayed": "halted"})


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_an_unknown_auction_or_folder_is_bad_input(tmp_path: Path, folder: str) -> None:
    upgrade(f"sqlite:///{tmp_path / 'data'}", "market")

    with pytest.raises(Exception, match="must name a past auction" if not folder else "must be a deployment's folder"):
        replay("changwon-demo:19990101T0000Z", "--folder", str(tmp_path / folder))


def test_a_file_that_is_no_database_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "market.db").write_bytes(b"garbage" * 500)

    with pytest.raises(BadInput, match=r"market\.db: database must answer, was 'file is not a database'"):
        replay(AUCTION_ID, "--folder", str(tmp_path))


def test_the_state_is_rebuilt_from_the_log_to_the_same_hash(tmp_path: Path) -> None:
    first, later = a_bench(tmp_path / "first"), EARLY + timedelta(seconds=1)
    halt = MarketHaltRequested(complex_id=COMPLEX_ID, requested_at=EARLY, operator="kim", reason="drill")
    resume = MarketResumeRequested(complex_id=COMPLEX_ID, requested_at=later, operator="kim")
    give(first, a_sell("early"), a_buy("b3"), halt, a_buy("b4"), a_sell("s3"), resume)
    give(first, a_sell(at=later), a_sell("s2", at=later), a_buy(at=later), a_buy("b2", at=later))
    give(first, a_buy("late", at=DELIVERY))
    give(first, a_cancel("b2", "daesung-casting", at=LAST_MOMENT), a_seal("scheduler"), a_seal("trading_api"))
    give(first, a_seal("scheduler", DELIVERY + INTERVAL), a_buy("after"))
    first.restart()

    # The topics one after the other: another interleaving than the first time, with every message twice.
    second = a_bench(tmp_path / "second")
    for topic in topics_read_by("market"):
        for message in first.bus.messages(topic.name) * 2:
            second.bus.append(message)
    second.run()

    with reading(first.engine) as before, reading(second.engine) as after:
        assert state_sha256(before) == state_sha256(after)
    with second.engine.begin() as db:
        rebuilt = state_sha256(db)
        db.execute(sa.text("UPDATE fill SET filled_wh = filled_wh + 1 WHERE order_id = 's1'"))
        assert state_sha256(db) != rebuilt
