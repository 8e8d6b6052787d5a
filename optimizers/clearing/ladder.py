"""One side of the book at one place, best order first: the steps that a price climbs."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optimizers.clearing.book import Book, Ints, exact


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """The buys or the sells of one node, best first, earliest first where limits are equal.

    Args:
        rows: Where the orders stand in the book.
        rank: Ascending: the limit of a sell, minus the limit of a buy. Lower is better on both sides.
        quantity_wh: Of each order.
        total_wh: `total_wh[k]` is the quantity of the best k orders.
    """

    rows: Ints
    rank: Ints
    quantity_wh: Ints
    total_wh: Ints

    def within(self, rank: int) -> int:
        """Return the quantity of the orders at this rank or better."""
        return int(self.total_wh[self.rank.searchsorted(rank, "right")])

    def better(self, rank: int) -> int:
        """Return the quantity of the orders strictly better than this rank."""
        return int(self.total_wh[self.rank.searchsorted(rank, "left")])

    def edge(self, filled_wh: int) -> tuple[int | None, int | None]:
        """Return the ranks of the last order touched and of the first not filled, when the best quantity is filled."""
        touched = int(self.total_wh.searchsorted(filled_wh, "left"))
        last = int(self.rank[touched - 1]) if touched else None
        if touched and int(self.total_wh[touched]) > filled_wh:
            return last, last
        return last, int(self.rank[touched]) if touched < len(self.rank) else None

    def fill(self, filled_by_row_wh: Ints, filled_wh: int) -> None:
        """Write the fills of the best quantity into a column of the book."""
        touched = int(self.total_wh.searchsorted(filled_wh, "left"))
        filled_by_row_wh[self.rows[:touched]] = self.quantity_wh[:touched]
        if touched:
            filled_by_row_wh[self.rows[touched - 1]] = filled_wh - int(self.total_wh[touched - 1])


def ladders(book: Book, nodes: int, total_wh: int) -> list[tuple[Ladder, Ladder]]:
    """Sort a book once into the (buys, sells) of each node; `total_wh` (of all orders) bounds cumulative sums."""
    group = book.node * 2 + ~book.is_buy
    rank = np.where(book.is_buy, -book.price_jeon_per_kwh, book.price_jeon_per_kwh)
    rows = _sorted_rows(group, rank, groups=2 * nodes)
    bounds = np.searchsorted(group[rows], np.arange(2 * nodes + 1)) if nodes > 1 else _two_groups(book)
    quantity_wh = exact(book.quantity_wh, bound=total_wh)
    sides = [_ladder(rows[start:stop], rank, quantity_wh) for start, stop in pairwise(bounds)]
    return list(zip(sides[::2], sides[1::2], strict=True))


def _two_groups(book: Book) -> Ints:
    return np.array([0, np.count_nonzero(book.is_buy), book.size])


def _ladder(rows: Ints, rank: Ints, quantity_wh: Ints) -> Ladder:
    own_wh = quantity_wh[rows]
    total_wh = np.zeros(len(rows) + 1, dtype=own_wh.dtype)
    np.cumsum(own_wh, out=total_wh[1:])
    return Ladder(rows=rows, rank=rank[rows], quantity_wh=own_wh, total_wh=total_wh)


def _sorted_rows(group: Ints, rank: Ints, *, groups: int) -> Ints:
    """Return the rows by group, rank and arrival.

    Sorting bare int64 keys that hold all three is three times faster than sorting rows by keys.
    """
    size = len(rank)
    if size == 0:
        return np.zeros(0, dtype=np.int64)
    lowest = int(rank.min())
    span = int(rank.max()) - lowest + 1
    arrival = np.arange(size)
    if groups * span * size >= 1 << 62:
        return np.lexsort((arrival, rank, group))
    keys = (group * span + (rank - lowest)) * size + arrival
    keys.sort()
    rows: Ints = keys % size
    return rows
