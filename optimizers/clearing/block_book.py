"""The values a daily auction takes and gives: simple orders of each interval, and blocks over several of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from optimizers.clearing.book import PRICE_JEON_PER_KWH_MAX, QUANTITY_WH_MAX, Clearing, Order, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fill-or-kill order over consecutive intervals: a factory runs its batch, or doesn't.

    Args:
        first_interval: Position of its first interval in the day, from 0.
        quantity_wh: Of each interval; all are filled, or none is.
        price_jeon_per_kwh: The worst average price it takes, weighted by its quantities.
        sequence: Place in arrival order among the day's blocks, unique.
    """

    block_id: str
    participant_id: str
    side: Side
    price_jeon_per_kwh: int
    first_interval: int
    quantity_wh: tuple[int, ...]
    sequence: int
    feeder_id: str | None = None

    def __post_init__(self) -> None:
        if not self.block_id or not self.participant_id:
            raise ValueError(f"block {self.block_id!r}: block_id and participant_id must not be empty")
        if self.side not in {"buy", "sell"}:
            raise ValueError(f"block {self.block_id}: side must be buy or sell, was {self.side!r}")
        if self.first_interval < 0 or not self.quantity_wh:
            raise ValueError(f"block {self.block_id}: must cover an interval from 0 on, was {self.first_interval}")
        if not all(0 < quantity_wh <= QUANTITY_WH_MAX for quantity_wh in self.quantity_wh):
            rule = f"quantity_wh must be in 1..{QUANTITY_WH_MAX} in each interval"
            raise ValueError(f"block {self.block_id}: {rule}, was {self.quantity_wh}")
        if abs(self.price_jeon_per_kwh) > PRICE_JEON_PER_KWH_MAX:
            rule = f"price_jeon_per_kwh must be within ±{PRICE_JEON_PER_KWH_MAX}"
            raise ValueError(f"block {self.block_id}: {rule}, was {self.price_jeon_per_kwh}")

    def legs(self) -> Iterator[tuple[int, int]]:
        """Return (interval, quantity in Wh) of each interval it covers."""
        return enumerate(self.quantity_wh, start=self.first_interval)


@dataclass(frozen=True, slots=True)
class BlockFill:
    """What an accepted block pays and receives over its intervals [won]."""

    block_id: str
    paid_krw: int
    received_krw: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """A block that was not accepted although the prices would have suited it, and by how much (jeon/kWh x Wh)."""

    block_id: str
    surplus_jeon_wh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayClearing:
    """The answer of a daily auction.

    Args:
        books: What was cleared in each interval: its simple orders in input order, then a leg of each accepted block
            that covers it, by block sequence, under the block's id. A leg's limit is the block's own or, where the
            interval's price does not suit that, the price.
        auctions: The exact clearing of each book.
        accepted: Blocks that are filled, by sequence.
        rejected_in_the_money: Blocks that are not, although the prices would have suited them, the largest loss first.
        removed: Blocks of the choice with the most welfare that are not accepted, as prices at which all of its blocks
            live were not found, by sequence.
        method: "none" where there are no blocks; "program" where the first choice is the best one to the gap;
            "fallback" where that took too long, and blocks were chosen by the prices without them.
        gap: How far the first choice may be from the best one, before removals; None for the fallback.
        welfare_jeon_wh: Of all intervals, blocks at their own limits.
    """

    books: tuple[tuple[Order, ...], ...]
    auctions: tuple[Clearing, ...]
    accepted: tuple[BlockFill, ...]
    rejected_in_the_money: tuple[Rejected, ...]
    removed: tuple[str, ...]
    method: Literal["none", "program", "fallback"]
    gap: float | None
    welfare_jeon_wh: int
