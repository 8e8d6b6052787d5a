"""The scheduler's own tables."""

import sqlalchemy as sa

from shared.db import order_writer
from shared.db.tables import UtcInstant, new_metadata

METADATA = new_metadata()
order_writer.add_tables(METADATA)

FORECAST = sa.Table(
    "forecast",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("site_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, nullable=False),
    sa.Column("first_delivery_start", UtcInstant, nullable=False),
    sa.Column("p50_kw", sa.JSON, nullable=False),
    # Null in forecasts of before they were kept.
    sa.Column("p10_kw", sa.JSON(none_as_null=True)),
    sa.Column("p90_kw", sa.JSON(none_as_null=True)),
)

ESS_STATE = sa.Table(
    "ess_state",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("observed_at", UtcInstant, nullable=False),
    sa.Column("soc_wh", sa.BigInteger, nullable=False),
    sa.Column("charge_w", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("discharge_w", sa.BigInteger, nullable=False, server_default="0"),
)

PEAK = sa.Table(
    "peak",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("interval_wh", sa.BigInteger, nullable=False),
)

POSITION = sa.Table(
    "position",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
    sa.Column("bought_wh", sa.BigInteger, nullable=False),
    sa.Column("sold_wh", sa.BigInteger, nullable=False),
)

SETPOINT = sa.Table(
    "setpoint",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("setpoint_w", sa.BigInteger, nullable=False),
    sa.Column("alarmed", sa.Boolean, nullable=False, server_default=sa.false()),
)

PROGRESS = sa.Table(
    "progress",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("cleared_through", UtcInstant),
    sa.Column("dispatched_through", UtcInstant),
    sa.Column("bid_through", UtcInstant),
    sa.Column("is_halted", sa.Boolean, nullable=False, server_default=sa.false()),
)

# The versions of the market calendar that operators asked for.
CALENDAR = sa.Table(
    "calendar",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("effective_from", UtcInstant, nullable=False),
    sa.Column("calendar", sa.JSON, nullable=False),
)

# The participants that may not trade now.
SUSPENDED = sa.Table(
    "suspended",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
)

# Orders for intervals' own auctions that count in what is still to be ordered: people's, and the automatic ones.
ORDER = sa.Table(
    "known_order",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, nullable=False),
    sa.Column("delivery_start", UtcInstant, nullable=False),
    # Null where the order ended before it came: its topics are several.
    sa.Column("side", sa.Text),
    # What it stands for: asked for while it is open, filled when it is over.
    sa.Column("quantity_wh", sa.BigInteger, nullable=False),
    sa.Column("is_automatic", sa.Boolean, nullable=False),
    sa.Column("is_open", sa.Boolean, nullable=False),
    sa.Index("known_order_by_delivery", "complex_id", "delivery_start"),
)

# What automatic orders are made of: an interval that its turn came for, once for each participant.
NEED = sa.Table(
    "need",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("delivery_start", UtcInstant, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
    sa.Column("net_kw", sa.Float, nullable=False),
    sa.Column("import_jeon", sa.BigInteger, nullable=False),
    sa.Column("export_jeon", sa.BigInteger, nullable=False),
    sa.Column("value_jeon", sa.BigInteger),
    # Whether something changed since what is ordered for it was looked at.
    sa.Column("is_due", sa.Boolean, nullable=False),
    # How often it was ordered for, and what the last time: [side, price, quantity], null for nothing.
    sa.Column("orders", sa.BigInteger, nullable=False),
    sa.Column("asked", sa.JSON(none_as_null=True)),
    sa.Index("need_by_due", "complex_id", "is_due"),
)

# The newest word on each participant's bidding, where it is not the complex file's.
BIDDING = sa.Table(
    "bidding",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("stated", sa.JSON, nullable=False),
)
