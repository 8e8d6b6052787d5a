"""The newest word on each participant's automatic bidding."""

from services.trading_api.db.metadata import instant, table, text, whole
from shared.db.records import RecordColumns
from shared.events.commands import BiddingChanged

BIDDING = table(
    "bidding",
    "participant_id",
    *whole("bidding_version", "buy_share_permille", "sell_share_permille", "wh_per_day_max?", "krw_per_day_max?"),
    *text("mode", "stated_by"),
    *instant("effective_from", "stated_at", "paused_until?"),
)
BIDDING_RECORD = RecordColumns(BIDDING, BiddingChanged, beside="")
