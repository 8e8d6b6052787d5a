"""The same books cleared here and by a peer in one run: python -m benchmarks.clearing_peers.

The peer is ASSUME's pay-as-clear, which is no part of this project: it runs in a Python of its own, named by
PEERS_PYTHON. Without one the comparison is skipped, aloud. gsy-framework would be another peer, but the package index
has none of that name (November 2026).
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clearing import a_book, best_s, orders_of
from optimizers.clearing.auction import clear, clear_book
from optimizers.clearing.book import Allocation, Book
from optimizers.clearing.check import check

BOOKS, ORDERS_PER_BOOK, LARGE = 200, 20, 10_000
HOW = (
    "python3 -m venv /tmp/peers && /tmp/peers/bin/pip install assume-framework && "
    "PEERS_PYTHON=/tmp/peers/bin/python python -m benchmarks.clearing_peers"
)
# Runs in the peer's Python: books of [side, price, volume] in, for each the accepted volumes, the price, the seconds.
PEER_SCRIPT = """
import json, random, sys, time
from datetime import datetime, timedelta
from dateutil import rrule as rr
from assume.common.market_objects import MarketConfig, MarketProduct
from assume.markets.clearing_algorithms.simple import PayAsClearRole

random.seed(1)
start = datetime(2026, 5, 20)
product = (start, start + timedelta(minutes=15), None)
config = MarketConfig(
    market_id="m",
    opening_hours=rr.rrule(rr.HOURLY, dtstart=start, until=start + timedelta(days=1)),
    opening_duration=timedelta(hours=1),
    market_mechanism="pay_as_clear",
    market_products=[MarketProduct(timedelta(minutes=15), 1, timedelta(hours=1))],
)
answers = []
for book in json.load(sys.stdin):
    orders = [
        {
            "start_time": product[0], "end_time": product[1], "only_hours": None, "bid_id": str(row),
            "price": price, "volume": volume if side == "sell" else -volume, "agent_addr": "a",
        }
        for row, (side, price, volume) in enumerate(book)
    ]
    role = PayAsClearRole(config)
    began = time.perf_counter()
    accepted, rejected, meta, flows = role.clear(orders, [product])
    seconds = time.perf_counter() - began
    fills = [[one["price"], one["accepted_volume"]] for one in accepted]
    price = accepted[0]["accepted_price"] if accepted else None
    answers.append({"fills": fills, "price": price, "seconds": seconds})
json.dump(answers, sys.stdout)
"""


@dataclass(frozen=True)
class Judged:
    """How many of the books an answer got right in each respect."""

    welfare: int
    volume: int
    price: int
    all: int


def small_book(seed: int) -> Book:
    """Return a book whose prices tie often."""
    random = np.random.default_rng(seed)
    return Book(
        is_buy=random.random(ORDERS_PER_BOOK) < 0.5,
        price_jeon_per_kwh=random.integers(90, 111, ORDERS_PER_BOOK) * 100,
        quantity_wh=random.integers(1, 20, ORDERS_PER_BOOK) * 1_000,
        node=np.zeros(ORDERS_PER_BOOK, dtype=np.int64),
    )


def rows(book: Book) -> list[tuple[str, int, int]]:
    """Return a book as the peer takes it; integers, so that its floats have nothing to lose."""
    columns = (book.is_buy.tolist(), book.price_jeon_per_kwh.tolist(), book.quantity_wh.tolist())
    return [("buy" if is_buy else "sell", price, wh) for is_buy, price, wh in zip(*columns, strict=True)]


def ask_peer(python: str, books: list[Book]) -> list[dict[str, Any]]:
    """Let the peer clear the books."""
    asked = json.dumps([rows(book) for book in books])
    ran = subprocess.run([python, "-c", PEER_SCRIPT], input=asked, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"peers     the peer failed: {ran.stderr.strip().splitlines()[-1]}")
    answers: list[dict[str, Any]] = json.loads(ran.stdout)
    return answers


def judge(answers: list[dict[str, Any]], exact: list[Allocation]) -> Judged:
    """Count where the peer's fills have the largest welfare and volume, and its price is one that suits everybody."""
    verdicts = []
    for answer, ours in zip(answers, exact, strict=True):
        # The peer's demand has negative volumes: the sum of price x volume is minus the welfare.
        welfare = -sum(price * volume for price, volume in answer["fills"])
        volume = sum(volume for _, volume in answer["fills"] if volume > 0)
        low, high, price = ours.price_low_jeon_per_kwh, ours.price_high_jeon_per_kwh, answer["price"]
        if ours.volume_wh == 0:
            suits = price is None
        else:
            suits = price is not None and (low is None or low <= price) and (high is None or price <= high)
        verdicts.append((round(welfare) == ours.welfare_jeon_wh, round(volume) == ours.volume_wh, suits))
    welfare, volume, price = (sum(column) for column in zip(*verdicts, strict=True))
    return Judged(welfare, volume, price, sum(all(one) for one in verdicts))


def main() -> int:
    """Print speed and correctness of both; there is nothing to fail but the peer."""
    python = os.environ.get("PEERS_PYTHON", "")
    if not Path(python).is_file():
        print(f"peers     SKIPPED: PEERS_PYTHON names no Python with the peer in it; provide it by\npeers     {HOW}")
        return 0
    books = [small_book(seed) for seed in range(BOOKS)]
    large = a_book(LARGE)
    *small_answers, large_answer = ask_peer(python, [*books, large])
    started = time.perf_counter()
    exact = [clear_book(book) for book in books]
    small_s = time.perf_counter() - started
    large_s = best_s(lambda: clear_book(large), repeats=15)
    right = judge(small_answers, exact)
    peer_small_s = sum(answer["seconds"] for answer in small_answers)
    for book in books:
        orders = orders_of(book)
        check(orders, (), clear(orders))
    peer_s = large_answer["seconds"]
    parts = f"welfare {right.welfare}, volume {right.volume}, price {right.price}"
    about_large = "yes" if judge([large_answer], [clear_book(large)]).all else "no"
    print(
        f"peers     10,000 orders: here {large_s * 1e3:.2f} ms, ASSUME {peer_s * 1e3:.0f} ms, {peer_s / large_s:.0f} x"
    )
    print(
        f"peers     {BOOKS} books of {ORDERS_PER_BOOK}: here {small_s * 1e3:.0f} ms, ASSUME {peer_small_s * 1e3:.0f} ms"
    )
    print(f"peers     right: here {BOOKS} of {BOOKS}, ASSUME {right.all} ({parts}); the 10,000: {about_large}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
