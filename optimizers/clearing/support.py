"""The prices that support given fills: those at which every order and every feeder of one interval agrees to them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizers.clearing.auction import book_of
from optimizers.clearing.book import Clearing, Feeder, FeederResult, Order
from optimizers.clearing.local import PriceRange, binding_limit, price_gap
from optimizers.clearing.payments import payments_krw, signed_jeon_wh

# A place is a feeder, or None: the hub.
Prices = dict[str | None, int | None]


@dataclass(frozen=True, slots=True)
class Support:
    """What the prices of one interval must keep to [jeon/kWh].

    Args:
        content: At each place, the prices at which its own orders agree.
        gaps: Of each feeder, its price less the hub's at which the feeder agrees to its flow.
    """

    content: dict[str | None, PriceRange]
    gaps: dict[str, PriceRange]

    def hub(self) -> PriceRange:
        """Return the hub's prices for which every feeder has one."""
        admissible = self.content[None]
        for feeder_id, gap in self.gaps.items():
            local = self.content[feeder_id]
            if local.low is not None and gap.high is not None:
                admissible = admissible.above(local.low - gap.high)
            if local.high is not None and gap.low is not None:
                admissible = admissible.below(local.high - gap.low)
        return admissible

    def local(self, feeder_id: str, hub_price: int | None) -> PriceRange:
        """Return a feeder's prices beside a hub price; without one nothing flows."""
        gap = self.gaps[feeder_id]
        return self.content[feeder_id] if hub_price is None else self.content[feeder_id].within(gap.moved(hub_price))


def support_of(
    orders: Sequence[Order], feeders: Sequence[Feeder], clearing: Clearing, *, without: Collection[str] = ()
) -> Support:
    """Return what supports an answer's fills; orders `without` agree to any price."""
    content = {place: PriceRange(None, None) for place in (None, *(feeder.feeder_id for feeder in feeders))}
    for order, fill in zip(orders, clearing.fills, strict=True):
        if order.order_id in without:
            continue
        place, limit = order.feeder_id if feeders else None, order.price_jeon_per_kwh
        wants_less, wants_more = fill.filled_wh > 0, fill.filled_wh < order.quantity_wh
        if wants_less if order.side == "sell" else wants_more:
            content[place] = content[place].above(limit)
        if wants_less if order.side == "buy" else wants_more:
            content[place] = content[place].below(limit)
    gaps = {
        feeder.feeder_id: price_gap(feeder, result.import_wh - result.export_wh)
        for feeder, result in zip(feeders, clearing.feeders, strict=True)
    }
    return Support(content, gaps)


def priced_at(
    orders: Sequence[Order], feeders: Sequence[Feeder], clearing: Clearing, support: Support, prices: Prices
) -> Clearing:
    """Return an answer with the same fills at other supporting prices.

    The orders are those that were cleared; their limits may differ, as long as the prices suit them.
    """
    arrived = sorted(range(len(orders)), key=lambda row: orders[row].sequence)
    book = book_of([orders[row] for row in arrived], feeders)
    filled_wh = np.array([clearing.fills[row].filled_wh for row in arrived], dtype=book.quantity_wh.dtype)
    at = [prices[None], *(prices[feeder.feeder_id] for feeder in feeders)]
    payment_krw, fees_krw = payments_krw(book, filled_wh, at)
    payment_of = dict(zip(arrived, payment_krw.tolist(), strict=True))
    wheeling_jeon_wh = sum(
        feeder.wheeling_fee_jeon_per_kwh * (result.import_wh + result.export_wh)
        for feeder, result in zip(feeders, clearing.feeders, strict=True)
    )
    gross_jeon_wh = int(signed_jeon_wh(book, book.price_jeon_per_kwh, filled_wh).sum())
    hub = support.hub()
    return replace(
        clearing,
        price_jeon_per_kwh=prices[None],
        price_low_jeon_per_kwh=hub.low,
        price_high_jeon_per_kwh=hub.high,
        welfare_jeon_wh=gross_jeon_wh - wheeling_jeon_wh,
        fees_krw=fees_krw,
        feeders=tuple(_results(feeders, clearing, support, prices)),
        fills=tuple(
            replace(fill, paid_krw=max(payment_of[row], 0), received_krw=max(-payment_of[row], 0))
            for row, fill in enumerate(clearing.fills)
        ),
    )


def _results(feeders: Sequence[Feeder], clearing: Clearing, support: Support, prices: Prices) -> Iterator[FeederResult]:
    for feeder, result in zip(feeders, clearing.feeders, strict=True):
        admissible, price = support.local(feeder.feeder_id, prices[None]), prices[feeder.feeder_id]
        net_import_wh = result.import_wh - result.export_wh
        yield replace(
            result,
            price_jeon_per_kwh=price,
            price_low_jeon_per_kwh=admissible.low,
            price_high_jeon_per_kwh=admissible.high,
            binding=binding_limit(feeder, net_import_wh, price=price, hub_price=prices[None]),
        )
