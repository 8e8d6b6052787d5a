"""Uniform-price call auctions on a radial network: exact, deterministic, with a proof of each answer."""

from optimizers.clearing.auction import clear, clear_book
from optimizers.clearing.block_book import Block, BlockFill, DayClearing, Rejected
from optimizers.clearing.blocks import clear_day
from optimizers.clearing.book import (
    PRICE_JEON_PER_KWH_MAX,
    QUANTITY_WH_MAX,
    Allocation,
    Book,
    BookFill,
    Clearing,
    Feeder,
    FeederOutcome,
    FeederResult,
    Order,
)
from optimizers.clearing.certificate import certificate, order_book_sha256
from optimizers.clearing.check import WrongAnswer, check
from optimizers.clearing.pairing import PairedTrade, pair_trades
from optimizers.clearing.why import fill_reasons

__all__ = [
    "PRICE_JEON_PER_KWH_MAX",
    "QUANTITY_WH_MAX",
    "Allocation",
    "Block",
    "BlockFill",
    "Book",
    "BookFill",
    "Clearing",
    "DayClearing",
    "Feeder",
    "FeederOutcome",
    "FeederResult",
    "Order",
    "PairedTrade",
    "Rejected",
    "WrongAnswer",
    "certificate",
    "check",
    "clear",
    "clear_book",
    "clear_day",
    "fill_reasons",
    "order_book_sha256",
    "pair_trades",
]
