"""The tables of granular certificates."""

import sqlalchemy as sa

from services.trading_api.db.metadata import instant, table, text, whole
from shared.db.records import RecordColumns
from shared.events.records import CertificateLine, CertificateSlice

# A range of a device's certificates of an interval; of a device's ranges all have its newest revision.
CERTIFICATE = table(
    "certificate",
    "delivery_start@ device_id",
    sa.Column("range_start", sa.BigInteger, primary_key=True, autoincrement=False),
    *whole("range_end", "revision", "storage_efficiency_ppm?"),
    *text("producer_id", "account_id", "purpose", "trade_id?", "battery_id?", "hash"),
    *instant("charged_at?"),
    sa.Index("certificate_by_producer", "complex_id", "producer_id", "delivery_start"),
    sa.Index("certificate_by_account", "complex_id", "account_id", "delivery_start"),
)
CERTIFICATE_RECORD = RecordColumns(CERTIFICATE, CertificateSlice, beside="complex_id delivery_start revision hash")
CERTIFIED_LINE = table(
    "certified_line",
    "delivery_start@ participant_id",
    *whole("revision", "consumption_wh", "issued_wh", "reissued_wh", "received_wh", "passed_on_wh", "claimed_wh"),
    *whole("stored_wh", "withdrawn_wh", "location_wh", "market_wh"),
)
CERTIFIED_LINE_RECORD = RecordColumns(CERTIFIED_LINE, CertificateLine, beside="complex_id delivery_start revision")
# The links of the certificates' chain as they were published, for the audit.
CERTIFICATION_LINK = table(
    "certification_link", "", sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False), *text("hash")
)
