"""The tables of settled intervals, statements and invoices."""

import sqlalchemy as sa

from services.trading_api.db.metadata import instant, none_before, table, text, whole
from shared.db.records import RecordColumns
from shared.events.records import SettledLine
from shared.events.settlement import StatementIssued

SETTLED_INTERVAL = table(
    "settled_interval",
    "delivery_start@",
    *instant("settled_at"),
    *whole("ledger_entries", "ledger_sum_krw", "ledger_number?"),
    *text("ledger_hash?"),
)
SETTLED_LINE = table(
    "settled_line",
    "delivery_start@ participant_id",
    *whole("metered_import_wh", "metered_export_wh", "bought_wh", "sold_wh", "grid_import_wh", "grid_export_wh"),
    *whole("grid_import_price_jeon_per_kwh", "grid_export_price_jeon_per_kwh"),
    *whole("trade_paid_krw", "trade_received_krw", "grid_paid_krw", "grid_received_krw", "cost_without_krw"),
    *none_before("spread_krw", "loss_wh", "loss_krw"),
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
STATEMENT = table(
    "statement",
    "statement_id",
    *text("participant_id"),
    sa.Column("trading_day", sa.Date, nullable=False),
    *whole("intervals", "bought_wh", "sold_wh", "grid_import_wh", "grid_export_wh"),
    *whole("trade_paid_krw", "trade_received_krw", "grid_paid_krw", "grid_received_krw"),
    *whole("cost_with_krw", "cost_without_krw", "saving_krw"),
    *none_before("revision", "spread_krw", "loss_wh", "loss_krw", "stored_value_krw"),
    *whole("ledger_number?", "operators_number?"),
    *text("ledger_hash?", "operators_hash?"),
)
STATEMENT_RECORD = RecordColumns(STATEMENT, StatementIssued, beside="")
INVOICE = table(
    "invoice",
    "month participant_id",
    *text("invoice_id"),
    *instant("issued_at"),
    *whole("revision"),
    sa.Column("content", sa.JSON, nullable=False),
)
