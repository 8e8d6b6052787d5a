"""How auctions, trades, calendars, limits and suspensions read on the wire."""

from typing_extensions import TypedDict

from services.trading_api.text import Row, instant_text, maybe
from shared.units import krw_text, kwh_text


class AuctionView(TypedDict):
    """The public result of one interval's auction."""

    auction_id: str
    delivery_start: str
    cleared_at: str
    status: str
    price_krw_per_kwh: str | None
    price_low_krw_per_kwh: str | None
    price_high_krw_per_kwh: str | None
    volume_kwh: str
    fees_krw: int
    orders: int
    trades: int
    feeder_price_krw_per_kwh: dict[str, str | None]
    book_hash: str


class DayAheadView(TypedDict):
    """The public result of one interval of a day in the auction of the day before."""

    auction_id: str
    delivery_start: str
    cleared_at: str
    status: str
    price_krw_per_kwh: str | None
    volume_kwh: str
    fees_krw: int
    orders: int
    trades: int
    feeder_price_krw_per_kwh: dict[str, str | None]
    method: str
    book_hash: str


class TradeView(TypedDict):
    """A trade; a factory sees its own side, the other side is null."""

    trade_id: str
    auction_id: str
    delivery_start: str
    buy_order_id: str | None
    sell_order_id: str | None
    buyer_id: str | None
    seller_id: str | None
    quantity_kwh: str
    paid_krw: int | None
    received_krw: int | None


class DeedView(TypedDict):
    """What an operator asked the market for.

    `outcome` is "pending" until the market has said "done", "unchanged" (it was so already) or "refused", and then
    `detail` is the rule that it breaks.
    """

    deed_id: str
    action: str
    object: str
    operator: str
    requested_at: str
    outcome: str
    detail: str | None
    decided_at: str | None


class LimitsView(TypedDict):
    """What a participant may have open; null: no limit of its own."""

    participant_id: str
    open_orders_max: int | None
    credit_limit_krw: int | None
    changed_at: str
    operator: str


def auction_view(row: Row) -> AuctionView:
    """Show an auction's public result."""
    feeders: dict[str, int | None] = row["feeder_price_jeon_per_kwh"]
    return {
        "auction_id": row["auction_id"],
        "delivery_start": instant_text(row["delivery_start"]),
        "cleared_at": instant_text(row["cleared_at"]),
        "status": row["status"],
        "price_krw_per_kwh": maybe(krw_text, row["price_jeon_per_kwh"]),
        "price_low_krw_per_kwh": maybe(krw_text, row["price_low_jeon_per_kwh"]),
        "price_high_krw_per_kwh": maybe(krw_text, row["price_high_jeon_per_kwh"]),
        "volume_kwh": kwh_text(row["volume_wh"]),
        "fees_krw": row["fees_krw"],
        "orders": row["order_count"],
        "trades": row["trade_count"],
        "feeder_price_krw_per_kwh": {feeder: maybe(krw_text, price) for feeder, price in sorted(feeders.items())},
        "book_hash": row["book_hash"],
    }


def day_ahead_view(row: Row) -> DayAheadView:
    """Show the public result of one interval in the day-ahead auction."""
    feeders: dict[str, int | None] = row["feeder_price_jeon_per_kwh"]
    return {
        "auction_id": row["auction_id"],
        "delivery_start": instant_text(row["delivery_start"]),
        "cleared_at": instant_text(row["cleared_at"]),
        "status": row["status"],
        "price_krw_per_kwh": maybe(krw_text, row["price_jeon_per_kwh"]),
        "volume_kwh": kwh_text(row["volume_wh"]),
        "fees_krw": row["fees_krw"],
        "orders": row["order_count"],
        "trades": row["trade_count"],
        "feeder_price_krw_per_kwh": {feeder: maybe(krw_text, price) for feeder, price in sorted(feeders.items())},
        "method": row["method"],
        "book_hash": row["book_hash"],
    }


def trade_view(row: Row, *, seen_by: str | None) -> TradeView:
    """Show a trade to staff (`seen_by` None) or to one of its two sides."""
    buys, sells = (seen_by in {None, row[side]} for side in ("buyer_id", "seller_id"))
    return {
        "trade_id": row["trade_id"],
        "auction_id": row["auction_id"],
        "delivery_start": instant_text(row["delivery_start"]),
        "buy_order_id": row["buy_order_id"] if buys else None,
        "sell_order_id": row["sell_order_id"] if sells else None,
        "buyer_id": row["buyer_id"] if buys else None,
        "seller_id": row["seller_id"] if sells else None,
        "quantity_kwh": kwh_text(row["quantity_wh"]),
        "paid_krw": row["paid_krw"] if buys else None,
        "received_krw": row["received_krw"] if sells else None,
    }


def limits_view(row: Row) -> LimitsView:
    """Show a participant's own limits."""
    return {
        "participant_id": row["participant_id"],
        "open_orders_max": row["open_orders_max"],
        "credit_limit_krw": row["credit_krw_max"],
        "changed_at": instant_text(row["changed_at"]),
        "operator": row["operator"],
    }


class SuspensionView(TypedDict):
    """Since when a participant may not trade, and why."""

    participant_id: str
    since: str
    reason: str


def suspension_view(row: Row) -> SuspensionView:
    """Show a suspension."""
    return {"participant_id": row["participant_id"], "since": instant_text(row["since"]), "reason": row["reason"]}


def deed_view(row: Row) -> DeedView:
    """Show a deed."""
    return {
        "deed_id": row["deed_id"],
        "action": row["action"],
        "object": row["object"],
        "operator": row["operator"],
        "requested_at": instant_text(row["requested_at"]),
        "outcome": row["outcome"] or "pending",
        "detail": row["detail"],
        "decided_at": maybe(instant_text, row["decided_at"]),
    }
