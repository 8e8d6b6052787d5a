"""Small days with blocks, and the best that can be done with each: every set of blocks at every whole price.

Nothing here is shared with the calculation but the values of orders, blocks and feeders. A price supports an interval
where everyone is content with some fills: who gains at it is filled, who would lose is not, and who stands at it may
be filled in part. So fills need not be found to know whether they exist, and what they are worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

import numpy as np

from optimizers.clearing.block_book import Block
from optimizers.clearing.book import Feeder, Order
from shared.arrays import Flags, Integers

# Limits are 0 to 20, so that a price may be far beyond them: in an interval in which blocks alone trade, an average of
# a dear and a cheap one may ask for it.
PRICES = np.arange(-25, 46)
# Above what any flow here can be.
UNLIMITED_WH = 10**6

Day = list[list[Order]]


@dataclass(frozen=True)
class SmallDay:
    """One random day."""

    orders: Day
    blocks: list[Block]
    feeders: list[Feeder]


def small_day(seed: int) -> SmallDay:
    """Make a day of a seed: up to three intervals of up to five orders, two to six blocks, in part behind a feeder."""
    random = Random(seed)  # noqa: S311 -- it makes the same days each time
    has_feeder = random.random() < 0.3
    limits = [None, 0, 2, 5]
    feeder = Feeder(
        feeder_id="F1",
        import_limit_wh=random.choice(limits),
        export_limit_wh=random.choice(limits),
        wheeling_fee_jeon_per_kwh=random.choice([0, 2]),
    )
    places = [None, "F1"] if has_feeder else [None]
    intervals = random.randint(1, 2 if has_feeder else 3)
    orders = [
        [
            Order(
                order_id=f"{interval}.{number}",
                participant_id="somebody",
                side=random.choice(["buy", "sell"]),
                price_jeon_per_kwh=random.randint(0, 20),
                quantity_wh=random.randint(1, 8),
                sequence=number,
                feeder_id=random.choice(places),
            )
            for number in range(random.randint(0, 5))
        ]
        for interval in range(intervals)
    ]
    blocks = []
    for number in range(random.randint(2, 6)):
        first = random.randrange(intervals)
        length = random.randint(1, intervals - first)
        blocks.append(
            Block(
                block_id=f"block {number}",
                participant_id="a factory",
                side=random.choice(["buy", "sell"]),
                price_jeon_per_kwh=random.randint(0, 20),
                first_interval=first,
                quantity_wh=tuple(random.randint(1, 7) for _ in range(length)),
                sequence=number,
                feeder_id=random.choice(places),
            )
        )
    return SmallDay(orders, blocks, [feeder] if has_feeder else [])


def best_welfare(day: SmallDay) -> int:
    """Return the largest welfare of any set of blocks that whole prices support at which none of them loses."""
    wants = [{place: _wants(orders, place) for place in (None, "F1")} for orders in day.orders]
    worth = []
    for chosen in product((False, True), repeat=len(day.blocks)):
        blocks = [block for block, is_in in zip(day.blocks, chosen, strict=True) if is_in]
        answer = _welfare(day, wants, blocks)
        if answer is not None:
            worth.append(answer)
    return max(worth)


@dataclass(frozen=True)
class _Wants:
    """The least and the most net energy that a place's orders want at each price, and what they gain by it."""

    least_wh: Integers
    most_wh: Integers
    gain: Integers


def _wants(orders: Sequence[Order], place: str | None) -> _Wants:
    least, most, gain = (np.zeros(len(PRICES), dtype=np.int64) for _ in range(3))
    for order in orders:
        if order.feeder_id == place:
            sign = 1 if order.side == "buy" else -1
            better = sign * (order.price_jeon_per_kwh - PRICES)
            gain += np.maximum(better, 0) * order.quantity_wh
            filled = [sign * order.quantity_wh * (better > 0), sign * order.quantity_wh * (better >= 0)]
            least += np.minimum(*filled)
            most += np.maximum(*filled)
    return _Wants(least, most, gain)


def _welfare(day: SmallDay, wants: Sequence[dict[str | None, _Wants]], blocks: Sequence[Block]) -> int | None:
    """Return the welfare of a set of blocks; None where no prices support it without a loser."""
    total = sum(_sign(block) * block.price_jeon_per_kwh * sum(block.quantity_wh) for block in blocks)
    supporting = []
    for interval, at in enumerate(wants):
        legs = {
            place: sum(
                _sign(block) * wh
                for block in blocks
                if block.feeder_id == place
                for leg, wh in block.legs()
                if leg == interval
            )
            for place in at
        }
        supports, worth = _supporting(at, legs, day.feeders)
        if not supports.any():
            return None
        # All supporting prices value the interval alike, as they are all best answers to one linear program.
        [value] = set(worth[supports].tolist())
        total += value
        supporting.append(np.argwhere(supports))
    return total if _all_live(blocks, supporting) else None


def _supporting(
    at: dict[str | None, _Wants], legs: dict[str | None, int], feeders: Sequence[Feeder]
) -> tuple[Flags, Integers]:
    """Say which prices (of the hub, of the feeder) support an interval with these legs, and what it is worth then.

    The energy of the legs is paid for, or sold, at the price by whoever needs them filled, so that it is taken off.
    Without a feeder there is one row of feeder prices, which nobody stands at.
    """
    hub, local = at[None], at["F1"]
    hub_least, hub_most = hub.least_wh + legs[None], hub.most_wh + legs[None]
    hub_worth = hub.gain - legs[None] * PRICES
    if not feeders:
        return ((hub_least <= 0) & (hub_most >= 0))[:, None], hub_worth[:, None]
    gap = PRICES[None, :] - PRICES[:, None]
    flow_least, flow_most, rent = _flows(feeders[0], gap)
    least = np.maximum(np.maximum(local.least_wh + legs["F1"], flow_least), -hub_most[:, None])
    most = np.minimum(np.minimum(local.most_wh + legs["F1"], flow_most), -hub_least[:, None])
    return least <= most, hub_worth[:, None] + (local.gain - legs["F1"] * PRICES)[None, :] + rent


def _flows(feeder: Feeder, gap: Integers) -> tuple[Integers, Integers, Integers]:
    """Return the least and the most import that is best at a gap of prices, and its rent.

    Without a limit nothing is best beyond the fee: a flow of `UNLIMITED_WH`, which nobody can serve.
    """
    fee = feeder.wheeling_fee_jeon_per_kwh
    import_wh = UNLIMITED_WH if feeder.import_limit_wh is None else feeder.import_limit_wh
    export_wh = UNLIMITED_WH if feeder.export_limit_wh is None else feeder.export_limit_wh
    least = np.where(gap > fee, import_wh, np.where(gap > -fee, 0, -export_wh))
    most = np.where(gap < -fee, -export_wh, np.where(gap < fee, 0, import_wh))
    return least, most, np.maximum(gap - fee, 0) * import_wh + np.maximum(-gap - fee, 0) * export_wh


def _all_live(blocks: Sequence[Block], supporting: Sequence[Integers]) -> bool:
    """Try each combination of the intervals' prices."""
    axes = len(supporting)
    alive = np.ones([1] * axes, dtype=np.bool_)
    for block in blocks:
        gain = np.zeros([1] * axes, dtype=np.int64)
        for interval, wh in block.legs():
            price = PRICES[supporting[interval][:, 1 if block.feeder_id else 0]]
            better = _sign(block) * (block.price_jeon_per_kwh - price) * wh
            gain = gain + better.reshape([-1 if axis == interval else 1 for axis in range(axes)])
        alive = alive & (gain >= 0)
    return bool(alive.any())


def _sign(block: Block) -> int:
    return 1 if block.side == "buy" else -1
