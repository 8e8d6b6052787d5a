"""Each process is killed with -9 in the middle of trading and started again: nothing is lost, nothing is doubled."""

import csv
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.deployment import PROCESSES
from shared.intervals import INTERVAL, KST
from tests.e2e.town import WAIT_S, Sketch, Town, a_town, quarter

SPEED = 240
START = datetime(2026, 5, 20, 10, 40, tzinfo=KST)
# Its gate closes five minutes after the start; the tests wait until two hours of intervals are settled.
FIRST = datetime(2026, 5, 20, 11, 15, tzinfo=KST)
INTERVALS = [quarter(FIRST, number) for number in range(8)]
# For these the client has an order of its own.
OWN = INTERVALS[2:]
GATE_CLOSURE_LEAD = timedelta(minutes=30)
# Half an hour apart, so that one is mostly back when the next is killed.
KILLS_AT = tuple(FIRST + timedelta(minutes=minutes) for minutes in (9, 37, 65, 93))
# Those that orders and money go through, and the others; orders of a file are traded while each of them is killed.
TRADING = ("scheduler", "market", "settlement", "trading_api")
VICTIMS = (TRADING, pytest.param(tuple(sorted(PROCESSES.keys() - {*TRADING})), marks=pytest.mark.matrix))
SELLER, BUYER = "hanbit-machining", "donghae-springs"
FACTORIES = (SELLER, BUYER, "changsin-bearing", "bukmyeon-robotics")
ORDERS_FILE = Path(__file__).parent / "orders.csv"

WINDOW = "delivery_start between {} and {}".format(
    *(int(one.timestamp()) * 1_000_000 for one in INTERVALS[:: len(INTERVALS) - 1])
)


class Client(threading.Thread):
    """A factory's own software: an order for each interval in good time, and a list of what was acknowledged."""

    def __init__(self, town: Town) -> None:
        super().__init__(daemon=True)
        self._town = town
        self.acknowledged: list[str] = []
        self.trouble: Exception | None = None

    def run(self) -> None:
        try:
            for number, delivery_start in enumerate(OWN):
                order = an_order(f"own-{number}", delivery_start, "buy", "131.50", "7.250")
                self._town.hold_at(delivery_start - GATE_CLOSURE_LEAD - timedelta(minutes=1))
                self.acknowledged.append(self._town.submit(order, BUYER)["order_id"])
                self._town.hold_at(None)
                self._town.wait_until(delivery_start - timedelta(minutes=20))
        except Exception as trouble:  # noqa: BLE001 -- the test that started the thread reports it
            self.trouble = trouble


def an_order(client_order_id: str, delivery_start: datetime, side: str, price: str, quantity: str) -> dict[str, Any]:
    return {
        "client_order_id": client_order_id,
        "delivery_start": delivery_start.isoformat(),
        "side": side,
        "price_krw_per_kwh": price,
        "quantity_kwh": quantity,
    }


@pytest.mark.parametrize("victims", VICTIMS, ids=["trading", "others"])
def test_killed_processes_lose_and_double_nothing(victims: tuple[str, ...], tmp_path: Path) -> None:
    with a_town(tmp_path, START, Sketch(complex_id="killed", factories=FACTORIES)) as town:
        client = Client(town)
        # From here on the client alone moves the clock.
        town.let_time_pass(SPEED)
        client.start()
        for victim, kill_at in zip(victims, KILLS_AT, strict=True):
            town.wait_until(kill_at)
            town.kill_and_restart(victim)
        town.wait_until_settled(*INTERVALS)
        report = town.wait_until_reported(len(INTERVALS))
        # The API hears of an interval from several services, and its readings may come after its settlement.
        town.wait_for(
            lambda: readings_in(town, "trading_api") == readings_in(town, "settlement"),
            lambda: f"the API knows only of {readings_in(town, 'trading_api')}",
        )
        client.join(WAIT_S)

    assert not client.is_alive()
    assert client.trouble is None
    assert_every_order_was_taken_once(town, client.acknowledged)
    assert_every_reading_was_taken_once(town)
    assert_trades_are_settled_once(town)
    assert_every_entry_balances(town)
    assert report["dead_letters"] == 0
    assert report["ledger_sum_krw"] == 0


def test_books_after_every_process_was_killed_equal_those_of_a_quiet_run(tmp_path: Path) -> None:
    quiet = books_of(tmp_path / "quiet", victims=[])

    disturbed = books_of(tmp_path / "disturbed", victims=list(PROCESSES))

    assert disturbed == quiet
    assert quiet["trades"], "a day without trades shows nothing"


def books_of(folder: Path, victims: list[str]) -> dict[str, Any]:
    """Trade the orders of the file, killing some processes one after the other, and return all the money of it."""
    folder.mkdir()
    sketch = Sketch(complex_id="filed", factories=FACTORIES, automatic=False, batteries=False)
    with a_town(folder, START, sketch) as town:
        with ORDERS_FILE.open(newline="") as file:
            for number, row in enumerate(csv.DictReader(file)):
                start = INTERVALS[int(row["interval"])]
                order = an_order(f"file-{number}", start, row["side"], row["price_krw_per_kwh"], row["quantity_kwh"])
                town.submit(order, row["participant"])
        town.let_time_pass(SPEED)
        for number, victim in enumerate(victims):
            town.wait_until(FIRST + number * INTERVAL * 6 / len(PROCESSES))
            town.kill_and_restart(victim)
        town.wait_until_settled(*INTERVALS)
    lines = "select e.delivery_start, e.kind, l.account, l.debit_krw, l.credit_krw from ledger_line l"
    join = "join ledger_entry e on e.complex_id = l.complex_id and e.entry_id = l.entry_id"
    trades = "select delivery_start, buyer_id, seller_id, quantity_wh, paid_krw, received_krw from trade"
    auctions = "select delivery_start, price_jeon_per_kwh, volume_wh, fees_krw from auction"
    return {
        "ledger": town.rows("settlement", f"{lines} {join} where e.{WINDOW} order by 1, 2, 3, 4, 5"),
        "trades": town.rows("settlement", f"{trades} where {WINDOW} order by 1, 2, 3, 4"),
        "auctions": town.rows("market", f"{auctions} where {WINDOW} order by 1"),
    }


def assert_every_order_was_taken_once(town: Town, acknowledged: list[str]) -> None:
    assert len(acknowledged) == len(set(acknowledged)) == len(OWN)
    booked = [row["order_id"] for row in town.rows("market", "select order_id from book_order")]
    refused = town.rows("market", "select order_id, reason, detail from rejection")
    assert len(booked) == len(set(booked))
    assert set(acknowledged) <= set(booked), f"lost or rejected: {set(acknowledged) - set(booked)}, {refused}"


def readings_in(town: Town, service: str) -> list[tuple[str, int]]:
    """Return the meter and beginning of every reading of the tested intervals that a service has kept."""
    query = f"select meter_id, delivery_start from reading where {WINDOW} order by 1, 2"
    return [(row["meter_id"], row["delivery_start"]) for row in town.rows(service, query)]


def assert_every_reading_was_taken_once(town: Town) -> None:
    in_books = readings_in(town, "settlement")
    meters = sorted({meter for meter, _ in in_books})
    assert len(meters) == 4 + 3 + 3, "four grid meters, three roofs, three batteries"
    expected = [(meter, int(start.timestamp()) * 1_000_000) for meter in meters for start in INTERVALS]
    assert in_books == expected
    assert readings_in(town, "trading_api") == expected


def assert_trades_are_settled_once(town: Town) -> None:
    settled = town.rows("settlement", f"select delivery_start from settled_interval where {WINDOW}")
    assert len(settled) == len(INTERVALS)
    volume = town.rows("market", f"select delivery_start, volume_wh from auction where {WINDOW} order by 1")
    assert sum(row["volume_wh"] for row in volume) > 0
    traded = f"select trade_id, quantity_wh, paid_krw, received_krw from trade where {WINDOW} order by 1"
    in_books = town.rows("settlement", traded)
    assert sum(row["quantity_wh"] for row in in_books) == sum(row["volume_wh"] for row in volume)
    assert town.rows("trading_api", traded) == in_books


def assert_every_entry_balances(town: Town) -> None:
    surplus = "select entry_id, sum(debit_krw) - sum(credit_krw) as surplus_krw from ledger_line"
    totals = f"{surplus} group by complex_id, entry_id"
    assert [row for row in town.rows("settlement", totals) if row["surplus_krw"] != 0] == []
