"""Settlement's database: what it was told, and the books."""

from services.settlement.store.books import (
    append_entries,
    interval_sums,
    ledger_sum_krw,
    load_lines,
    save_lines,
    save_settled,
    settled_intervals,
    unbalanced_entries,
)
from services.settlement.store.facts import (
    Reading,
    awaits_settlement,
    has_auction,
    is_settled,
    load_corrected,
    load_metered,
    load_reading,
    load_trades,
    lock,
    replace_reading,
    save_auction,
    save_reading,
)
from services.settlement.store.tables import LEDGER_ENTRY, LEDGER_LINE, METADATA, SUPERSEDED_READING

__all__ = [
    "LEDGER_ENTRY",
    "LEDGER_LINE",
    "METADATA",
    "SUPERSEDED_READING",
    "Reading",
    "append_entries",
    "awaits_settlement",
    "has_auction",
    "interval_sums",
    "is_settled",
    "ledger_sum_krw",
    "load_corrected",
    "load_lines",
    "load_metered",
    "load_reading",
    "load_trades",
    "lock",
    "replace_reading",
    "save_auction",
    "save_lines",
    "save_reading",
    "save_settled",
    "settled_intervals",
    "unbalanced_entries",
]
