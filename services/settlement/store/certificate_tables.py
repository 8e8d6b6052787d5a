"""The certificates' own tables, to which the database only lets add, but for what is still to be done and what is left.

An issued range follows the one before it, and so do the parts that a revision divides a device's range into: as a row's
range begins where its `previous_end` ended, no number can be issued twice, stand in two parts or be left out.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.certificates.ranges import Bundle
from optimizers.certificates.storage import Draw, StorageRecord
from services.settlement.store.tables import METADATA
from shared.db.append_only import keep_append_only
from shared.db.records import RecordColumns
from shared.db.tables import UtcInstant
from shared.events.records import CertificateLine, CertificateSlice


def _key(*names: str) -> list[sa.Column[Any]]:
    """Return the columns of a key after the complex and the interval: text, but for revisions and numbers."""
    place = [("complex_id", sa.Text), ("delivery_start", UtcInstant)]
    rest = [(name, sa.Text if name.endswith("_id") else sa.BigInteger) for name in names]
    return [sa.Column(name, kind, primary_key=True, autoincrement=False) for name, kind in (*place, *rest)]


def _whole(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


# Intervals to certify, or to certify again; the tick works them off.
CERTIFICATE_DUE = sa.Table("certificate_due", METADATA, *_key())

# A certification of an interval; the rows of other tables that it wrote have its revision. The hash covers all of them
# and the hash before: the certificates' chain.
CERTIFICATION = sa.Table(
    "certification",
    METADATA,
    *_key("revision"),
    sa.Column("certified_at", UtcInstant, nullable=False),
    *_whole("number"),
    sa.Column("previous_hash", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.UniqueConstraint("complex_id", "number", name="certification_once_a_number"),
)

# `charged_at` is the charging that a battery's certificates come from.
CERTIFICATE_BUNDLE = sa.Table(
    "certificate_bundle",
    METADATA,
    *_key("device_id", "range_start"),
    *_whole("range_end"),
    sa.Column("previous_end", sa.BigInteger),
    sa.Column("producer_id", sa.Text, nullable=False),
    sa.Column("charged_at", UtcInstant),
    *_whole("revision"),
    sa.UniqueConstraint(
        "complex_id", "delivery_start", "device_id", "range_end", name="certificate_bundle_once_an_end"
    ),
    sa.ForeignKeyConstraint(
        ["complex_id", "delivery_start", "device_id", "previous_end"],
        [f"certificate_bundle.{name}" for name in ("complex_id", "delivery_start", "device_id", "range_end")],
        name="certificate_bundle_follows",
    ),
    sa.CheckConstraint(
        "range_start = COALESCE(previous_end, 0) + 1 AND range_end >= range_start", name="certificate_bundle_is_next"
    ),
)
BUNDLE_RECORD = RecordColumns(CERTIFICATE_BUNDLE, Bundle, beside="complex_id delivery_start previous_end revision")

# A device's range as a revision divides it; the newest revision of the device and interval holds.
CERTIFICATE_SLICE = sa.Table(
    "certificate_slice",
    METADATA,
    *_key("device_id", "revision", "range_start"),
    *_whole("range_end"),
    sa.Column("previous_end", sa.BigInteger),
    sa.Column("producer_id", sa.Text, nullable=False),
    sa.Column("charged_at", UtcInstant),
    sa.Column("account_id", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("trade_id", sa.Text),
    sa.Column("battery_id", sa.Text),
    sa.UniqueConstraint(
        "complex_id", "delivery_start", "device_id", "revision", "range_end", name="certificate_slice_once_an_end"
    ),
    sa.ForeignKeyConstraint(
        ["complex_id", "delivery_start", "device_id", "revision", "previous_end"],
        [
            f"certificate_slice.{name}"
            for name in ("complex_id", "delivery_start", "device_id", "revision", "range_end")
        ],
        name="certificate_slice_follows",
    ),
    sa.CheckConstraint(
        "range_start = COALESCE(previous_end, 0) + 1 AND range_end >= range_start", name="certificate_slice_is_next"
    ),
)
SLICE_RECORD = RecordColumns(
    CERTIFICATE_SLICE,
    CertificateSlice,
    beside="complex_id delivery_start previous_end revision",
    left_out="storage_efficiency_ppm",
)

CERTIFICATE_LINE = sa.Table(
    "certificate_line",
    METADATA,
    *_key("participant_id", "revision"),
    *_whole("consumption_wh", "issued_wh", "reissued_wh", "received_wh", "passed_on_wh", "claimed_wh", "stored_wh"),
    *_whole("withdrawn_wh", "location_wh", "market_wh"),
)
LINE_RECORD = RecordColumns(CERTIFICATE_LINE, CertificateLine, beside="complex_id delivery_start revision")

STORAGE_RECORD = sa.Table(
    "storage_record",
    METADATA,
    *_key("device_id", "revision"),
    *_whole("charged_wh", "certified_wh", "discharged_wh"),
)
CHARGE_RECORD = RecordColumns(
    STORAGE_RECORD, StorageRecord, beside="complex_id delivery_start revision", left_out="draws"
)

STORAGE_DRAW = sa.Table(
    "storage_draw",
    METADATA,
    *_key("device_id", "revision"),
    sa.Column("charged_at", UtcInstant, primary_key=True),
    *_whole("certified_wh", "grey_wh"),
    sa.Index("storage_draw_by_lot", "complex_id", "device_id", "charged_at"),
)
DRAW_RECORD = RecordColumns(STORAGE_DRAW, Draw, beside="complex_id delivery_start device_id revision")

# What is left in a battery, the oldest lot first, as [charged_at (seconds since 1970), certified_wh, grey_wh].
STORAGE_CONTENT = sa.Table(
    "storage_content",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("lots", sa.JSON, nullable=False),
)

APPEND_ONLY = (CERTIFICATION, CERTIFICATE_BUNDLE, CERTIFICATE_SLICE, CERTIFICATE_LINE, STORAGE_RECORD, STORAGE_DRAW)


def _guard_certificates(metadata: sa.MetaData, db: Connection, **_: object) -> None:
    """Make the database refuse changes; the migrations do the same."""
    del metadata
    keep_append_only(db, APPEND_ONLY, function="refuse_certificate_change", reason="certificates are append-only")


sa.event.listen(METADATA, "after_create", _guard_certificates)
