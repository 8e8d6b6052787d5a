"""The daily auction: 96 exact auctions joined by blocks.

A program chooses the blocks with the most welfare. The intervals are then cleared exactly, with the chosen blocks as
orders that must be filled, which gives the prices; a block that loses at these prices is taken out, the worst first,
and its intervals are cleared again, until none loses. At last, blocks that the prices would suit are tried once each.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from optimizers.clearing.auction import clear
from optimizers.clearing.block_book import Block, BlockFill, DayClearing, Rejected
from optimizers.clearing.book import Clearing, Feeder, Order

# Blocks that are tried again at the end: each try clears its intervals twice at most.
SECOND_CHANCES_MAX = 50


def clear_day(
    orders: Sequence[Sequence[Order]],
    blocks: Sequence[Block],
    feeders: Sequence[Feeder] = (),
    *,
    tick_jeon: int = 1,
    time_limit_s: float = 8.0,
) -> DayClearing:
    """Clear all intervals of a day with their blocks.

    No block is accepted at a loss, none is filled in part, and the same input gives the same answer, unless the time
    limit decides about the method (which the answer says). Within an interval the rules are those of `clear`; blocks
    come before simple orders at the marginal price.

    Args:
        orders: The simple orders of each interval; sequences and ids are unique within an interval.
        blocks: Ids and sequences are unique among them; ids are no simple order's.
        feeders: As in `clear`.
        tick_jeon: Step of prices.
        time_limit_s: For the choice of blocks [s].

    Raises:
        ValueError: An id or a sequence comes twice, a feeder is unknown, or a block reaches beyond the day.
    """
    _require_fitting(orders, blocks)
    day = _Day(orders, blocks, feeders, tick_jeon)
    method: Literal["none", "program", "fallback"] = "none"
    gap, chosen = None, frozenset[int]()
    if blocks:
        # Pyomo is loaded by whoever has blocks only.
        from optimizers.clearing.block_program import choose_blocks

        choice = choose_blocks(orders, blocks, feeders, time_limit_s)
        if choice is not None:
            method, gap, chosen = "program", choice.gap, choice.accepted
        else:
            method, chosen = "fallback", frozenset(position for position, _ in day.suited())
    removed = day.settle(chosen)
    day.try_again()
    return DayClearing(
        books=tuple(interval.book for interval in day.intervals),
        auctions=tuple(interval.auction for interval in day.intervals),
        accepted=tuple(day.fills()),
        rejected_in_the_money=tuple(Rejected(blocks[position].block_id, surplus) for position, surplus in day.suited()),
        removed=tuple(blocks[position].block_id for position in removed if position not in day.accepted),
        method=method,
        gap=gap,
        welfare_jeon_wh=day.welfare_jeon_wh(),
    )


def _require_fitting(orders: Sequence[Sequence[Order]], blocks: Sequence[Block]) -> None:
    if len({block.block_id for block in blocks}) < len(blocks) or len({one.sequence for one in blocks}) < len(blocks):
        raise ValueError("block_id and sequence must be unique among blocks")
    taken = {block.block_id for block in blocks} & {order.order_id for book in orders for order in book}
    if taken:
        raise ValueError(f"block_id must not be an order's, was {min(taken)}")
    for block in blocks:
        if block.first_interval + len(block.quantity_wh) > len(orders):
            rule = f"must end within the day's {len(orders)} intervals"
            raise ValueError(f"block {block.block_id}: {rule}, began at {block.first_interval}")


@dataclass(frozen=True, slots=True)
class _Interval:
    """One interval's book as it was cleared: its simple orders, then the legs of accepted blocks."""

    book: tuple[Order, ...]
    auction: Clearing

    def price_at(self, feeder_id: str | None) -> int | None:
        """Return the price at a place [jeon/kWh]."""
        for result in self.auction.feeders:
            if result.feeder_id == feeder_id:
                return result.price_jeon_per_kwh
        return self.auction.price_jeon_per_kwh


class _Day:
    """The intervals as they are cleared with the blocks that are accepted for now."""

    def __init__(
        self, orders: Sequence[Sequence[Order]], blocks: Sequence[Block], feeders: Sequence[Feeder], tick_jeon: int
    ) -> None:
        self._orders = orders
        self._blocks = blocks
        self._feeders = feeders
        self._tick_jeon = tick_jeon
        self._by_sequence = sorted(range(len(blocks)), key=lambda position: blocks[position].sequence)
        self.accepted: set[int] = set()
        self.intervals = [self._cleared(interval) for interval in range(len(orders))]

    def settle(self, chosen: Iterable[int]) -> list[int]:
        """Accept blocks, then take out the worst loser until none loses; return what was taken out."""
        self.accepted = set(chosen)
        self._clear_again(self.accepted)
        removed = []
        while (worst := self._worst_loser()) is not None:
            removed.append(worst)
            self.accepted.remove(worst)
            self._clear_again([worst])
        return removed

    def try_again(self) -> None:
        """Accept blocks that the prices suit, where that raises welfare and makes no other block lose."""
        for position, _ in self.suited()[:SECOND_CHANCES_MAX]:
            before_jeon_wh, intervals = self.welfare_jeon_wh(), list(self.intervals)
            self.accepted.add(position)
            self._clear_again([position])
            if self._worst_loser() is not None or self.welfare_jeon_wh() <= before_jeon_wh:
                self.accepted.remove(position)
                self.intervals = intervals

    def suited(self) -> list[tuple[int, int]]:
        """Return the blocks outside that would gain at the present prices, with their gain, the largest first."""
        outside = [position for position in self._by_sequence if position not in self.accepted]
        gains = [(position, self._gain_jeon_wh(position)) for position in outside]
        return sorted(((position, gain) for position, gain in gains if gain and gain > 0), key=lambda one: -one[1])

    def fills(self) -> Iterator[BlockFill]:
        """Return what each accepted block pays and receives."""
        paid_krw: Counter[str] = Counter()
        received_krw: Counter[str] = Counter()
        for interval in self.intervals:
            for fill in interval.auction.fills:
                paid_krw[fill.order_id] += fill.paid_krw
                received_krw[fill.order_id] += fill.received_krw
        for position in self._by_sequence:
            if position in self.accepted:
                block_id = self._blocks[position].block_id
                yield BlockFill(block_id, paid_krw[block_id], received_krw[block_id])

    def welfare_jeon_wh(self) -> int:
        """Return the welfare of the day, with each leg at its block's own limit."""
        limit_of = {self._blocks[position].block_id: self._blocks[position] for position in self.accepted}
        total_jeon_wh = 0
        for interval, simple in zip(self.intervals, self._orders, strict=True):
            total_jeon_wh += interval.auction.welfare_jeon_wh
            for leg, fill in zip(interval.book[len(simple) :], interval.auction.fills[len(simple) :], strict=True):
                raised = limit_of[leg.order_id].price_jeon_per_kwh - leg.price_jeon_per_kwh
                total_jeon_wh += fill.filled_wh * (raised if leg.side == "buy" else -raised)
        return total_jeon_wh

    def _gain_jeon_wh(self, position: int) -> int | None:
        """Return what a block gains at the present prices; None where an interval of it has no price."""
        block = self._blocks[position]
        total_jeon_wh = 0
        for interval, quantity_wh in block.legs():
            price = self.intervals[interval].price_at(block.feeder_id)
            if price is None:
                return None
            gain = block.price_jeon_per_kwh - price if block.side == "buy" else price - block.price_jeon_per_kwh
            total_jeon_wh += gain * quantity_wh
        return total_jeon_wh

    def _worst_loser(self) -> int | None:
        """Return the accepted block that loses most; one that is not wholly filled comes before any other."""
        short = {
            leg.order_id
            for interval, simple in zip(self.intervals, self._orders, strict=True)
            for leg, fill in zip(interval.book[len(simple) :], interval.auction.fills[len(simple) :], strict=True)
            if fill.filled_wh < leg.quantity_wh
        }
        losses: list[tuple[bool, int, int]] = []
        for position in self.accepted:
            block = self._blocks[position]
            gain = self._gain_jeon_wh(position) or 0
            if block.block_id in short or gain < 0:
                losses.append((block.block_id not in short, gain, -block.sequence))
        if not losses:
            return None
        sequence = -min(losses)[2]
        return next(position for position in self.accepted if self._blocks[position].sequence == sequence)

    def _clear_again(self, positions: Iterable[int]) -> None:
        for interval in sorted({interval for position in positions for interval, _ in self._blocks[position].legs()}):
            self.intervals[interval] = self._cleared(interval)

    def _cleared(self, interval: int) -> _Interval:
        """Clear an interval with its legs at their blocks' own limits, and at better ones if they need them."""
        simple = self._orders[interval]
        legs = self._legs(interval)
        forced: set[str] = set()
        while True:
            book = (*simple, *self._with_limits(simple, legs, forced))
            auction = clear(book, self._feeders, self._tick_jeon)
            fills = auction.fills[len(simple) :]
            short = {leg.order_id for leg, fill in zip(legs, fills, strict=True) if fill.filled_wh < leg.quantity_wh}
            if short <= forced:
                return _Interval(book, auction)
            forced |= short

    def _legs(self, interval: int) -> list[Order]:
        first = min((order.sequence for order in self._orders[interval]), default=0) - len(self._blocks)
        legs = []
        for rank, position in enumerate(self._by_sequence):
            block = self._blocks[position]
            place = interval - block.first_interval
            if position in self.accepted and 0 <= place < len(block.quantity_wh):
                leg = Order(
                    order_id=block.block_id,
                    participant_id=block.participant_id,
                    side=block.side,
                    price_jeon_per_kwh=block.price_jeon_per_kwh,
                    quantity_wh=block.quantity_wh[place],
                    sequence=first + rank,
                    feeder_id=block.feeder_id,
                )
                legs.append(leg)
        return legs

    def _with_limits(self, simple: Sequence[Order], legs: Sequence[Order], forced: set[str]) -> list[Order]:
        """Give forced legs a limit at which every order of the other side is worth its way to them."""
        if not forced:
            return list(legs)
        way = 2 * max((feeder.wheeling_fee_jeon_per_kwh for feeder in self._feeders), default=0)
        limits = [(one.side, one.price_jeon_per_kwh) for one in (*simple, *legs)]
        lowest = min((price for side, price in limits if side == "buy"), default=0) - way
        highest = max((price for side, price in limits if side == "sell"), default=0) + way
        return [
            replace(
                leg,
                price_jeon_per_kwh=min(leg.price_jeon_per_kwh, lowest)
                if leg.side == "sell"
                else max(leg.price_jeon_per_kwh, highest),
            )
            if leg.order_id in forced
            else leg
            for leg in legs
        ]
