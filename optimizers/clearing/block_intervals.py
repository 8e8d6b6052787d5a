"""The intervals of a day, each cleared with the legs of the blocks that are accepted for now."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from optimizers.clearing.auction import clear
from optimizers.clearing.block_book import Block
from optimizers.clearing.book import PRICE_JEON_PER_KWH_MAX, Clearing, Feeder, Order
from optimizers.clearing.support import Prices, Support, priced_at, support_of


@dataclass(frozen=True, slots=True)
class ClearedInterval:
    """One interval's book as it was cleared: its simple orders, then the legs of accepted blocks.

    Args:
        legs: How many of the book's orders are legs.
    """

    book: tuple[Order, ...]
    auction: Clearing
    legs: int

    def price_at(self, feeder_id: str | None) -> int | None:
        """Return the price at a place [jeon/kWh]."""
        for result in self.auction.feeders:
            if result.feeder_id == feeder_id:
                return result.price_jeon_per_kwh
        return self.auction.price_jeon_per_kwh

    def prices(self) -> Prices:
        """Return the prices at the hub and at every feeder."""
        local = {result.feeder_id: result.price_jeon_per_kwh for result in self.auction.feeders}
        return {None: self.auction.price_jeon_per_kwh} | local

    def short(self) -> set[str]:
        """Return the ids of blocks whose leg is not wholly filled."""
        first = len(self.book) - self.legs
        legs = zip(self.book[first:], self.auction.fills[first:], strict=True)
        return {leg.order_id for leg, fill in legs if fill.filled_wh < leg.quantity_wh}

    def leg_ids(self) -> set[str]:
        """Return the ids of the blocks with a leg here."""
        return {leg.order_id for leg in self.book[len(self.book) - self.legs :]}


class Intervals:
    """A day's books; what was cleared once with the same blocks is kept."""

    def __init__(
        self, orders: Sequence[Sequence[Order]], blocks: Sequence[Block], feeders: Sequence[Feeder], tick_jeon: int
    ) -> None:
        self.orders = orders
        self._blocks = blocks
        self._feeders = feeders
        self._tick_jeon = tick_jeon
        self._limit_of = {block.block_id: block.price_jeon_per_kwh for block in blocks}
        self._known: dict[tuple[int, tuple[int, ...]], ClearedInterval] = {}
        self._covering: list[list[int]] = [[] for _ in orders]
        for position in sorted(range(len(blocks)), key=lambda position: blocks[position].sequence):
            for interval, _ in blocks[position].legs():
                self._covering[interval].append(position)

    def cleared(self, interval: int, accepted: Collection[int]) -> ClearedInterval:
        """Return an interval with the legs of accepted blocks, at the midpoints of its admissible prices.

        A leg is cleared at its block's own limit. One that is not wholly filled at it is forced: it goes before all
        others, and does not bound the prices.
        """
        here = tuple(position for position in self._covering[interval] if position in accepted)
        known = self._known.get((interval, here))
        if known is None:
            known = self._known[interval, here] = self._cleared(interval, here)
        return known

    def support(self, cleared: ClearedInterval) -> Support:
        """Return the prices at which all agree to the fills but the blocks, which look at several intervals."""
        return support_of(cleared.book, self._feeders, cleared.auction, without=cleared.leg_ids())

    def at_prices(self, cleared: ClearedInterval, support: Support, prices: Prices) -> ClearedInterval:
        """Return an interval at other supporting prices; a leg that they do not suit has the price as its limit."""
        first = len(cleared.book) - cleared.legs
        legs = []
        for leg in cleared.book[first:]:
            price = prices[leg.feeder_id if self._feeders else None]
            if price is None:
                raise AssertionError(f"block {leg.order_id}: where a leg is filled there must be a price")
            own = self._limit_of[leg.order_id]
            legs.append(replace(leg, price_jeon_per_kwh=max(own, price) if leg.side == "buy" else min(own, price)))
        book = (*cleared.book[:first], *legs)
        return ClearedInterval(book, priced_at(book, self._feeders, cleared.auction, support, prices), cleared.legs)

    def _cleared(self, interval: int, here: Sequence[int]) -> ClearedInterval:
        simple, legs = self.orders[interval], self._legs(interval, here)
        forced: set[str] = set()
        while True:
            book = (*simple, *self._with_limits(simple, legs, forced))
            cleared = ClearedInterval(book, clear(book, self._feeders, self._tick_jeon), len(legs))
            if not cleared.short() - forced:
                break
            forced |= cleared.short()
        if not forced or cleared.short():
            return cleared
        support = support_of(book, self._feeders, cleared.auction, without=forced)
        return self.at_prices(cleared, support, self._midpoints(support, cleared))

    def _midpoints(self, support: Support, cleared: ClearedInterval) -> Prices:
        """Return the midpoints without the forced legs; where nothing else bounds a price, it is the auction's."""
        prices = cleared.prices()
        hub_price = support.hub().price(self._tick_jeon)
        if hub_price is not None:
            prices[None] = hub_price
        for feeder_id in support.gaps:
            price = support.local(feeder_id, prices[None]).price(self._tick_jeon)
            if price is not None:
                prices[feeder_id] = price
        return prices

    def _legs(self, interval: int, here: Sequence[int]) -> list[Order]:
        """Return the blocks' orders, which come before all simple ones."""
        first = min((order.sequence for order in self.orders[interval]), default=0) - len(here)
        return [
            Order(
                order_id=block.block_id,
                participant_id=block.participant_id,
                side=block.side,
                price_jeon_per_kwh=block.price_jeon_per_kwh,
                quantity_wh=block.quantity_wh[interval - block.first_interval],
                sequence=first + rank,
                feeder_id=block.feeder_id,
            )
            for rank, block in enumerate(self._blocks[position] for position in here)
        ]

    def _with_limits(self, simple: Sequence[Order], legs: Sequence[Order], forced: set[str]) -> list[Order]:
        """Give forced legs a limit at which filling them is worth more than anything else and its way."""
        if not forced:
            return list(legs)
        way = 2 * max((feeder.wheeling_fee_jeon_per_kwh for feeder in self._feeders), default=0) + 1
        limits = [order.price_jeon_per_kwh for order in (*simple, *legs)]
        lowest = max(min(limits) - way, -PRICE_JEON_PER_KWH_MAX)
        highest = min(max(limits) + way, PRICE_JEON_PER_KWH_MAX)
        return [
            replace(leg, price_jeon_per_kwh=highest if leg.side == "buy" else lowest) if leg.order_id in forced else leg
            for leg in legs
        ]
