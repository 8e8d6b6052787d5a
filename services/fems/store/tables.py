"""The gateway's own tables."""

import sqlalchemy as sa

from shared.db.tables import UtcInstant, new_metadata

METADATA = new_metadata()

METER = sa.Table(
    "meter",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("meter_id", sa.Text, primary_key=True),
    # All intervals before this one were fetched from its memory; of a meter without memory, when it was first known.
    sa.Column("next_start", UtcInstant, nullable=False),
    # All intervals before this one are published, if only as estimates.
    sa.Column("complete_to", UtcInstant, nullable=False),
)

READING = sa.Table(
    "reading",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("meter_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("participant_id", sa.Text, nullable=False),
    sa.Column("meter_kind", sa.Text, nullable=False),
    sa.Column("import_wh", sa.BigInteger, nullable=False),
    sa.Column("export_wh", sa.BigInteger, nullable=False),
    sa.Column("quality", sa.Text, nullable=False),
    sa.Column("flags", sa.JSON, nullable=False),
    sa.Column("reading_version", sa.Integer, nullable=False),
)

# How far counting has come for meters that remember no intervals themselves.
COUNTING = sa.Table(
    "counting",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("meter_id", sa.Text, primary_key=True),
    sa.Column("state", sa.JSON, nullable=False),
)

# Intervals of which something was published that the work behind publishing (`gateway/sum_checks.py`) has not seen yet.
CHANGED = sa.Table(
    "changed",
    METADATA,
    sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("complex_id", sa.Text, nullable=False),
    sa.Column("delivery_start", UtcInstant, nullable=False),
)

MINUTE = sa.Table(
    "minute",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("start", UtcInstant, primary_key=True),
    sa.Column("meter_id", sa.Text, primary_key=True),
    sa.Column("import_wh", sa.BigInteger, nullable=False),
    sa.Column("export_wh", sa.BigInteger, nullable=False),
    sa.Column("quality", sa.Text, nullable=False),
)

# Korean days whose readings the archive does not have yet, or not as they are now.
UNARCHIVED = sa.Table(
    "unarchived",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
)

SETPOINT = sa.Table(
    "setpoint",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("setpoint_id", sa.Text, primary_key=True),
    sa.Column("device_id", sa.Text, nullable=False),
    sa.Column("participant_id", sa.Text, nullable=False),
    sa.Column("delivery_start", UtcInstant, nullable=False),
    sa.Column("expires_at", UtcInstant, nullable=False),
    sa.Column("issued_at", UtcInstant, nullable=False),
    sa.Column("setpoint_w", sa.BigInteger, nullable=False),
    sa.Column("charge_w_max", sa.BigInteger, nullable=False),
    sa.Column("discharge_w_max", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Index("setpoint_by_status", "status", "complex_id"),
    sa.Index("setpoint_by_interval", "complex_id", "device_id", "delivery_start"),
)
