"""Which rule decided about each order: the code of its sentence (shared/events/fill_reasons.py)."""

from collections.abc import Sequence

from optimizers.clearing.book import Clearing, Order
from shared.events.records import FillReason


def fill_reasons(orders: Sequence[Order], clearing: Clearing) -> tuple[FillReason, ...]:
    """Return why each order got what it got, read off the prices alone; the orders are those that were cleared."""
    price_at = {result.feeder_id: result.price_jeon_per_kwh for result in clearing.feeders}
    hub_price = clearing.price_jeon_per_kwh
    return tuple(
        _reason(order, price_at[order.feeder_id] if price_at and order.feeder_id is not None else hub_price)
        for order in orders
    )


def _reason(order: Order, price_jeon_per_kwh: int | None) -> FillReason:
    if price_jeon_per_kwh is None:
        return FillReason.NO_TRADE
    if order.price_jeon_per_kwh == price_jeon_per_kwh:
        return FillReason.AT_PRICE
    is_better = (order.price_jeon_per_kwh > price_jeon_per_kwh) == (order.side == "buy")
    return FillReason.FILLED if is_better else FillReason.OUTBID
