"""The proof of an answer: what was cleared, as a hash, and the prices and limits that show it to be right."""

import hashlib
import json
from collections.abc import Iterable, Sequence

from optimizers.clearing.book import Clearing, Feeder, Order
from optimizers.clearing.check import check

CERTIFICATE_VERSION = 1


def certificate(orders: Sequence[Order], feeders: Sequence[Feeder], clearing: Clearing) -> dict[str, object]:
    """Return an auction's certificate: JSON-ready, strings, integers and None only, the same for the same auction.

    The book's hash does not depend on the order of the rows, only on the orders (their sequence included) and the
    feeders. Energy is in Wh, prices in jeon/kWh, money in won.

    Raises:
        WrongAnswer: The answer is not right for these orders and feeders (see `check`): there is nothing to certify.
    """
    check(orders, feeders, clearing)
    results = sorted(clearing.feeders, key=lambda result: result.feeder_id)
    sequences = {order.order_id: order.sequence for order in orders}
    return {
        "version": CERTIFICATE_VERSION,
        "order_book_sha256": order_book_sha256(orders, feeders),
        "fills_sha256": _sha256(
            (fill.order_id, fill.filled_wh, fill.payment_krw)
            for fill in sorted(clearing.fills, key=lambda fill: sequences[fill.order_id])
        ),
        "orders": len(orders),
        "price_jeon_per_kwh": clearing.price_jeon_per_kwh,
        "price_low_jeon_per_kwh": clearing.price_low_jeon_per_kwh,
        "price_high_jeon_per_kwh": clearing.price_high_jeon_per_kwh,
        "volume_wh": clearing.volume_wh,
        "welfare_jeon_wh": clearing.welfare_jeon_wh,
        "wheeling_krw": clearing.wheeling_krw,
        "fees_krw": clearing.fees_krw,
        "binding_limits": [
            {"feeder_id": result.feeder_id, "limit": result.binding} for result in results if result.binding
        ],
        "feeders": [
            {
                "feeder_id": result.feeder_id,
                "price_jeon_per_kwh": result.price_jeon_per_kwh,
                "price_low_jeon_per_kwh": result.price_low_jeon_per_kwh,
                "price_high_jeon_per_kwh": result.price_high_jeon_per_kwh,
                "import_wh": result.import_wh,
                "export_wh": result.export_wh,
            }
            for result in results
        ],
    }


def order_book_sha256(orders: Sequence[Order], feeders: Sequence[Feeder]) -> str:
    """Hash feeders by id, then orders by sequence: one JSON array a line, UTF-8, no spaces."""
    feeder_lines = (
        (
            "feeder",
            feeder.feeder_id,
            feeder.import_limit_wh,
            feeder.export_limit_wh,
            feeder.wheeling_fee_jeon_per_kwh,
        )
        for feeder in sorted(feeders, key=lambda feeder: feeder.feeder_id)
    )
    order_lines = (
        (
            "order",
            order.sequence,
            order.order_id,
            order.participant_id,
            order.side,
            order.price_jeon_per_kwh,
            order.quantity_wh,
            order.feeder_id,
        )
        for order in sorted(orders, key=lambda order: order.sequence)
    )
    return _sha256((*feeder_lines, *order_lines))


def _sha256(lines: Iterable[tuple[object, ...]]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()
