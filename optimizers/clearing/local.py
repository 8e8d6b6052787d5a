"""The auction inside one node, once its exchange with the hub is settled, and the prices that support it."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

from optimizers.clearing.book import Feeder
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

    def within(self, other: "PriceRange") -> "PriceRange":
        """Cut off what another range leaves out."""
        above = self if other.low is None else self.above(other.low)
        return above if other.high is None else above.below(other.high)

    def moved(self, by: int) -> "PriceRange":
        """Move both ends."""
        return PriceRange(None if self.low is None else self.low + by, None if self.high is None else self.high + by)

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


def feeder_prices(feeder: Feeder, local: LocalAuction, hub_price: int | None) -> PriceRange:
    """Return the local prices that fit a feeder's own orders, its flow and the hub price [jeon/kWh].

    Without a hub price nothing flows, and only the feeder's own orders bound its price.
    """
    if hub_price is None:
        return local.content
    return local.content.within(price_gap(feeder, local.net_import_wh).moved(hub_price))


def price_gap(feeder: Feeder, net_import_wh: int) -> PriceRange:
    """Return what a feeder's price may be above the hub's, so that no other flow across its boundary gains."""
    fee = feeder.wheeling_fee_jeon_per_kwh
    gap = PriceRange(None, None)
    if feeder.import_limit_wh is None or net_import_wh < feeder.import_limit_wh:
        gap = gap.below(fee)
    if net_import_wh > 0:
        gap = gap.above(fee)
    if feeder.export_limit_wh is None or net_import_wh > -feeder.export_limit_wh:
        gap = gap.above(-fee)
    if net_import_wh < 0:
        gap = gap.below(-fee)
    return gap


def binding_limit(
    feeder: Feeder, net_import_wh: int, *, price: int | None, hub_price: int | None
) -> Literal["import", "export"] | None:
    """Say which limit holds the flow back (see `FeederResult.binding`)."""
    if net_import_wh:
        if net_import_wh == feeder.import_limit_wh:
            return "import"
        return "export" if -net_import_wh == feeder.export_limit_wh else None
    if price is None or hub_price is None:
        return None
    fee = feeder.wheeling_fee_jeon_per_kwh
    if feeder.import_limit_wh == 0 and price > hub_price + fee:
        return "import"
    return "export" if feeder.export_limit_wh == 0 and price < hub_price - fee else None
