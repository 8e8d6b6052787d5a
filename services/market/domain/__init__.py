"""The market's rules: who may be in a book, when a book is complete, and what its auction gives."""

from services.market.domain.admission import Rejection, Standing, admit, cancellable
from services.market.domain.amendment import Amendment, admit_amendment, amended, unknown_order
from services.market.domain.auction import (
    Auction,
    Position,
    Terms,
    auction_id,
    certificate_sha256,
    hold_auction,
    terms_from,
    terms_of,
    terms_record,
)
from services.market.domain.calendar import CalendarChange, refusal_of, rules_from, rules_of, rules_record
from services.market.domain.day_ahead import BlockResult, DayAhead, DayAheadInterval, hold_day_ahead
from services.market.domain.seals import DueAuction, HeldUp, Seal, auctions_due, held_up
from services.market.domain.values import (
    DAY_AHEAD_BLOCKS_MAX,
    DAY_AHEAD_ORDERS_MAX,
    ORDERS_PER_AUCTION_MAX,
    PRICE_JEON_PER_KWH_CAP,
    Limits,
    Order,
    Rules,
    Side,
    Site,
    Venue,
)

__all__ = [
    "DAY_AHEAD_BLOCKS_MAX",
    "DAY_AHEAD_ORDERS_MAX",
    "ORDERS_PER_AUCTION_MAX",
    "PRICE_JEON_PER_KWH_CAP",
    "Amendment",
    "Auction",
    "BlockResult",
    "CalendarChange",
    "DayAhead",
    "DayAheadInterval",
    "DueAuction",
    "HeldUp",
    "Limits",
    "Order",
    "Position",
    "Rejection",
    "Rules",
    "Seal",
    "Side",
    "Site",
    "Standing",
    "Terms",
    "Venue",
    "admit",
    "admit_amendment",
    "amended",
    "auction_id",
    "auctions_due",
    "cancellable",
    "certificate_sha256",
    "held_up",
    "hold_auction",
    "hold_day_ahead",
    "refusal_of",
    "rules_from",
    "rules_of",
    "rules_record",
    "terms_from",
    "terms_of",
    "terms_record",
    "unknown_order",
]
