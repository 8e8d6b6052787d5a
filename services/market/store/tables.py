"""The market's own tables: books, seals, halts, and what the auctions gave."""

import sqlalchemy as sa

from optimizers.orders.book_order import BookOrder
from shared.db.records import RecordColumns
from shared.db.tables import UtcInstant, new_metadata
from shared.events.records import Trade

METADATA = new_metadata()

ORDER = sa.Table(
    "book_order",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, nullable=False),
    sa.Column("delivery_start", UtcInstant, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("price_jeon_per_kwh", sa.BigInteger, nullable=False),
    sa.Column("quantity_wh", sa.BigInteger, nullable=False),
    sa.Column("submitted_at", UtcInstant, nullable=False),
    sa.Column("writer", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("cancelled_at", UtcInstant),
    # The writer's number of the newest amendment: an older one, or the same again, changes nothing.
    sa.Column("amended_sequence", sa.BigInteger),
    # Which book it stands in: "intraday", "day_ahead" or "block"; a block's energy by interval.
    sa.Column("book", sa.Text, nullable=False, server_default="intraday"),
    sa.Column("block_wh", sa.JSON(none_as_null=True)),
    sa.Index("book_order_by_participant", "complex_id", "participant_id", "delivery_start"),
    sa.Index("book_order_by_book", "complex_id", "delivery_start", "participant_id"),
)
ORDER_RECORD = RecordColumns(
    ORDER, BookOrder, beside="complex_id cancelled_at amended_sequence book block_wh", left_out="auction block_wh"
)

# Rejected orders keep no figures: these may be too large for any column.
REJECTION = sa.Table(
    "rejection",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)

# Cancellations that overtook their order: another writer's topic may be faster.
EARLY_CANCEL = sa.Table(
    "early_cancel",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
    sa.Column("requested_at", UtcInstant, nullable=False),
)

SEAL = sa.Table(
    "seal",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("sealed_at", UtcInstant, nullable=False),
)

HALT = sa.Table(
    "halt",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("halted_at", UtcInstant, primary_key=True),
    sa.Column("resumed_at", UtcInstant),
)

SUSPENSION = sa.Table(
    "suspension",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
    sa.Column("suspended_at", UtcInstant, primary_key=True),
    sa.Column("resumed_at", UtcInstant),
)

CALENDAR = sa.Table(
    "calendar",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("effective_from", UtcInstant, nullable=False),
    sa.Column("requested_at", UtcInstant, nullable=False),
    sa.Column("operator", sa.Text, nullable=False),
    sa.Column("rules", sa.JSON, nullable=False),
)

LIMITS = sa.Table(
    "limits",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
    sa.Column("changed_at", UtcInstant, primary_key=True),
    sa.Column("open_orders_max", sa.BigInteger),
    sa.Column("credit_krw_max", sa.BigInteger),
)

PROGRESS = sa.Table(
    "progress",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("cleared_through", UtcInstant),
    sa.Column("alarmed_through", UtcInstant),
    sa.Column("day_ahead_through", UtcInstant),
)

AUCTION = sa.Table(
    "auction",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("auction_id", sa.Text, nullable=False, unique=True),
    sa.Column("cleared_at", UtcInstant, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("price_jeon_per_kwh", sa.BigInteger),
    sa.Column("volume_wh", sa.BigInteger, nullable=False),
    sa.Column("fees_krw", sa.BigInteger, nullable=False),
    sa.Column("book_hash", sa.Text, nullable=False),
    sa.Column("certificate", sa.JSON),
    # What it takes to hold the auction again (null: held before these were kept), and the hash of what was published.
    sa.Column("terms", sa.JSON),
    sa.Column("event_sha256", sa.Text),
)

FILL = sa.Table(
    "fill",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, nullable=False),
    sa.Column("filled_wh", sa.BigInteger, nullable=False),
    sa.Column("paid_krw", sa.BigInteger, nullable=False),
    sa.Column("received_krw", sa.BigInteger, nullable=False),
)

DAY_AHEAD = sa.Table(
    "day_ahead",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("auction_id", sa.Text, nullable=False, unique=True),
    sa.Column("cleared_at", UtcInstant, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("price_jeon_per_kwh", sa.BigInteger),
    sa.Column("volume_wh", sa.BigInteger, nullable=False),
    sa.Column("fees_krw", sa.BigInteger, nullable=False),
    sa.Column("book_hash", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
)

DAY_AHEAD_TRADE = sa.Table(
    "day_ahead_trade",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("trade_id", sa.Text, nullable=False),
    sa.Column("buy_order_id", sa.Text, nullable=False),
    sa.Column("sell_order_id", sa.Text, nullable=False),
    sa.Column("buyer_id", sa.Text, nullable=False),
    sa.Column("seller_id", sa.Text, nullable=False),
    sa.Column("quantity_wh", sa.BigInteger, nullable=False),
    sa.Column("paid_krw", sa.BigInteger, nullable=False),
    sa.Column("received_krw", sa.BigInteger, nullable=False),
)
DAY_AHEAD_TRADE_RECORD = RecordColumns(DAY_AHEAD_TRADE, Trade, beside="complex_id delivery_start number")
