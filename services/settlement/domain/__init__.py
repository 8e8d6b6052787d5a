"""Settlement's calculations: intervals in money, ledger entries, statements. Pure."""

from services.settlement.domain.interval import (
    Line,
    Metered,
    Prices,
    Settlement,
    Trade,
    resettle_interval,
    settle_interval,
)
from services.settlement.domain.invoices import Invoice, InvoiceLine, Month, closing_entry, invoice_of
from services.settlement.domain.ledger import GRID, WHEELING_FEES, Entry, Kind, Posting, participant_account
from services.settlement.domain.statements import Statement, statement_of

__all__ = [
    "GRID",
    "WHEELING_FEES",
    "Entry",
    "Invoice",
    "InvoiceLine",
    "Kind",
    "Line",
    "Metered",
    "Month",
    "Posting",
    "Prices",
    "Settlement",
    "Statement",
    "Trade",
    "closing_entry",
    "invoice_of",
    "participant_account",
    "resettle_interval",
    "settle_interval",
    "statement_of",
]
