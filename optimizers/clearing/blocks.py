"""The daily auction: 96 exact auctions joined by blocks.

A program chooses the blocks with the most welfare. The intervals are then cleared exactly, with the chosen blocks as
orders that must be filled, and each gets the midpoint of its admissible prices. Where a block loses at these, the
admissible prices nearest to them are taken at which none does. Where there are none, the worst loser is taken out,
until there are; then blocks that the prices would suit are tried once each. In a small day the program also chooses
again, without the sets that it chose already, until nothing that is left can be worth more.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from optimizers.clearing.block_book import Block, BlockFill, DayClearing, Rejected
from optimizers.clearing.block_intervals import ClearedInterval, Intervals
from optimizers.clearing.book import Feeder, Order

if TYPE_CHECKING:
    from optimizers.clearing.block_program import Choice

# Blocks that are tried again at the end: each try clears its intervals twice at most.
SECOND_CHANCES_MAX = 50
# The program chooses again as often as this, and in large days less: a choice takes longer the more orders and legs
# there are, and their number times that of the choices stays below the second figure.
LATER_CHOICES_MAX, LATER_SIZE_MAX = 64, 20_000


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
    limit ends a choice (where it ends the first one, the answer says so). Within an interval the rules are those of
    `clear`, but for the price where a block needs another admissible one; blocks come before simple orders at the
    marginal price.

    Args:
        orders: The simple orders of each interval; sequences and ids are unique within an interval.
        blocks: Ids and sequences are unique among them; ids are no simple order's.
        feeders: As in `clear`.
        tick_jeon: Step of prices.
        time_limit_s: For the first choice of blocks, and again for all later ones together [s].

    Raises:
        ValueError: An id or a sequence comes twice, a feeder is unknown, or a block reaches beyond the day.
    """
    _require_fitting(orders, blocks)
    day = _Day(orders, blocks, feeders, tick_jeon)
    method: Literal["none", "program", "fallback"] = "none"
    gap, chosen, answer = None, frozenset[int](), day.without_blocks()
    if blocks:
        # Pyomo is loaded by whoever has blocks only.
        from optimizers.clearing.block_program import choices

        best_first = choices(orders, blocks, feeders, time_limit_s, later=day.later_choices())
        first = next(best_first, None)
        if first is not None:
            method, gap, chosen = "program", first.gap, first.accepted
            answer = day.best_of(first, best_first)
        else:
            method, chosen = "fallback", frozenset(position for position, _ in answer.suited())
            answer = day.settled(chosen)
    return DayClearing(
        books=tuple(interval.book for interval in answer.intervals),
        auctions=tuple(interval.auction for interval in answer.intervals),
        accepted=tuple(answer.fills()),
        rejected_in_the_money=tuple(Rejected(blocks[position].block_id, gain) for position, gain in answer.suited()),
        removed=tuple(blocks[position].block_id for position in answer.outside() if position in chosen),
        method=method,
        gap=gap,
        welfare_jeon_wh=answer.welfare_jeon_wh,
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


@dataclass(frozen=True)
class _Answer:
    """A day with the blocks that are accepted, by position."""

    orders: Sequence[Sequence[Order]]
    blocks: Sequence[Block]
    accepted: frozenset[int]
    intervals: tuple[ClearedInterval, ...]

    def gain_jeon_wh(self, position: int) -> int | None:
        """Return what a block gains at the present prices; None where an interval of it has no price."""
        block = self.blocks[position]
        total_jeon_wh = 0
        for interval, quantity_wh in block.legs():
            price = self.intervals[interval].price_at(block.feeder_id)
            if price is None:
                return None
            gain = block.price_jeon_per_kwh - price if block.side == "buy" else price - block.price_jeon_per_kwh
            total_jeon_wh += gain * quantity_wh
        return total_jeon_wh

    def short(self) -> set[str]:
        """Return the ids of accepted blocks that are not wholly filled."""
        return {block_id for interval in self.intervals for block_id in interval.short()}

    def losers(self) -> list[int]:
        """Return the accepted blocks that can't stay, the worst first: those not wholly filled, then by their loss."""
        short, losses = self.short(), list[tuple[bool, int, int, int]]()
        for position in self.accepted:
            block, gain = self.blocks[position], self.gain_jeon_wh(position) or 0
            if block.block_id in short or gain < 0:
                losses.append((block.block_id not in short, gain, -block.sequence, position))
        return [position for *_, position in sorted(losses)]

    def outside(self) -> list[int]:
        """Return the other blocks, by sequence."""
        outside = [position for position in range(len(self.blocks)) if position not in self.accepted]
        return sorted(outside, key=lambda position: self.blocks[position].sequence)

    def suited(self) -> list[tuple[int, int]]:
        """Return the blocks outside that would gain at the present prices, with their gain, the largest first."""
        gains = [(position, self.gain_jeon_wh(position)) for position in self.outside()]
        return sorted(((position, gain) for position, gain in gains if gain and gain > 0), key=lambda one: -one[1])

    def unpriced(self) -> list[int]:
        """Return the blocks outside with an interval that has no price, by sequence."""
        return [position for position in self.outside() if self.gain_jeon_wh(position) is None]

    def fills(self) -> Iterator[BlockFill]:
        """Return what each accepted block pays and receives, by sequence."""
        paid_krw: Counter[str] = Counter()
        received_krw: Counter[str] = Counter()
        for interval in self.intervals:
            for fill in interval.auction.fills:
                paid_krw[fill.order_id] += fill.paid_krw
                received_krw[fill.order_id] += fill.received_krw
        for block in sorted((self.blocks[position] for position in self.accepted), key=lambda block: block.sequence):
            yield BlockFill(block.block_id, paid_krw[block.block_id], received_krw[block.block_id])

    @cached_property
    def welfare_jeon_wh(self) -> int:
        """The welfare of the day, with each leg at its block's own limit."""
        limit_of = {self.blocks[position].block_id: self.blocks[position] for position in self.accepted}
        total_jeon_wh = 0
        for interval, simple in zip(self.intervals, self.orders, strict=True):
            total_jeon_wh += interval.auction.welfare_jeon_wh
            for leg, fill in zip(interval.book[len(simple) :], interval.auction.fills[len(simple) :], strict=True):
                raised = limit_of[leg.order_id].price_jeon_per_kwh - leg.price_jeon_per_kwh
                total_jeon_wh += fill.filled_wh * (raised if leg.side == "buy" else -raised)
        return total_jeon_wh


class _Day:
    """A day's orders and blocks, and what comes of accepting some of the blocks."""

    def __init__(
        self, orders: Sequence[Sequence[Order]], blocks: Sequence[Block], feeders: Sequence[Feeder], tick_jeon: int
    ) -> None:
        self._blocks = blocks
        self._tick_jeon = tick_jeon
        self._intervals = Intervals(orders, blocks, feeders, tick_jeon)

    def later_choices(self) -> int:
        """Return how often the program chooses again at most."""
        size = sum(map(len, self._intervals.orders)) + sum(len(block.quantity_wh) for block in self._blocks)
        return min(LATER_CHOICES_MAX, LATER_SIZE_MAX // size)

    def without_blocks(self) -> _Answer:
        """Return the day as it is without blocks."""
        return self._at_midpoints(frozenset())

    def best_of(self, first: "Choice", later: Iterable["Choice"]) -> _Answer:
        """Return the best answer that choices lead to; they come with the most welfare first."""
        answer = self.settled(first.accepted)
        if first.accepted <= answer.accepted:
            return answer
        for choice in later:
            if choice.welfare_jeon_wh_max <= answer.welfare_jeon_wh:
                break
            other = self.settled(choice.accepted)
            answer = max(answer, other, key=lambda one: one.welfare_jeon_wh)
            if choice.accepted <= other.accepted:
                break
        return answer

    def settled(self, chosen: frozenset[int]) -> _Answer:
        """Accept blocks, less the worst loser until prices exist at which all live; then try others."""
        accepted = chosen
        while (answer := self._living(accepted)) is None:
            accepted -= {self._at_midpoints(accepted).losers()[0]}
        return self._tried_again(answer)

    def _tried_again(self, answer: _Answer) -> _Answer:
        """Accept blocks that prices suit, or may suit where there are none yet, if they raise welfare."""
        candidates = [*(position for position, _ in answer.suited()), *answer.unpriced()]
        for position in candidates[:SECOND_CHANCES_MAX]:
            other = self._living(answer.accepted | {position})
            if other is not None and other.welfare_jeon_wh > answer.welfare_jeon_wh:
                answer = other
        return answer

    def _living(self, accepted: frozenset[int]) -> _Answer | None:
        """Return the day at the prices nearest to its midpoints at which all blocks live; None where there are none."""
        answer = self._at_midpoints(accepted)
        if answer.short():
            return None
        if not answer.losers():
            return answer
        from optimizers.clearing.price_program import Stage, living_prices

        blocks = [self._blocks[position] for position in sorted(accepted)]
        stages = {
            number: Stage(self._intervals.support(answer.intervals[number]), answer.intervals[number].prices())
            for number in sorted({number for block in blocks for number, _ in block.legs()})
        }
        prices = living_prices(stages, blocks, self._tick_jeon)
        if prices is None:
            return None
        intervals = list(answer.intervals)
        for number, stage in stages.items():
            intervals[number] = self._intervals.at_prices(intervals[number], stage.support, prices[number])
        return replace(answer, intervals=tuple(intervals))

    def _at_midpoints(self, accepted: frozenset[int]) -> _Answer:
        intervals = tuple(self._intervals.cleared(number, accepted) for number in range(len(self._intervals.orders)))
        return _Answer(self._intervals.orders, self._blocks, accepted, intervals)
