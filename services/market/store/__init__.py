"""The market's own tables, and what is loaded from and saved to them."""

from services.market.store.auctions import Held, Record, load_auction, save_auction
from services.market.store.calendar import newest_version, save_limits, save_version
from services.market.store.orders import (
    Arrival,
    amended_through,
    earliest_order,
    is_answered,
    load_arrival,
    load_book,
    load_order,
    rules_at,
    save_amendment,
    save_cancel,
    save_early_cancel,
    save_order,
    save_rejection,
)
from services.market.store.progress import (
    alarmed_through,
    cleared_through,
    end_halt,
    halt_at,
    load_seals,
    open_halt,
    save_alarm,
    save_cleared_through,
    save_halt,
    save_seal,
)
from services.market.store.state import state_sha256
from services.market.store.tables import METADATA

__all__ = [
    "METADATA",
    "Arrival",
    "Held",
    "Record",
    "alarmed_through",
    "amended_through",
    "cleared_through",
    "earliest_order",
    "end_halt",
    "halt_at",
    "is_answered",
    "load_arrival",
    "load_auction",
    "load_book",
    "load_order",
    "load_seals",
    "newest_version",
    "open_halt",
    "rules_at",
    "save_alarm",
    "save_amendment",
    "save_auction",
    "save_cancel",
    "save_cleared_through",
    "save_early_cancel",
    "save_halt",
    "save_limits",
    "save_order",
    "save_rejection",
    "save_seal",
    "save_version",
    "state_sha256",
]
