"""The daily auction of tomorrow's intervals, blocks included."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from optimizers.clearing.block_book import Block, DayClearing
from optimizers.clearing.blocks import clear_day
from optimizers.clearing.book import BookFill, Clearing, Order
from optimizers.clearing.certificate import order_book_sha256
from optimizers.clearing.check import check
from optimizers.clearing.pairing import PairedTrade, pair_trades
from optimizers.clearing.why import fill_reasons
from optimizers.orders.book_order import BookOrder
from services.market.domain.auction import Terms, entry_of, places_left_out
from shared.events.records import FillReason, Side
from shared.intervals import delivery_starts
from shared.units import JEON_WH_PER_KRW, round_half_up

BlockReason = Literal["accepted", "out_of_money", "in_the_money", "site_limit", "halted", "suspended"]


_LEFT_OUT: Mapping[FillReason, BlockReason] = {
    FillReason.HALTED: "halted",
    FillReason.SITE_LIMIT: "site_limit",
    FillReason.SUSPENDED: "suspended",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAheadInterval:
    """One interval's answer: its orders with a fill and a reason each, the legs of blocks that run among them."""

    delivery_start: datetime
    orders: tuple[BookOrder, ...]
    outcome: Clearing
    fills: tuple[BookFill, ...]
    reasons: tuple[FillReason, ...]
    trades: tuple[PairedTrade, ...]
    book_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockResult:
    """What became of a block; `gain_krw` is None where an interval of it has no price."""

    order: BookOrder
    reason: BlockReason
    paid_krw: int
    received_krw: int
    gain_krw: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAhead:
    """The answer of a daily auction."""

    is_halted: bool
    intervals: tuple[DayAheadInterval, ...]
    blocks: tuple[BlockResult, ...]
    method: Literal["none", "program", "fallback"]


def hold_day_ahead(terms: Terms, day: date, orders: Sequence[BookOrder], *, time_limit_s: float) -> DayAhead:
    """Clear the 96 intervals of a Korean day together; in a halted market nothing is filled."""
    book = sorted(orders, key=lambda order: (order.submitted_at, order.writer, order.sequence))
    places = dict.fromkeys(range(len(book)), FillReason.HALTED) if terms.is_halted else places_left_out(terms, book)
    left_out = {book[place].order_id: reason for place, reason in places.items()}
    starts = delivery_starts(day)
    entries: list[list[Order]] = [[] for _ in starts]
    blocks = []
    for place, order in enumerate(book, start=1):
        if order.order_id in left_out:
            continue
        if order.block_wh:
            blocks.append(_block(terms, order, place, starts))
        else:
            entries[starts.index(order.delivery_start)].append(entry_of(terms, order, place))
    answer = clear_day(entries, blocks, terms.feeders, tick_jeon=terms.tick_jeon, time_limit_s=time_limit_s)
    reader = _Reader(terms, starts, {order.order_id: order for order in book}, left_out, answer)
    return DayAhead(
        is_halted=terms.is_halted,
        intervals=tuple(reader.interval(number) for number in range(len(starts))),
        blocks=tuple(reader.blocks()),
        method=answer.method,
    )


def _block(terms: Terms, order: BookOrder, place: int, starts: Sequence[datetime]) -> Block:
    return Block(
        block_id=order.order_id,
        participant_id=order.participant_id,
        side="buy" if order.side is Side.BUY else "sell",
        price_jeon_per_kwh=order.price_jeon_per_kwh,
        first_interval=starts.index(order.delivery_start),
        quantity_wh=order.block_wh,
        sequence=place,
        feeder_id=terms.sites[order.participant_id].feeder_id,
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """A daily auction's orders beside its answer, to read what became of each."""

    terms: Terms
    starts: Sequence[datetime]
    by_id: dict[str, BookOrder]
    left_out: dict[str, FillReason]
    answer: DayClearing

    def interval(self, number: int) -> DayAheadInterval:
        """Return one interval's answer, after a second look at it."""
        start, book, auction = self.starts[number], self.answer.books[number], self.answer.auctions[number]
        check(book, self.terms.feeders, auction)
        out = [
            order
            for order in self.by_id.values()
            if order.order_id in self.left_out and order.delivery_start == start and not order.block_wh
        ]
        return DayAheadInterval(
            delivery_start=start,
            orders=(*(self.by_id[one.order_id] for one in book), *out),
            outcome=auction,
            fills=(*auction.fills, *(BookFill(one.order_id, 0, 0, 0) for one in out)),
            reasons=(*fill_reasons(book, auction), *(self.left_out[one.order_id] for one in out)),
            trades=pair_trades(book, auction),
            book_hash=order_book_sha256(book, self.terms.feeders),
        )

    def blocks(self) -> Iterator[BlockResult]:
        """Return what became of each block."""
        fills = {block.block_id: block for block in self.answer.accepted}
        for order in self.by_id.values():
            if order.block_wh:
                fill = fills.get(order.order_id)
                yield BlockResult(
                    order=order,
                    reason=self._reason(order.order_id),
                    paid_krw=fill.paid_krw if fill else 0,
                    received_krw=fill.received_krw if fill else 0,
                    gain_krw=self._gain_krw(order),
                )

    def _reason(self, order_id: str) -> BlockReason:
        if order_id in self.left_out:
            return _LEFT_OUT[self.left_out[order_id]]
        if order_id in {block.block_id for block in self.answer.accepted}:
            return "accepted"
        in_the_money = {block.block_id for block in self.answer.rejected_in_the_money}
        return "in_the_money" if order_id in in_the_money else "out_of_money"

    def _gain_krw(self, order: BookOrder) -> int | None:
        feeder_id = self.terms.sites[order.participant_id].feeder_id
        gain_jeon_wh = 0
        for start, part_wh in order.legs:
            auction = self.answer.auctions[self.starts.index(start)]
            price = next(feeder.price_jeon_per_kwh for feeder in auction.feeders if feeder.feeder_id == feeder_id)
            if price is None:
                return None
            gain = order.price_jeon_per_kwh - price if order.side == "buy" else price - order.price_jeon_per_kwh
            gain_jeon_wh += gain * part_wh
        return round_half_up(gain_jeon_wh, JEON_WH_PER_KRW)
