"""The market's rules: who may be in a book, when a book is complete, and what its auction gives."""

from services.market.domain.admission import Rejection, Standing, admit, cancellable
from services.market.domain.auction import Auction, Terms, auction_id, hold_auction, terms_from, terms_of, terms_record
from services.market.domain.seals import DueAuction, HeldUp, Seal, auctions_due, held_up
from services.market.domain.values import ORDERS_PER_AUCTION_MAX, Order, Rules, Side, Site, Venue

__all__ = [
    "ORDERS_PER_AUCTION_MAX",
    "Auction",
    "DueAuction",
    "HeldUp",
    "Order",
    "Rejection",
    "Rules",
    "Seal",
    "Side",
    "Site",
    "Standing",
    "Terms",
    "Venue",
    "admit",
    "auction_id",
    "auctions_due",
    "cancellable",
    "held_up",
    "hold_auction",
    "terms_from",
    "terms_of",
    "terms_record",
]
