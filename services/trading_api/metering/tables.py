"""The tables of readings and devices."""

import sqlalchemy as sa

from services.trading_api.db.metadata import flags, instant, table, text, whole
from shared.db.records import RecordColumns
from shared.events.fems import DeviceObserved, IntervalMetered
from shared.events.settlement import ReadingIgnored

READING = table(
    "reading",
    "meter_id delivery_start@",
    *text("participant_id", "meter_kind", "quality"),
    *whole("import_wh", "export_wh"),
    flags(),
    sa.Column("reading_version", sa.BigInteger, nullable=False, server_default="1"),
    sa.Index("reading_by_delivery", "complex_id", "delivery_start"),
)
READING_RECORD = RecordColumns(READING, IntervalMetered, beside="")
DEVICE = table(
    "device",
    "device_id",
    *text("participant_id", "meter_kind"),
    *instant("observed_at"),
    *whole("import_w", "export_w", "soc_wh?", "capacity_wh?", "soh_permille?"),
    sa.Column("reachable", sa.Boolean, nullable=False),
    flags(),
    # When it last answered; `observed_at` is when it was last asked.
    *instant("heard_at?"),
)
DEVICE_RECORD = RecordColumns(DEVICE, DeviceObserved, beside="heard_at")
IGNORED_READING = table("ignored_reading", "event_id", *text("meter_id", "reason"), *instant("delivery_start"))
IGNORED_READING_RECORD = RecordColumns(IGNORED_READING, ReadingIgnored, beside="event_id")
