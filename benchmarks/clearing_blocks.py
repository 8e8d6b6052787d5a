"""How fast a day with blocks clears: python -m benchmarks.clearing_blocks.

96 intervals, 200 participants with one simple order each an interval (19,200), 500 blocks over 4 to 24 intervals.
"""

import sys
import time

import numpy as np

from optimizers.clearing.block_book import Block, DayClearing
from optimizers.clearing.blocks import clear_day
from optimizers.clearing.book import Order
from optimizers.clearing.check import check

INTERVALS, PARTICIPANTS, BLOCKS = 96, 200, 500
SECONDS_MAX = 10.0


def a_day(seed: int = 1) -> tuple[list[list[Order]], list[Block]]:
    """Return a day in which prices follow the hour and blocks lie near the margin, the same one each run."""
    random = np.random.default_rng(seed)
    level = 12_000 + 3_000 * np.sin(np.arange(INTERVALS) * 2 * np.pi / INTERVALS)
    orders = [
        [
            Order(
                order_id=f"{interval}-{one}",
                participant_id=f"p{one}",
                side="buy" if one % 2 else "sell",
                price_jeon_per_kwh=int(level[interval] + random.normal(0, 2_500)),
                quantity_wh=int(random.integers(5_000, 80_000)),
                sequence=one,
            )
            for one in range(PARTICIPANTS)
        ]
        for interval in range(INTERVALS)
    ]
    blocks = []
    for number in range(BLOCKS):
        length = int(random.integers(4, 25))
        first = int(random.integers(0, INTERVALS - length + 1))
        side = 1 if number % 2 else -1
        worth = level[first : first + length].mean() + side * random.normal(300, 1_200)
        blocks.append(
            Block(
                block_id=f"block-{number}",
                participant_id=f"p{number % PARTICIPANTS}",
                side="buy" if side > 0 else "sell",
                price_jeon_per_kwh=int(worth),
                first_interval=first,
                quantity_wh=(int(random.integers(10_000, 120_000)),) * length,
                sequence=number,
            )
        )
    return orders, blocks


def main() -> int:
    """Print what the day took and gave, and return 1 where it took too long or is wrong."""
    orders, blocks = a_day()
    wall, cpu = time.perf_counter(), time.process_time()
    day = clear_day(orders, blocks)
    wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    _require_right(day, blocks)
    without = clear_day(orders, [])
    # One thread: on a core of its own it takes its CPU time.
    kept = cpu_s < SECONDS_MAX and day.method == "program"
    gap = "none" if day.gap is None else f"{day.gap:.1e}"
    gain = day.welfare_jeon_wh / without.welfare_jeon_wh - 1
    verdict = f"limit {SECONDS_MAX:.0f} s   {'ok' if kept else 'MISSED'}"
    print(f"blocks    96 intervals, 19,200 orders, 500 blocks   {cpu_s:.2f} s CPU, {wall_s:.2f} s wall   {verdict}")
    print(f"blocks    {day.method}, gap {gap}, accepted {len(day.accepted)}, taken out at a loss {len(day.removed)}")
    print(f"blocks    rejected in the money {len(day.rejected_in_the_money)}, welfare {gain:+.2%} by blocks")
    return 0 if kept else 1


def _require_right(day: DayClearing, blocks: list[Block]) -> None:
    """Check each interval on its own, and that no accepted block is filled in part or loses."""
    by_id = {block.block_id: block for block in blocks}
    for book, auction in zip(day.books, day.auctions, strict=True):
        check(book, (), auction)
    for one in day.accepted:
        block = by_id[one.block_id]
        prices = [day.auctions[interval].price_jeon_per_kwh or 0 for interval, _ in block.legs()]
        paid = sum(price * wh for price, (_, wh) in zip(prices, block.legs(), strict=True))
        worth = block.price_jeon_per_kwh * sum(block.quantity_wh)
        assert paid <= worth if block.side == "buy" else paid >= worth


if __name__ == "__main__":
    sys.exit(main())
