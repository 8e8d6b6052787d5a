"""The rules of the auction tried out one by one: an independent reference for books of a few Wh.

Nothing here is shared with the calculation but the order and feeder values: fills are enumerated, and prices are
admissible where the dual value of the auction equals its welfare.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from optimizers.clearing.book import Feeder, Order


@dataclass(frozen=True)
class Best:
    """The one best answer."""

    welfare_jeon_wh: int
    volume_wh: int
    filled_wh: tuple[int, ...]


def best_answer(orders: Sequence[Order], feeders: Sequence[Feeder]) -> Best:
    """Try all fills: most welfare, then most volume, then the largest fills in arrival order, the earliest first."""
    answers = []
    arrived = sorted(range(len(orders)), key=lambda row: orders[row].sequence)
    for filled in product(*(range(order.quantity_wh + 1) for order in orders)):
        welfare = _welfare(orders, feeders, filled)
        if welfare is not None:
            bought = sum(wh for order, wh in zip(orders, filled, strict=True) if order.side == "buy")
            answers.append((welfare, bought, tuple(filled[row] for row in arrived), filled))
    welfare, volume, _, filled = max(answers)
    return Best(welfare, volume, filled)


def _welfare(orders: Sequence[Order], feeders: Sequence[Feeder], filled: Sequence[int]) -> int | None:
    """Return the welfare of some fills, or None where the network does not allow them."""
    signed = [wh if order.side == "buy" else -wh for order, wh in zip(orders, filled, strict=True)]
    if sum(signed):
        return None
    welfare = sum(order.price_jeon_per_kwh * wh for order, wh in zip(orders, signed, strict=True))
    for feeder in feeders:
        flow = sum(wh for order, wh in zip(orders, signed, strict=True) if order.feeder_id == feeder.feeder_id)
        if feeder.import_limit_wh is not None and flow > feeder.import_limit_wh:
            return None
        if feeder.export_limit_wh is not None and -flow > feeder.export_limit_wh:
            return None
        welfare -= feeder.wheeling_fee_jeon_per_kwh * abs(flow)
    return welfare


def dual_value(orders: Sequence[Order], feeders: Sequence[Feeder], hub_price: int, prices: range) -> int:
    """Return what all would gain at a hub price if limits were paid for: the least over feeder prices.

    It is never below the best welfare, and equals it exactly at the admissible hub prices.
    """
    known = {feeder.feeder_id for feeder in feeders}
    value = _gain([order for order in orders if order.feeder_id not in known], hub_price)
    for feeder in feeders:
        local = [order for order in orders if order.feeder_id == feeder.feeder_id]
        value += min(_gain(local, price) + rent(feeder, price, hub_price) for price in prices)
    return value


def rent(feeder: Feeder, price: int, hub_price: int) -> int:
    """Return what the limits are worth at two prices; a limit that is not there may be worth nothing."""
    unlimited = 10**9
    import_limit_wh = unlimited if feeder.import_limit_wh is None else feeder.import_limit_wh
    export_limit_wh = unlimited if feeder.export_limit_wh is None else feeder.export_limit_wh
    gap = price - hub_price
    fee = feeder.wheeling_fee_jeon_per_kwh
    return import_limit_wh * max(0, gap - fee) + export_limit_wh * max(0, -gap - fee)


def _gain(orders: Sequence[Order], price: int) -> int:
    return sum(
        order.quantity_wh * max(0, (order.price_jeon_per_kwh - price) * (1 if order.side == "buy" else -1))
        for order in orders
    )
