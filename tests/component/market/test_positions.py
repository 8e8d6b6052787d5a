"""Whoever books an interval adds up what was traded for it and what was agreed the day before."""

from dataclasses import replace
from pathlib import Path

from services.scheduler import store as scheduler_store
from shared.db.engine import open_engine, service_url
from shared.db.migrating import upgrade
from shared.events.market import AuctionCleared
from shared.events.settlement import IntervalSettled
from tests.component.settlement import settlement_facts as facts


def an_auction_after_a_day_ahead_trade() -> AuctionCleared:
    """Return an auction with a trade of 12 kWh, and 8 kWh of the day before: together the 20 kWh of the facts."""
    whole = facts.an_auction(facts.DELIVERY)
    [trade] = whole.trades
    today = replace(trade, quantity_wh=12_000, paid_krw=1_356, received_krw=1_320)
    before = replace(trade, trade_id="before", quantity_wh=8_000, paid_krw=904, received_krw=880)
    return whole.model_copy(update={"volume_wh": 12_000, "trades": (today,), "day_ahead_trades": (before,)})


def test_settlement_bills_the_trades_of_the_day_before_too(tmp_path: Path) -> None:
    split, whole = facts.a_bench(tmp_path / "split"), facts.a_bench(tmp_path / "whole")
    readings = facts.readings(facts.DELIVERY, facts.FLOWS_WH)

    split.give(an_auction_after_a_day_ahead_trade(), *readings)
    whole.give(facts.an_auction(facts.DELIVERY), *readings)

    # 12 + 8 kWh at the same prices are 20 kWh: 1,356 + 904 = 2,260 KRW paid, 1,320 + 880 = 2,200 KRW received.
    [in_parts], [at_once] = split.published(IntervalSettled), whole.published(IntervalSettled)
    assert in_parts.lines == at_once.lines
    assert {line.trade_paid_krw for line in in_parts.lines} == {0, 2_260}


def test_the_scheduler_plans_with_both(tmp_path: Path) -> None:
    base_url = f"sqlite:///{tmp_path}"
    upgrade(base_url, "scheduler")
    engine = open_engine(service_url(base_url, "scheduler"))

    with engine.begin() as db:
        scheduler_store.save_positions(db, an_auction_after_a_day_ahead_trade())
        positions = scheduler_store.load_positions(db, facts.COMPLEX_ID, facts.DELIVERY)

    # The auction has no fills here, so that what is left are the 8 kWh of the day before.
    engine.dispose()
    assert {name: (one.bought_wh, one.sold_wh) for name, one in positions.items()} == {
        facts.BUYER: (8_000, 0),
        facts.SELLER: (0, 8_000),
    }
