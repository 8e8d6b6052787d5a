"""The tables of auctions, trades and the market's state."""

import sqlalchemy as sa

from services.trading_api.db.metadata import instant, table, text, whole
from shared.db.records import RecordColumns
from shared.events.market import AuctionCleared, DayAheadCleared
from shared.events.records import Trade

AUCTION = table(
    "auction",
    "delivery_start@",
    *text("auction_id", "status", "book_hash"),
    *instant("cleared_at"),
    *whole("price_jeon_per_kwh?", "price_low_jeon_per_kwh?", "price_high_jeon_per_kwh?"),
    *whole("volume_wh", "fees_krw", "order_count", "trade_count"),
    sa.Column("feeder_price_jeon_per_kwh", sa.JSON, nullable=False),
)
AUCTION_RECORD = RecordColumns(
    AUCTION,
    AuctionCleared,
    beside="order_count trade_count",
    left_out="fills trades day_ahead_trades binding_limits welfare_jeon_wh certificate_sha256",
)
DAY_AHEAD = table(
    "day_ahead",
    "delivery_start@",
    *text("auction_id", "status", "book_hash", "method"),
    *instant("cleared_at"),
    *whole("price_jeon_per_kwh?", "volume_wh", "fees_krw", "order_count", "trade_count"),
    sa.Column("feeder_price_jeon_per_kwh", sa.JSON, nullable=False),
)
DAY_AHEAD_RECORD = RecordColumns(
    DAY_AHEAD, DayAheadCleared, beside="order_count trade_count", left_out="fills trades binding_limits"
)
TRADE = table(
    "trade",
    "trade_id",
    *text("auction_id", "buy_order_id", "sell_order_id", "buyer_id", "seller_id"),
    *instant("delivery_start"),
    *whole("quantity_wh", "paid_krw", "received_krw"),
    sa.Index("trade_by_delivery", "complex_id", "delivery_start"),
)
TRADE_RECORD = RecordColumns(TRADE, Trade, beside="complex_id auction_id delivery_start")
MARKET_STATE = table(
    "market_state",
    "",
    sa.Column("halted", sa.Boolean, nullable=False),
    *text("reason", "operator"),
    *instant("since"),
)
# What operators asked the market for, and what came of it; null until the market said so.
DEED = table(
    "deed",
    "deed_id",
    *text("action", "object", "operator", "outcome?", "detail?"),
    *instant("requested_at", "decided_at?"),
    sa.Index("deed_by_request", "complex_id", "requested_at"),
)
