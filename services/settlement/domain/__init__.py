"""Settlement's calculations: intervals in money, ledger entries, statements, certificates. Pure."""

from services.settlement.domain.certificate_ranges import Bundle, Slice
from services.settlement.domain.certificate_storage import Content, Draw, Lot, Storage, StorageRecord, allowed
from services.settlement.domain.certification import (
    Batteries,
    Books,
    CertificateLine,
    Certification,
    DeviceEnergy,
    Interval,
    MeteredSite,
    certify,
)
from services.settlement.domain.imbalance import imbalance_prices
from services.settlement.domain.interval import (
    Line,
    Metered,
    Prices,
    Settlement,
    Trade,
    resettle_interval,
    settle_interval,
)
from services.settlement.domain.invoices import Invoice, InvoiceLine, Month, closing_entry, consumed_wh, invoice_of
from services.settlement.domain.ledger import (
    GRID,
    IMBALANCE_SPREAD,
    WHEELING_FEES,
    Entry,
    Kind,
    Posting,
    participant_account,
)
from services.settlement.domain.losses import losses_wh
from services.settlement.domain.statements import Statement

__all__ = [
    "GRID",
    "IMBALANCE_SPREAD",
    "WHEELING_FEES",
    "Batteries",
    "Books",
    "Bundle",
    "CertificateLine",
    "Certification",
    "Content",
    "DeviceEnergy",
    "Draw",
    "Entry",
    "Interval",
    "Invoice",
    "InvoiceLine",
    "Kind",
    "Line",
    "Lot",
    "Metered",
    "MeteredSite",
    "Month",
    "Posting",
    "Prices",
    "Settlement",
    "Slice",
    "Statement",
    "Storage",
    "StorageRecord",
    "Trade",
    "allowed",
    "certify",
    "closing_entry",
    "consumed_wh",
    "imbalance_prices",
    "invoice_of",
    "losses_wh",
    "participant_account",
    "resettle_interval",
    "settle_interval",
]
