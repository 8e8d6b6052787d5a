"""Where energy crosses feeder boundaries: the search for the hub price, and shares at the margin.

The complex is radial: feeders around one hub. At a hub price, each feeder by itself says how much it would import or
export; the hub price is right where these add up to zero. Every step of that sum stands at an order's limit plus or
minus a fee, so that the search runs over integers and its answer is exact.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizers.clearing.book import UNLIMITED_WH, Ints
from optimizers.clearing.ladder import Ladder


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """The hub or a feeder with its orders. Net import is positive towards the node; the hub has no limit and no fee."""

    buys: Ladder
    sells: Ladder
    import_limit_wh: int = UNLIMITED_WH
    export_limit_wh: int = UNLIMITED_WH
    fee_jeon_per_kwh: int = 0

    def wanted_most_wh(self, hub_price: int) -> int:
        """Return the largest net import that is best for the node at a hub price [jeon/kWh]."""
        import_price = hub_price + self.fee_jeon_per_kwh
        wanted_wh = self.buys.within(-import_price) - self.sells.better(import_price)
        if wanted_wh > 0:
            return min(self.import_limit_wh, wanted_wh)
        if self.fee_jeon_per_kwh:
            export_price = hub_price - self.fee_jeon_per_kwh
            wanted_wh = self.buys.within(-export_price) - self.sells.better(export_price)
        return max(-self.export_limit_wh, wanted_wh) if wanted_wh < 0 else 0

    def wanted_least_wh(self, hub_price: int) -> int:
        """Return the smallest net import that is best for the node at a hub price [jeon/kWh]."""
        import_price = hub_price + self.fee_jeon_per_kwh
        wanted_wh = self.buys.better(-import_price) - self.sells.within(import_price)
        if wanted_wh > 0:
            return min(self.import_limit_wh, wanted_wh)
        if self.fee_jeon_per_kwh:
            export_price = hub_price - self.fee_jeon_per_kwh
            wanted_wh = self.buys.better(-export_price) - self.sells.within(export_price)
        return max(-self.export_limit_wh, wanted_wh) if wanted_wh < 0 else 0


@dataclass(frozen=True, slots=True)
class HubBalance:
    """The admissible hub prices [jeon/kWh] (None: unbounded) and each node's net import [Wh] at them."""

    price_low: int | None
    price_high: int | None
    net_import_wh: tuple[int, ...]


def balance_hub(nodes: Sequence[Node], *, price_min: int, price_max: int) -> HubBalance:
    """Find all hub prices at which net imports can add up to zero, and the net imports of the best answer.

    Args:
        nodes: The hub and the feeders.
        price_min: A price below every step of every node [jeon/kWh].
        price_max: A price above every step.
    """

    def scarce(price: int) -> bool:
        return sum(node.wanted_least_wh(price) for node in nodes) > 0

    def abundant(price: int) -> bool:
        return sum(node.wanted_most_wh(price) for node in nodes) < 0

    low = price_min + bisect_left(range(price_min, price_max), True, key=lambda price: not scarce(price))
    step = 1
    while low + step < price_max and not abundant(low + step):
        step *= 2
    above = range(low + step // 2, min(low + step, price_max) + 1)
    high = above.start + bisect_left(above, True, key=abundant) - 1
    least_wh = [node.wanted_least_wh(low) for node in nodes]
    most_wh = [node.wanted_most_wh(high) for node in nodes]
    # Between two admissible prices no node changes its mind, so that `least` and `most` differ at one price only.
    return HubBalance(
        price_low=None if low == price_min else low,
        price_high=None if high == price_max else high,
        net_import_wh=tuple(_share(nodes, least_wh, most_wh, hub_price=low)),
    )


def _share(nodes: Sequence[Node], least_wh: list[int], most_wh: list[int], *, hub_price: int) -> list[int]:
    """Choose net imports that add up to zero: most volume, then earliest orders first.

    Each node trades most when its marginal buys and sells meet as far as they can (`fullest`). If these imports do
    not add up to zero, one side is too long at the margin: all nodes give up the same quantity of it together,
    whoever does, so that volume is the same, and arrival decides.
    """
    prices = [_marginal_price(node, most, hub_price) for node, most in zip(nodes, most_wh, strict=True)]
    met_wh = [node.buys.within(-price) - node.sells.within(price) for node, price in zip(nodes, prices, strict=True)]
    fullest_wh = [min(max(met, least), most) for met, least, most in zip(met_wh, least_wh, most_wh, strict=True)]
    surplus_wh = sum(fullest_wh)
    if surplus_wh > 0:
        # Buys are too long: above what each node needs at least, marginal buys are served as they arrived.
        room_wh = [full - least for full, least in zip(fullest_wh, least_wh, strict=True)]
        offsets = [node.sells.within(price) for node, price in zip(nodes, prices, strict=True)]
        spans = [
            _Span(node.buys, -price, least + offset, room)
            for node, price, least, offset, room in zip(nodes, prices, least_wh, offsets, room_wh, strict=True)
        ]
        served_wh = _serve_by_arrival(spans, sum(room_wh) - surplus_wh)
        return [least + served for least, served in zip(least_wh, served_wh, strict=True)]
    if surplus_wh < 0:
        room_wh = [most - full for full, most in zip(fullest_wh, most_wh, strict=True)]
        offsets = [node.buys.within(-price) for node, price in zip(nodes, prices, strict=True)]
        spans = [
            _Span(node.sells, price, offset - most, room)
            for node, price, most, offset, room in zip(nodes, prices, most_wh, offsets, room_wh, strict=True)
        ]
        served_wh = _serve_by_arrival(spans, sum(room_wh) + surplus_wh)
        return [most - served for most, served in zip(most_wh, served_wh, strict=True)]
    return fullest_wh


def _marginal_price(node: Node, most_wh: int, hub_price: int) -> int:
    return hub_price + node.fee_jeon_per_kwh if most_wh > 0 else hub_price - node.fee_jeon_per_kwh


@dataclass(frozen=True, slots=True, eq=False)
class _Span:
    """The part of a ladder's marginal orders that may or may not be served: `room_wh` beyond the best `sure_wh`."""

    ladder: Ladder
    rank: int
    sure_wh: int
    room_wh: int


def _serve_by_arrival(spans: Sequence[_Span], offered_wh: int) -> list[int]:
    """Hand a quantity to the marginal orders of several nodes in arrival order; return each node's part."""
    rows: list[Ints] = []
    wanted_wh: list[Ints] = []
    for span in spans:
        total_wh = span.ladder.total_wh
        first, last = (int(span.ladder.rank.searchsorted(span.rank, edge)) for edge in ("left", "right"))
        clipped = np.clip(total_wh[first : last + 1], span.sure_wh, span.sure_wh + span.room_wh)
        rows.append(span.ladder.rows[first:last])
        wanted_wh.append(np.diff(clipped))
    owner = np.repeat(np.arange(len(spans)), [len(part) for part in rows])
    by_arrival = np.argsort(np.concatenate(rows))
    taken_wh = np.diff(np.minimum(np.cumsum(np.concatenate(wanted_wh)[by_arrival]), offered_wh), prepend=0)
    owner = owner[by_arrival]
    return [int(taken_wh[owner == position].sum()) for position in range(len(spans))]
