"""The market's rules: who may be in a book, when a book is complete, and what its auction gives."""

from services.market.domain.admission import Rejection, Standing, Withdrawal, admit, may_fill_up, may_leave
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
from services.market.domain.calendar import refusal_of
from services.market.domain.day_ahead import BlockResult, DayAhead, DayAheadInterval, hold_day_ahead
from services.market.domain.seals import DueAuction, HeldUp, Seal, auctions_due, held_up
from services.market.domain.values import (
    DAY_AHEAD_BLOCKS_MAX,
    DAY_AHEAD_ORDERS_MAX,
    ORDERS_PER_AUCTION_MAX,
    Capacity,
    Limits,
    Order,
    Site,
    Venue,
)

__all__ = [
    "DAY_AHEAD_BLOCKS_MAX",
    "DAY_AHEAD_ORDERS_MAX",
    "ORDERS_PER_AUCTION_MAX",
    "Amendment",
    "Auction",
    "BlockResult",
    "Capacity",
    "DayAhead",
    "DayAheadInterval",
    "DueAuction",
    "HeldUp",
    "Limits",
    "Order",
    "Position",
    "Rejection",
    "Seal",
    "Site",
    "Standing",
    "Terms",
    "Venue",
    "Withdrawal",
    "admit",
    "admit_amendment",
    "amended",
    "auction_id",
    "auctions_due",
    "certificate_sha256",
    "held_up",
    "hold_auction",
    "hold_day_ahead",
    "may_fill_up",
    "may_leave",
    "refusal_of",
    "terms_from",
    "terms_of",
    "terms_record",
    "unknown_order",
]
