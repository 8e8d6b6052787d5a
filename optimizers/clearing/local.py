"""The auction inside one node, once its exchange with the hub is settled, and the prices that support it."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

from optimizers.clearing.ladder import Ladder
from optimizers.clearing.network import Node
from shared.units import round_half_up


@dataclass(frozen=True, slots=True)
class PriceRange:
    """Admissible prices [jeon/kWh], both ends included; None is no bound."""

    low: int | None
    high: int | None

    def above(self, bound: int) -> "PriceRange":
        """Cut off what is below a bound."""
        return PriceRange(bound if self.low is None else max(self.low, bound), self.high)

    def below(self, bound: int) -> "PriceRange":
        """Cut off what is above a bound."""
        return PriceRange(self.low, bound if self.high is None else min(self.high, bound))

    def price(self, tick_jeon: int) -> int | None:
        """Return the midpoint rounded half up to the tick, or the one finite end, or None where there is neither.

        A coarse tick can round out of the interval; then the end next to it is taken, so that nobody loses.
        """
        if self.low is None or self.high is None:
            return self.high if self.low is None else self.low
        midpoint = round_half_up(self.low + self.high, 2 * tick_jeon) * tick_jeon
        return min(max(midpoint, self.low), self.high)


@dataclass(frozen=True, slots=True)
class LocalAuction:
    """What is bought and sold inside one node, and the local prices at which its own orders agree to that."""

    bought_wh: int
    sold_wh: int
    content: PriceRange

    @property
    def net_import_wh(self) -> int:
        """What flows in from the hub; below 0 it flows out."""
        return self.bought_wh - self.sold_wh


def clear_node(node: Node, net_import_wh: int) -> LocalAuction:
    """Clear one node with a given net import: most welfare, then most volume."""
    bought_wh = _bought_wh(node.buys, node.sells, net_import_wh)
    sold_wh = bought_wh - net_import_wh
    last_bid, best_unfilled_bid = (_limit(rank) for rank in node.buys.edge(bought_wh))
    last_ask, best_unfilled_ask = node.sells.edge(sold_wh)
    lows = [price for price in (last_ask, best_unfilled_bid) if price is not None]
    highs = [price for price in (last_bid, best_unfilled_ask) if price is not None]
    return LocalAuction(bought_wh, sold_wh, PriceRange(max(lows, default=None), min(highs, default=None)))


def _bought_wh(buys: Ladder, sells: Ladder, net_import_wh: int) -> int:
    """Return the largest quantity whose last buy still reaches the last sell it needs beside the import."""

    def offered_wh(position: int) -> int:
        return net_import_wh + sells.within(-int(buys.rank[position]))

    def is_last(position: int) -> bool:
        return int(buys.total_wh[position + 1]) >= offered_wh(position)

    buyers = len(buys.rank)
    position = bisect_left(range(buyers), True, key=is_last)
    served_before_wh = int(buys.total_wh[position])
    return served_before_wh if position == buyers else max(served_before_wh, offered_wh(position))


def _limit(rank: int | None) -> int | None:
    return None if rank is None else -rank


def feeder_prices(node: Node, local: LocalAuction, hub_price: int | None) -> PriceRange:
    """Return the local prices that fit a feeder's own orders, its flow and the hub price [jeon/kWh].

    Without a hub price nothing flows, and only the feeder's own orders bound its price.
    """
    prices, net_import_wh = local.content, local.net_import_wh
    if hub_price is None:
        return prices
    import_price, export_price = hub_price + node.fee_jeon_per_kwh, hub_price - node.fee_jeon_per_kwh
    if net_import_wh < node.import_limit_wh:
        prices = prices.below(import_price)
    if net_import_wh > 0:
        prices = prices.above(import_price)
    if net_import_wh > -node.export_limit_wh:
        prices = prices.above(export_price)
    if net_import_wh < 0:
        prices = prices.below(export_price)
    return prices


def binding_limit(
    node: Node, local: LocalAuction, *, price: int | None, hub_price: int | None
) -> Literal["import", "export"] | None:
    """Say which limit holds the flow back (see `FeederResult.binding`)."""
    net_import_wh = local.net_import_wh
    if net_import_wh:
        if net_import_wh == node.import_limit_wh:
            return "import"
        return "export" if -net_import_wh == node.export_limit_wh else None
    if price is None or hub_price is None:
        return None
    if node.import_limit_wh == 0 and price > hub_price + node.fee_jeon_per_kwh:
        return "import"
    return "export" if node.export_limit_wh == 0 and price < hub_price - node.fee_jeon_per_kwh else None
