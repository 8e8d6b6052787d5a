"""The call auction: one sort, one hub price, one local auction for each node, payments rounded once."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from optimizers.clearing.book import (
    UNLIMITED_WH,
    Allocation,
    Book,
    BookFill,
    Clearing,
    Feeder,
    FeederResult,
    Ints,
    Order,
    exact_sum,
)
from optimizers.clearing.ladder import Ladder, ladders
from optimizers.clearing.local import LocalAuction, PriceRange, binding_limit, clear_node, feeder_prices
from optimizers.clearing.network import Node, balance_hub
from optimizers.clearing.payments import payments_krw, signed_jeon_wh
from shared.units import JEON_WH_PER_KRW, round_half_up


def clear(orders: Sequence[Order], feeders: Sequence[Feeder] = (), tick_jeon: int = 1) -> Clearing:
    """Clear one call auction exactly.

    Among all fills that respect limits, the answer has the largest welfare (limits of accepted buys less those of
    accepted sells less wheeling fees); among those the largest volume; among those it serves orders in arrival order
    (`sequence`), each as far as the earlier ones leave it. The price is the midpoint of the admissible interval,
    rounded half up (a tie goes up, also below zero) to the tick, or the interval's one finite end. Each feeder has a
    price by the same rule from the interval that the hub price leaves it.

    A payment is price times fill, rounded to one of its two neighbouring whole won so that all payments together
    are `fees_krw` exactly; nobody pays a whole won more, or receives one less, than his limit allows.

    Args:
        orders: Ids and sequences are unique. With no feeders, `feeder_id` is not looked at: all are at one place.
        feeders: All feeders of the complex; an order may name no other.
        tick_jeon: Step of prices. Where no multiple of it is admissible, the admissible price next to it is taken.

    Raises:
        ValueError: An id or a sequence comes twice, or a feeder is unknown.
    """
    arrived = sorted(range(len(orders)), key=lambda row: orders[row].sequence)
    allocation = clear_book(book_of([orders[row] for row in arrived], feeders), feeders, tick_jeon)
    filled_wh, payment_krw = allocation.filled_wh.tolist(), allocation.payment_krw.tolist()
    fills = [
        BookFill(orders[row].order_id, filled_wh[place], max(payment_krw[place], 0), max(-payment_krw[place], 0))
        for row, place in sorted(zip(arrived, range(len(arrived)), strict=True))
    ]
    return Clearing(
        price_jeon_per_kwh=allocation.price_jeon_per_kwh,
        price_low_jeon_per_kwh=allocation.price_low_jeon_per_kwh,
        price_high_jeon_per_kwh=allocation.price_high_jeon_per_kwh,
        volume_wh=allocation.volume_wh,
        welfare_jeon_wh=allocation.welfare_jeon_wh,
        wheeling_krw=allocation.wheeling_krw,
        fees_krw=allocation.fees_krw,
        feeders=allocation.feeders,
        fills=tuple(fills),
    )


def book_of(orders: Sequence[Order], feeders: Sequence[Feeder]) -> Book:
    """Check that orders in arrival order belong together, and turn them into columns."""
    if len({order.order_id for order in orders}) < len(orders):
        raise ValueError("order_id must be unique in a book")
    for before, after in pairwise(orders):
        if before.sequence == after.sequence:
            rule = "sequence must be unique in a book"
            raise ValueError(f"orders {before.order_id} and {after.order_id}: {rule}, was {after.sequence}")
    node_of: dict[str | None, int] = {None: 0}
    for node, feeder in enumerate(feeders, start=1):
        if feeder.feeder_id in node_of:
            raise ValueError(f"feeder {feeder.feeder_id}: feeder_id must be unique in a complex")
        node_of[feeder.feeder_id] = node
    if feeders:
        for order in orders:
            if order.feeder_id not in node_of:
                raise ValueError(f"order {order.order_id}: feeder_id must be a known feeder, was {order.feeder_id}")
    return Book(
        is_buy=np.array([order.side == "buy" for order in orders], dtype=np.bool_),
        price_jeon_per_kwh=np.array([order.price_jeon_per_kwh for order in orders], dtype=np.int64),
        quantity_wh=np.array([order.quantity_wh for order in orders], dtype=np.int64),
        node=np.array([node_of[order.feeder_id] if feeders else 0 for order in orders], dtype=np.int64),
    )


def clear_book(book: Book, feeders: Sequence[Feeder] = (), tick_jeon: int = 1) -> Allocation:
    """Clear a book given as columns, in arrival order; rules as in `clear`."""
    if tick_jeon < 1:
        raise ValueError(f"tick_jeon must be >= 1, was {tick_jeon}")
    nodes = _nodes(book, feeders)
    fee_max = max((feeder.wheeling_fee_jeon_per_kwh for feeder in feeders), default=0)
    hub = balance_hub(
        nodes,
        price_min=int(book.price_jeon_per_kwh.min(initial=0)) - fee_max - 1,
        price_max=int(book.price_jeon_per_kwh.max(initial=0)) + fee_max + 1,
    )
    auctions = [clear_node(node, net_wh) for node, net_wh in zip(nodes, hub.net_import_wh, strict=True)]
    volume_wh = sum(auction.bought_wh for auction in auctions)
    admissible = PriceRange(hub.price_low, hub.price_high) if volume_wh else PriceRange(None, None)
    hub_price = admissible.price(tick_jeon)
    results = tuple(
        _feeder_result(feeder, auction, hub_price, tick_jeon) if volume_wh else _idle(feeder.feeder_id)
        for feeder, auction in zip(feeders, auctions[1:], strict=True)
    )
    filled_wh = _fills(nodes, auctions, size=book.size)
    payment_krw, fees_krw = payments_krw(
        book, filled_wh, [hub_price, *(result.price_jeon_per_kwh for result in results)]
    )
    wheeling_jeon_wh = sum(
        node.fee_jeon_per_kwh * abs(auction.net_import_wh) for node, auction in zip(nodes, auctions, strict=True)
    )
    gross_jeon_wh = int(signed_jeon_wh(book, book.price_jeon_per_kwh, filled_wh).sum())
    return Allocation(
        price_jeon_per_kwh=hub_price,
        price_low_jeon_per_kwh=admissible.low,
        price_high_jeon_per_kwh=admissible.high,
        volume_wh=volume_wh,
        welfare_jeon_wh=gross_jeon_wh - wheeling_jeon_wh,
        wheeling_krw=round_half_up(wheeling_jeon_wh, JEON_WH_PER_KRW),
        fees_krw=fees_krw,
        feeders=results,
        filled_wh=filled_wh,
        payment_krw=payment_krw,
    )


def _nodes(book: Book, feeders: Sequence[Feeder]) -> list[Node]:
    (hub_buys, hub_sells), *sides = ladders(book, len(feeders) + 1, exact_sum(book.quantity_wh))
    return [
        Node(hub_buys, hub_sells),
        *(_feeder_node(feeder, buys, sells) for feeder, (buys, sells) in zip(feeders, sides, strict=True)),
    ]


def _feeder_node(feeder: Feeder, buys: Ladder, sells: Ladder) -> Node:
    return Node(
        buys,
        sells,
        import_limit_wh=UNLIMITED_WH if feeder.import_limit_wh is None else feeder.import_limit_wh,
        export_limit_wh=UNLIMITED_WH if feeder.export_limit_wh is None else feeder.export_limit_wh,
        fee_jeon_per_kwh=feeder.wheeling_fee_jeon_per_kwh,
    )


def _fills(nodes: Sequence[Node], auctions: Sequence[LocalAuction], *, size: int) -> Ints:
    filled_wh = np.zeros(size, dtype=np.int64)
    for node, auction in zip(nodes, auctions, strict=True):
        node.buys.fill(filled_wh, auction.bought_wh)
        node.sells.fill(filled_wh, auction.sold_wh)
    return filled_wh


def _feeder_result(feeder: Feeder, auction: LocalAuction, hub_price: int | None, tick_jeon: int) -> FeederResult:
    admissible = feeder_prices(feeder, auction, hub_price)
    price = admissible.price(tick_jeon)
    return FeederResult(
        feeder_id=feeder.feeder_id,
        price_jeon_per_kwh=price,
        price_low_jeon_per_kwh=admissible.low,
        price_high_jeon_per_kwh=admissible.high,
        import_wh=max(auction.net_import_wh, 0),
        export_wh=max(-auction.net_import_wh, 0),
        binding=binding_limit(feeder, auction.net_import_wh, price=price, hub_price=hub_price),
    )


def _idle(feeder_id: str) -> FeederResult:
    return FeederResult(
        feeder_id=feeder_id,
        price_jeon_per_kwh=None,
        price_low_jeon_per_kwh=None,
        price_high_jeon_per_kwh=None,
        import_wh=0,
        export_wh=0,
        binding=None,
    )
