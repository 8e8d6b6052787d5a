"""How automatic bidding reads on the wire."""

from datetime import datetime

from typing_extensions import TypedDict

from services.trading_api.text import instant_text, maybe
from shared.events.commands import BiddingChanged
from shared.units import PERMILLE, kwh_text


class BiddingView(TypedDict):
    """How the exchange bids for a participant, and from which delivery interval on; version 0 is the complex file's.

    `is_bidding` says whether it is on, and not paused now.
    """

    participant_id: str
    mode: str
    is_bidding: bool
    buy_share: float
    sell_share: float
    kwh_per_day_max: str | None
    krw_per_day_max: int | None
    paused_until: str | None
    version: int
    effective_from: str | None
    stated_at: str | None
    stated_by: str


def bidding_view(stated: BiddingChanged, now: datetime) -> BiddingView:
    """Show what holds."""
    is_paused = stated.paused_until is not None and now < stated.paused_until
    of_file = stated.bidding_version == 0
    return {
        "participant_id": stated.participant_id,
        "mode": stated.mode,
        "is_bidding": stated.mode == "automatic" and not is_paused,
        "buy_share": stated.buy_share_permille / PERMILLE,
        "sell_share": stated.sell_share_permille / PERMILLE,
        "kwh_per_day_max": maybe(kwh_text, stated.wh_per_day_max),
        "krw_per_day_max": stated.krw_per_day_max,
        "paused_until": maybe(instant_text, stated.paused_until),
        "version": stated.bidding_version,
        "effective_from": None if of_file else instant_text(stated.effective_from),
        "stated_at": None if of_file else instant_text(stated.stated_at),
        "stated_by": stated.stated_by,
    }
