"""Any one process is killed with -9 in the middle of trading and started again: nothing is lost, nothing is doubled."""

import itertools
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.deployment import PROCESSES
from shared.intervals import INTERVAL, KST
from tests.e2e.town import Sketch, Town, a_town, quarter

SPEED = 240
START = datetime(2026, 5, 20, 11, 5, tzinfo=KST)
# The first interval that is metered whole, and the last one the test waits for: two hours of trading.
FIRST = datetime(2026, 5, 20, 11, 15, tzinfo=KST)
INTERVALS = 8
KILL_AT = FIRST + timedelta(minutes=37)
SELLER, BUYER = "hanbit-machining", "donghae-springs"
SKETCH = Sketch(complex_id="killed", factories=(SELLER, BUYER, "changsin-bearing", "bukmyeon-robotics"))


class Client(threading.Thread):
    """A factory's own software, which submits an order for each interval and remembers what was acknowledged."""

    def __init__(self, town: Town) -> None:
        super().__init__(daemon=True)
        self._town = town
        self.acknowledged: list[str] = []
        self.trouble: Exception | None = None

    def run(self) -> None:
        try:
            for number in range(INTERVALS + 2):
                answer = self._town.submit(an_order(number, "buy", "131.50", "7.250"), BUYER)
                if answer is not None:
                    self.acknowledged.append(answer["order_id"])
                self._town.wait_until(quarter(FIRST, number) - timedelta(minutes=20))
        except Exception as trouble:  # noqa: BLE001 -- the test's own thread reports it
            self.trouble = trouble


def an_order(number: int, side: str, price: str, quantity: str) -> dict[str, Any]:
    start = quarter(FIRST, number) + INTERVAL
    return {
        "client_order_id": f"{side}-{number}",
        "delivery_start": start.isoformat(),
        "side": side,
        "price_krw_per_kwh": price,
        "quantity_kwh": quantity,
    }


@pytest.mark.parametrize("victim", PROCESSES)
def test_killed_process_loses_and_doubles_nothing(victim: str, tmp_path: Path) -> None:
    with a_town(tmp_path, START, SKETCH) as town:
        client = Client(town)
        client.start()
        town.let_time_pass(SPEED)
        town.wait_until(KILL_AT)
        town.kill_and_restart(victim)
        town.wait_until_settled(*(quarter(FIRST, number) for number in range(INTERVALS)))
        client.join(60)
        assert not client.is_alive()
        assert client.trouble is None
        report = town.call("GET", "/report?day=2026-05-20", "operator")

    assert_every_order_was_taken_once(town, client.acknowledged)
    assert_books_are_whole(town)
    assert report["dead_letters"] == 0
    assert report["ledger_sum_krw"] == 0


def assert_every_order_was_taken_once(town: Town, acknowledged: list[str]) -> None:
    assert len(acknowledged) >= INTERVALS
    booked = [row["order_id"] for row in town.rows("market", "select order_id from book_order")]
    refused = [row["order_id"] for row in town.rows("market", "select order_id from rejection")]
    assert len(booked) == len(set(booked))
    assert set(acknowledged) <= set(booked), f"lost or rejected: {set(acknowledged) - set(booked)} {refused}"


def assert_books_are_whole(town: Town) -> None:
    settled = [row["delivery_start"] for row in town.rows("settlement", "select delivery_start from settled_interval")]
    wanted = [int(quarter(FIRST, number).timestamp()) * 1_000_000 for number in range(INTERVALS)]
    assert set(wanted) <= set(settled)
    assert len(settled) == len(set(settled))
    traded = "select trade_id, quantity_wh, paid_krw, received_krw from trade order by trade_id"
    in_settlement = {row["trade_id"]: row for row in town.rows("settlement", traded)}
    in_market = {row["trade_id"]: row for row in town.rows("market", traded)}
    known = {trade_id: row for trade_id, row in in_market.items() if trade_id in in_settlement}
    assert in_settlement == known
    assert len(in_market) - len(known) <= len(town.rows("market", "select 1 from auction")), "trades were lost"
    entries = town.rows("settlement", "select entry_id, debit_krw, credit_krw from ledger_line")
    by_entry = itertools.groupby(sorted(entries, key=lambda row: str(row["entry_id"])), lambda row: row["entry_id"])
    for entry_id, lines in by_entry:
        lines_ = list(lines)
        assert sum(row["debit_krw"] for row in lines_) == sum(row["credit_krw"] for row in lines_), entry_id
