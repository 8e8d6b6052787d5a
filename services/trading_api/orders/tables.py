"""The tables of orders and of what became of them."""

import sqlalchemy as sa

from services.trading_api.db.metadata import instant, table, text, whole
from services.trading_api.orders.domain import SubmittedOrder
from shared.db.records import RecordColumns

ORDER = table(
    "submitted_order",
    "order_id",
    *text("writer", "client_order_id", "participant_id", "side"),
    *instant("delivery_start", "submitted_at", "cancel_requested_at?"),
    *whole("sequence", "price_jeon_per_kwh", "quantity_wh", "amended_price_jeon_per_kwh?", "amended_quantity_wh?"),
    *text("amendment?", "amendment_detail?"),
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
OUTCOME = table(
    "order_outcome",
    "order_id",
    *text("participant_id", "status", "reason?", "detail?"),
    *instant("delivery_start"),
    *whole("status_rank", "filled_wh", "paid_krw", "received_krw"),
    sa.Column("why", sa.JSON(none_as_null=True)),
    sa.Index("order_outcome_by_delivery", "complex_id", "delivery_start"),
)
