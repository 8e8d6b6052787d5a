"""The read model's tables. Rows are keyed by complex first: no query crosses from one complex to another."""

from typing import Any

import sqlalchemy as sa

from services.trading_api.domain.orders import SubmittedOrder
from shared.db import order_writer
from shared.db.records import RecordColumns
from shared.db.tables import UtcInstant, new_metadata
from shared.events.records import CertificateLine, CertificateSlice, SettledLine, Trade

METADATA = new_metadata()
order_writer.add_tables(METADATA)


def _table(name: str, key: str, *rest: sa.Column[Any] | sa.Index) -> sa.Table:
    """Declare a table: its key after complex_id, as "name" (text) or "name@" (instant), separated by spaces."""
    keys = [
        sa.Column(part.rstrip("@"), UtcInstant if part.endswith("@") else sa.Text, primary_key=True)
        for part in key.split()
    ]
    return sa.Table(name, METADATA, sa.Column("complex_id", sa.Text, primary_key=True), *keys, *rest)


def _text(*names: str) -> list[sa.Column[Any]]:
    return [_column(name, sa.Text) for name in names]


def _whole(*names: str) -> list[sa.Column[Any]]:
    return [_column(name, sa.BigInteger) for name in names]


def _none_before(*names: str) -> list[sa.Column[int]]:
    """Return whole numbers that came later: 0 in the rows of before."""
    return [sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in names]


def _flags() -> sa.Column[Any]:
    """Return what validation found, which came later: nothing in the rows of before."""
    return sa.Column("flags", sa.JSON, nullable=False, server_default="[]")


def _instant(*names: str) -> list[sa.Column[Any]]:
    return [_column(name, UtcInstant) for name in names]


def _column(name: str, kind: type[sa.types.TypeEngine[Any]]) -> sa.Column[Any]:
    """Return a column; a name that ends in "?" may be null."""
    return sa.Column(name.rstrip("?"), kind, nullable=name.endswith("?"))


API_KEY = _table(
    "api_key",
    "key_id",
    sa.Column("key_hash", sa.Text, nullable=False, unique=True),
    *_text("role", "participant_id?", "name"),
    *_instant("created_at", "revoked_at?"),
)
# A console session stands for a key for some hours; the cookie's token is kept hashed as keys are.
CONSOLE_SESSION = sa.Table(
    "console_session",
    METADATA,
    sa.Column("token_hash", sa.Text, primary_key=True),
    *_text("complex_id", "key_id"),
    *_instant("expires_at"),
)
# By an identity provider's name for the token; forgotten when no token of that name could be good any more.
REVOKED_TOKEN = _table("revoked_token", "jti", *_instant("revoked_at", "forgotten_at"))

ORDER = _table(
    "submitted_order",
    "order_id",
    *_text("writer", "client_order_id", "participant_id", "side"),
    *_instant("delivery_start", "submitted_at", "cancel_requested_at?"),
    *_whole("sequence", "price_jeon_per_kwh", "quantity_wh", "amended_price_jeon_per_kwh?", "amended_quantity_wh?"),
    *_text("amendment?", "amendment_detail?"),
    # Which auction it is for: "intraday" or "day_ahead"; and the energy of each interval of a block.
    sa.Column("auction", sa.Text, nullable=False, server_default="intraday"),
    sa.Column("block_wh", sa.JSON(none_as_null=True)),
    sa.Index("submitted_order_by_delivery", "complex_id", "delivery_start"),
    sa.Index("submitted_order_by_participant", "complex_id", "participant_id", "submitted_at"),
)
ORDER_RECORD = RecordColumns(
    ORDER,
    SubmittedOrder,
    beside="cancel_requested_at amended_price_jeon_per_kwh amended_quantity_wh amendment amendment_detail block_wh",
    left_out="block_wh",
)
# Apart from the order, as the market's word may arrive before the scheduler's order does.
OUTCOME = _table(
    "order_outcome",
    "order_id",
    *_text("participant_id", "status", "reason?", "detail?"),
    *_instant("delivery_start"),
    *_whole("status_rank", "filled_wh", "paid_krw", "received_krw"),
    sa.Column("why", sa.JSON(none_as_null=True)),
    sa.Index("order_outcome_by_delivery", "complex_id", "delivery_start"),
)
AUCTION = _table(
    "auction",
    "delivery_start@",
    *_text("auction_id", "status", "book_hash"),
    *_instant("cleared_at"),
    *_whole("price_jeon_per_kwh?", "price_low_jeon_per_kwh?", "price_high_jeon_per_kwh?"),
    *_whole("volume_wh", "fees_krw", "order_count", "trade_count"),
    sa.Column("feeder_price_jeon_per_kwh", sa.JSON, nullable=False),
)
DAY_AHEAD = _table(
    "day_ahead",
    "delivery_start@",
    *_text("auction_id", "status", "book_hash", "method"),
    *_instant("cleared_at"),
    *_whole("price_jeon_per_kwh?", "volume_wh", "fees_krw", "order_count", "trade_count"),
    sa.Column("feeder_price_jeon_per_kwh", sa.JSON, nullable=False),
)
TRADE = _table(
    "trade",
    "trade_id",
    *_text("auction_id", "buy_order_id", "sell_order_id", "buyer_id", "seller_id"),
    *_instant("delivery_start"),
    *_whole("quantity_wh", "paid_krw", "received_krw"),
    sa.Index("trade_by_delivery", "complex_id", "delivery_start"),
)
TRADE_RECORD = RecordColumns(TRADE, Trade, beside="complex_id auction_id delivery_start")
CALENDAR = _table(
    "calendar",
    "",
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    *_instant("effective_from", "requested_at"),
    *_text("operator"),
    sa.Column("calendar", sa.JSON, nullable=False),
)
LIMITS = _table(
    "limits",
    "participant_id",
    *_whole("open_orders_max?", "credit_krw_max?"),
    *_instant("changed_at"),
    *_text("operator"),
)
# The market's newest word about a participant; one of whom it never spoke has no row.
PARTICIPANT_STATE = _table(
    "participant_state",
    "participant_id",
    sa.Column("suspended", sa.Boolean, nullable=False),
    *_text("reason", "operator"),
    *_instant("since"),
)
MARKET_STATE = _table(
    "market_state",
    "",
    sa.Column("halted", sa.Boolean, nullable=False),
    *_text("reason", "operator"),
    *_instant("since"),
)

READING = _table(
    "reading",
    "meter_id delivery_start@",
    *_text("participant_id", "meter_kind", "quality"),
    *_whole("import_wh", "export_wh"),
    _flags(),
    sa.Column("reading_version", sa.BigInteger, nullable=False, server_default="1"),
    sa.Index("reading_by_delivery", "complex_id", "delivery_start"),
)
DEVICE = _table(
    "device",
    "device_id",
    *_text("participant_id", "meter_kind"),
    *_instant("observed_at"),
    *_whole("import_w", "export_w", "soc_wh?", "capacity_wh?"),
    sa.Column("reachable", sa.Boolean, nullable=False),
    _flags(),
    # When it last answered; `observed_at` is when it was last asked.
    *_instant("heard_at?"),
)
SOC = _table(
    "soc",
    "device_id delivery_start@",
    *_instant("observed_at"),
    *_whole("soc_wh"),
    sa.Index("soc_by_delivery", "complex_id", "delivery_start"),
)
SETPOINT = _table(
    "setpoint",
    "setpoint_id",
    *_text("device_id", "participant_id?", "status", "reason?", "detail?"),
    *_instant("delivery_start", "issued_at?", "confirmed_at?"),
    *_whole("status_rank", "setpoint_w"),
    sa.Index("setpoint_by_delivery", "complex_id", "delivery_start"),
)
FORECAST = _table(
    "forecast",
    "site_id kind first_delivery_start@",
    *_text("participant_id", "model"),
    *_instant("issued_at"),
    sa.Column("series", sa.JSON, nullable=False),
    sa.Index("forecast_by_start", "complex_id", "first_delivery_start"),
)
ACCURACY = _table(
    "accuracy",
    "kind site_id",  # "" stands for all sites of the kind together
    *_text("participant_id?"),
    *_instant("measured_at"),
    *_whole("days"),
    sa.Column("is_drifting", sa.Boolean, nullable=False),
    sa.Column("leads", sa.JSON, nullable=False),
)
SCHEDULE = _table(
    "schedule",
    "schedule_id",
    *_text("device_id", "participant_id", "status"),
    *_instant("solved_at", "first_delivery_start"),
    sa.Column("series", sa.JSON, nullable=False),
    sa.Index("schedule_by_start", "complex_id", "first_delivery_start"),
)

SETTLED_INTERVAL = _table(
    "settled_interval",
    "delivery_start@",
    *_instant("settled_at"),
    *_whole("ledger_entries", "ledger_sum_krw", "ledger_number?"),
    *_text("ledger_hash?"),
)
SETTLED_LINE = _table(
    "settled_line",
    "delivery_start@ participant_id",
    *_whole("metered_import_wh", "metered_export_wh", "bought_wh", "sold_wh", "grid_import_wh", "grid_export_wh"),
    *_whole("grid_import_price_jeon_per_kwh", "grid_export_price_jeon_per_kwh"),
    *_whole("trade_paid_krw", "trade_received_krw", "grid_paid_krw", "grid_received_krw", "cost_without_krw"),
    *_none_before("spread_krw", "loss_wh", "loss_krw"),
)
SETTLED_LINE_RECORD = RecordColumns(
    SETTLED_LINE,
    SettledLine,
    beside="complex_id delivery_start",
    left_out="short_price_jeon_per_kwh long_price_jeon_per_kwh",
)
# What a participant's interval cost with trading and batteries.
COST_WITH_KRW = (
    SETTLED_LINE.c.trade_paid_krw
    - SETTLED_LINE.c.trade_received_krw
    + SETTLED_LINE.c.grid_paid_krw
    - SETTLED_LINE.c.grid_received_krw
    + SETTLED_LINE.c.spread_krw
    + SETTLED_LINE.c.loss_krw
)
STATEMENT = _table(
    "statement",
    "statement_id",
    *_text("participant_id"),
    sa.Column("trading_day", sa.Date, nullable=False),
    *_whole("intervals", "bought_wh", "sold_wh", "grid_import_wh", "grid_export_wh"),
    *_whole("trade_paid_krw", "trade_received_krw", "grid_paid_krw", "grid_received_krw"),
    *_whole("cost_with_krw", "cost_without_krw", "saving_krw"),
    *_none_before("revision", "spread_krw", "loss_wh", "loss_krw", "stored_value_krw"),
)
INVOICE = _table(
    "invoice",
    "month participant_id",
    *_text("invoice_id"),
    *_instant("issued_at"),
    *_whole("revision"),
    sa.Column("content", sa.JSON, nullable=False),
)
# A range of a device's certificates of an interval; of a device's ranges all have its newest revision.
CERTIFICATE = _table(
    "certificate",
    "delivery_start@ device_id",
    sa.Column("range_start", sa.BigInteger, primary_key=True, autoincrement=False),
    *_whole("range_end", "revision", "storage_efficiency_ppm?"),
    *_text("producer_id", "account_id", "purpose", "trade_id?", "battery_id?", "hash"),
    *_instant("charged_at?"),
    sa.Index("certificate_by_producer", "complex_id", "producer_id", "delivery_start"),
    sa.Index("certificate_by_account", "complex_id", "account_id", "delivery_start"),
)
CERTIFICATE_RECORD = RecordColumns(CERTIFICATE, CertificateSlice, beside="complex_id delivery_start revision hash")
CERTIFIED_LINE = _table(
    "certified_line",
    "delivery_start@ participant_id",
    *_whole("revision", "consumption_wh", "issued_wh", "reissued_wh", "received_wh", "passed_on_wh", "claimed_wh"),
    *_whole("stored_wh", "withdrawn_wh", "location_wh", "market_wh"),
)
CERTIFIED_LINE_RECORD = RecordColumns(CERTIFIED_LINE, CertificateLine, beside="complex_id delivery_start revision")
# The links of the certificates' chain as they were published, for the audit.
CERTIFICATION_LINK = _table(
    "certification_link", "", sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False), *_text("hash")
)
IGNORED_READING = _table("ignored_reading", "event_id", *_text("meter_id", "reason"), *_instant("delivery_start"))
DEAD_LETTER = _table(
    "dead_letter", "letter_id", *_text("service", "topic", "place", "reason"), *_instant("set_aside_at")
)

STUDY = _table(
    "study",
    "study_id",
    *_text("requested_by", "status", "reason?"),
    *_instant("requested_at"),
    *_whole("done", "total"),
    sa.Column("asked", sa.JSON, nullable=False),
    sa.Column("results", sa.JSON),
)

# The last number of a log of one complex; advancing it takes the row's lock, so numbers are committed in order.
LOG_HEAD = _table("log_head", "log", *_whole("last_number"), *_text("last_hash"))
AUDIT = _table(
    "audit",
    "",
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    *_instant("at"),
    *_text("key_id", "who", "role", "action", "object", "result", "previous_hash", "hash"),
)
STREAM = _table(
    "stream",
    "",
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    *_text("audience", "kind"),
    *_instant("at"),
    sa.Column("payload", sa.JSON, nullable=False),
)
