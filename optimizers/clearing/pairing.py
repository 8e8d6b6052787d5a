"""Fills become bilateral trades: each kWh has one seller and one buyer."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from optimizers.clearing.book import Clearing, FeederOutcome, Order
from shared.units import round_half_up


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTrade:
    """One buyer's energy from one seller.

    Args:
        paid_krw: What the buyer pays; below 0 at a negative price, where he is paid.
        received_krw: What the seller receives; below 0 at a negative price, where he pays. The operator keeps the
            difference, which over all trades of an auction is its `fees_krw`.
    """

    buy_order_id: str
    sell_order_id: str
    buyer_id: str
    seller_id: str
    quantity_wh: int
    paid_krw: int
    received_krw: int


@dataclass(slots=True)
class _Open:
    """An order's fill, as far as it is not paired yet."""

    order: Order
    filled_wh: int
    payment_krw: int
    open_wh: int

    def take(self, quantity_wh: int) -> int:
        """Pair a quantity and return its payment [won].

        The order's payment is spread over its trades by rounding its running total, so that it is used up exactly.
        """
        before_wh = self.filled_wh - self.open_wh
        self.open_wh -= quantity_wh
        after_krw = round_half_up(self.payment_krw * (before_wh + quantity_wh), self.filled_wh)
        return after_krw - round_half_up(self.payment_krw * before_wh, self.filled_wh)


def pair_trades(orders: Sequence[Order], clearing: Clearing) -> tuple[PairedTrade, ...]:
    """Pair fills: first inside each feeder (the hub last), then across them, each time the earliest with the earliest.

    Payments of an order's trades add up to the payment of its fill exactly. Inside one feeder, payment and receipt of
    one trade may differ by the won that rounding leaves. The orders are those that were cleared, in the same order.
    """
    opened = [
        _Open(order, fill.filled_wh, fill.payment_krw, fill.filled_wh)
        for order, fill in zip(orders, clearing.fills, strict=True)
        if fill.filled_wh
    ]
    opened.sort(key=lambda entry: entry.order.sequence)
    networked = bool(clearing.feeders)
    return (*_inside_feeders(opened, clearing if networked else None), *_match(opened))


def _inside_feeders(opened: Sequence[_Open], clearing: FeederOutcome | None) -> Iterator[PairedTrade]:
    if clearing is None:
        return
    at: defaultdict[str | None, list[_Open]] = defaultdict(list)
    for entry in opened:
        at[entry.order.feeder_id].append(entry)
    for place in (*(feeder.feeder_id for feeder in clearing.feeders), None):
        yield from _match(at[place])


def _match(opened: Iterable[_Open]) -> Iterator[PairedTrade]:
    """Pair what is open in arrival order until one side is used up."""
    entries = [entry for entry in opened if entry.open_wh]
    buys = iter([entry for entry in entries if entry.order.side == "buy"])
    sells = iter([entry for entry in entries if entry.order.side == "sell"])
    buy, sell = next(buys, None), next(sells, None)
    while buy is not None and sell is not None:
        quantity_wh = min(buy.open_wh, sell.open_wh)
        yield PairedTrade(
            buy_order_id=buy.order.order_id,
            sell_order_id=sell.order.order_id,
            buyer_id=buy.order.participant_id,
            seller_id=sell.order.participant_id,
            quantity_wh=quantity_wh,
            paid_krw=buy.take(quantity_wh),
            received_krw=-sell.take(quantity_wh),
        )
        buy = buy if buy.open_wh else next(buys, None)
        sell = sell if sell.open_wh else next(sells, None)
