"""A second look at an answer, order by order, that shares nothing with the way it was found.

Fills that respect limits, with prices at which every order and every feeder is content, have the largest welfare
there is (linear programming duality): so an answer that passes needs no trust in the calculation.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from optimizers.clearing.book import BookFill, Clearing, Feeder, FeederResult, Order
from shared.units import JEON_WH_PER_KRW


class WrongAnswer(Exception):  # noqa: N818 -- it names what the answer is
    """An auction's answer breaks a rule of the auction; nothing may be traded on it."""


def check(orders: Sequence[Order], feeders: Sequence[Feeder], clearing: Clearing) -> None:
    """Check an answer to the orders and feeders that were cleared, in the same order.

    Raises:
        WrongAnswer: Broken rules, a line for each.
    """
    problems = [*_orders(orders, clearing), *_network(orders, feeders, clearing), *_totals(orders, feeders, clearing)]
    if problems:
        raise WrongAnswer("\n".join(problems))


def _orders(orders: Sequence[Order], clearing: Clearing) -> Iterator[str]:
    price_at = {result.feeder_id: result.price_jeon_per_kwh for result in clearing.feeders}
    for order, fill in zip(orders, clearing.fills, strict=True):
        if fill.order_id != order.order_id or not 0 <= fill.filled_wh <= order.quantity_wh:
            yield f"order {order.order_id}: filled_wh must be in 0..{order.quantity_wh}, was {fill.filled_wh}"
        price = clearing.price_jeon_per_kwh
        if order.feeder_id is not None and price_at:
            price = price_at[order.feeder_id]
        if price is None:
            if fill.filled_wh or fill.payment_krw:
                yield f"order {order.order_id}: without a price nothing must be filled, was {fill.filled_wh} Wh"
        else:
            yield from _contentment(order, fill, price)


def _contentment(order: Order, fill: BookFill, price: int) -> Iterator[str]:
    gain = order.price_jeon_per_kwh - price if order.side == "buy" else price - order.price_jeon_per_kwh
    if gain > 0 and fill.filled_wh < order.quantity_wh:
        yield f"order {order.order_id}: must be filled at {price} jeon/kWh, was {fill.filled_wh} Wh"
    if gain < 0 and fill.filled_wh:
        yield f"order {order.order_id}: must not be filled at {price} jeon/kWh, was {fill.filled_wh} Wh"
    exact_jeon_wh = price * fill.filled_wh * (1 if order.side == "buy" else -1)
    if abs(fill.payment_krw * JEON_WH_PER_KRW - exact_jeon_wh) >= JEON_WH_PER_KRW:
        yield f"order {order.order_id}: payment_krw must be within a won of {exact_jeon_wh / JEON_WH_PER_KRW}"


def _network(orders: Sequence[Order], feeders: Sequence[Feeder], clearing: Clearing) -> Iterator[str]:
    net_import_wh = _net_import_wh(orders, clearing)
    for feeder, result in zip(feeders, clearing.feeders, strict=True):
        name = f"feeder {feeder.feeder_id}"
        if result.import_wh - result.export_wh != net_import_wh[feeder.feeder_id]:
            yield f"{name}: flow must be {net_import_wh[feeder.feeder_id]} Wh"
        if feeder.import_limit_wh is not None and result.import_wh > feeder.import_limit_wh:
            yield f"{name}: import_wh must be <= {feeder.import_limit_wh}, was {result.import_wh}"
        if feeder.export_limit_wh is not None and result.export_wh > feeder.export_limit_wh:
            yield f"{name}: export_wh must be <= {feeder.export_limit_wh}, was {result.export_wh}"
        yield from _wheeling(feeder, result, clearing.price_jeon_per_kwh)


def _wheeling(feeder: Feeder, result: FeederResult, hub_price: int | None) -> Iterator[str]:
    """Say where another flow would gain at these prices."""
    name = f"feeder {feeder.feeder_id}"
    if hub_price is None or result.price_jeon_per_kwh is None:
        if result.import_wh or result.export_wh:
            yield f"{name}: without prices nothing must flow"
        return
    import_gain = result.price_jeon_per_kwh - hub_price - feeder.wheeling_fee_jeon_per_kwh
    export_gain = hub_price - result.price_jeon_per_kwh - feeder.wheeling_fee_jeon_per_kwh
    net_wh = result.import_wh - result.export_wh
    if import_gain > 0 and net_wh != feeder.import_limit_wh:
        yield f"{name}: must import up to its limit, flow was {net_wh} Wh"
    if export_gain > 0 and (feeder.export_limit_wh is None or net_wh != -feeder.export_limit_wh):
        yield f"{name}: must export up to its limit, flow was {net_wh} Wh"
    if (net_wh > 0 and import_gain < 0) or (net_wh < 0 and export_gain < 0):
        yield f"{name}: the flow of {net_wh} Wh must be worth its fee"


def _totals(orders: Sequence[Order], feeders: Sequence[Feeder], clearing: Clearing) -> Iterator[str]:
    signed_wh = [
        fill.filled_wh if order.side == "buy" else -fill.filled_wh
        for order, fill in zip(orders, clearing.fills, strict=True)
    ]
    if sum(signed_wh) or sum(wh for wh in signed_wh if wh > 0) != clearing.volume_wh:
        yield f"volume_wh must be what is bought and what is sold, was {clearing.volume_wh}"
    flows_wh = [result.import_wh + result.export_wh for result in clearing.feeders]
    wheeling = sum(feeder.wheeling_fee_jeon_per_kwh * wh for feeder, wh in zip(feeders, flows_wh, strict=True))
    welfare = sum(order.price_jeon_per_kwh * wh for order, wh in zip(orders, signed_wh, strict=True)) - wheeling
    if welfare != clearing.welfare_jeon_wh:
        yield f"welfare_jeon_wh must be {welfare}, was {clearing.welfare_jeon_wh}"
    payments_krw = sum(fill.payment_krw for fill in clearing.fills)
    if payments_krw != clearing.fees_krw:
        yield f"fees_krw must be the sum of payments, {payments_krw}, was {clearing.fees_krw}"


def _net_import_wh(orders: Sequence[Order], clearing: Clearing) -> defaultdict[str | None, int]:
    net_import_wh: defaultdict[str | None, int] = defaultdict(int)
    for order, fill in zip(orders, clearing.fills, strict=True):
        net_import_wh[order.feeder_id] += fill.filled_wh if order.side == "buy" else -fill.filled_wh
    return net_import_wh
