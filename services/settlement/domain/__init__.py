"""Settlement's calculations: intervals in money, ledger entries, statements, certificates. Pure."""

from services.settlement.domain.certificate_ranges import Bundle
from services.settlement.domain.certificate_storage import Content, Draw, Lot, Storage, StorageRecord, allowed
from services.settlement.domain.certification import (
    Batteries,
    Books,
    Certification,
    DeviceEnergy,
    Interval,
    MeteredSite,
    certify,
)
from services.settlement.domain.imbalance import imbalance_prices
from services.settlement.domain.interval import (
    Metered,
    Prices,
    SettledTrade,
    Settlement,
    resettle_interval,
    settle_interval,
)
from services.settlement.domain.invoices import Invoice, Month, closing_entry, consumed_wh, invoice_of
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
    "Certification",
    "Content",
    "DeviceEnergy",
    "Draw",
    "Entry",
    "Interval",
    "Invoice",
    "Kind",
    "Lot",
    "Metered",
    "MeteredSite",
    "Month",
    "Posting",
    "Prices",
    "SettledTrade",
    "Settlement",
    "Statement",
    "Storage",
    "StorageRecord",
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
