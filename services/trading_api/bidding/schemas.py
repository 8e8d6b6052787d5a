"""What is sent of automatic bidding."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from services.trading_api.http.fields import QuantityWh, Request, UtcInstant
from shared.events.base import Whole
from shared.units import PERMILLE


def _in_permille(share: float) -> float:
    if round(share * PERMILLE) / PERMILLE != share:
        raise ValueError("must have at most 3 decimals")
    return share


Share = Annotated[float, Field(ge=0, le=1), AfterValidator(_in_permille)]


class BiddingIn(Request):
    """How the exchange bids for a participant.

    Prices lie between what the grid pays (share 0) and what it charges (share 1); a share that is left out is the
    complex file's. Budgets are of automatic orders for one Korean day of delivery, null for none: the energy that they
    ask for in all, and the won that those to buy may come to. Until `paused_until` no interval is bid for.
    """

    mode: Literal["automatic", "off"]
    buy_share: Share | None = None
    sell_share: Share | None = None
    wh_per_day_max: QuantityWh | None = Field(default=None, alias="kwh_per_day_max")
    krw_per_day_max: Whole | None = None
    paused_until: UtcInstant | None = None
