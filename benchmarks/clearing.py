"""How fast the market clears, as ratios within one run: python benchmarks/clearing.py.

Absolute times depend on the machine; the ratios are what the project promises, and the run fails where one is missed.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from optimizers.clearing.auction import clear_book
from optimizers.clearing.book import Book, Feeder, Order
from shared.arrays import Integers
from tests.unit.clearing.linear_program import clear_on_lines, radial_lines

FEEDERS = [
    Feeder(
        feeder_id=f"F{number}",
        import_limit_wh=20_000_000,
        export_limit_wh=20_000_000,
        wheeling_fee_jeon_per_kwh=100 * number,
    )
    for number in range(1, 9)
]


def a_book(size: int, *, nodes: int = 1) -> Book:
    """Bids and asks at 50..200 KRW/kWh for up to 1,000 kWh, the same ones each run."""
    random = np.random.default_rng(size)
    return Book(
        is_buy=random.random(size) < 0.5,
        price_jeon_per_kwh=random.integers(5_000, 20_000, size),
        quantity_wh=random.integers(1, 1_000_000, size),
        node=random.integers(0, nodes, size),
    )


def sort_and_sum(book: Book) -> Integers:
    """Return the cumulative quantity of each side by price and arrival: numpy's part of any clearing."""
    sums = []
    for side in (book.is_buy, ~book.is_buy):
        order = np.argsort(book.price_jeon_per_kwh[side], kind="stable")
        sums.append(np.cumsum(book.quantity_wh[side][order]))
    return np.concatenate(sums)


def best_s(run: Callable[[], object], *, repeats: int) -> float:
    """Return the shortest of several runs [s]: what the machine can do when nobody else is on it."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


def orders_of(book: Book) -> list[Order]:
    """Return a book as orders, which is what the linear program takes."""
    return [
        Order(
            order_id=str(row),
            participant_id="somebody",
            side="buy" if book.is_buy[row] else "sell",
            price_jeon_per_kwh=int(book.price_jeon_per_kwh[row]),
            quantity_wh=int(book.quantity_wh[row]),
            sequence=row,
            feeder_id=FEEDERS[book.node[row] - 1].feeder_id if book.node[row] else None,
        )
        for row in range(book.size)
    ]


def main() -> int:
    """Print the ratios and return 1 where one is missed."""
    hundred_thousand, million = a_book(100_000), a_book(1_000_000)
    plain, networked = a_book(10_000), a_book(10_000, nodes=9)
    sort_s = best_s(lambda: sort_and_sum(hundred_thousand), repeats=15)
    large_s = best_s(lambda: clear_book(hundred_thousand), repeats=15)
    million_s = best_s(lambda: clear_book(million), repeats=3)
    plain_s = best_s(lambda: clear_book(plain), repeats=30)
    network_s = best_s(lambda: clear_book(networked, FEEDERS), repeats=30)
    orders, lines = orders_of(networked), radial_lines(FEEDERS)
    program_s = best_s(lambda: clear_on_lines(orders, lines), repeats=2)
    welfare = clear_book(networked, FEEDERS).welfare_jeon_wh
    assert abs(clear_on_lines(orders, lines).welfare_jeon_wh / welfare - 1) < 1e-9
    kept = [
        _line("100,000 orders", large_s, f"{large_s / sort_s:.2f} x sort and sum", kept=large_s <= 3 * sort_s),
        _line("1,000,000 orders", million_s, "limit 3 s", kept=million_s < 3),
        _line("10,000 orders", plain_s, "no network", kept=True),
        _line("10,000 orders, 8 feeders", network_s, f"{network_s / plain_s:.2f} x", kept=network_s <= 5 * plain_s),
        _line("the same as an LP", program_s, f"{program_s / network_s:.0f} x", kept=program_s >= 20 * network_s),
    ]
    return 0 if all(kept) else 1


def _line(what: str, seconds: float, ratio: str, *, kept: bool) -> bool:
    print(f"clearing  {what:<26} {seconds * 1e3:10.2f} ms   {ratio:<22} {'ok' if kept else 'MISSED'}")
    return kept


if __name__ == "__main__":
    sys.exit(main())
