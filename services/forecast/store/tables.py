"""The tables of the forecast service, beside those of `shared.metering.history`."""

import sqlalchemy as sa

from shared.db.tables import UtcInstant, new_metadata
from shared.metering import history

METADATA = new_metadata()

history.add_table(METADATA)

ISSUES = sa.Table(
    "issues",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("issued_for", UtcInstant, nullable=False),
    # The newest interval whose forecasts were held against what came.
    sa.Column("scored_through", UtcInstant),
)
# What was forecast: P10, P50 and P90 of 96 intervals for the sites named beside, as bytes (3 x 96 x sites, float32).
ISSUED = sa.Table(
    "issued",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("issue", UtcInstant, primary_key=True),
    sa.Column("sites", sa.JSON, nullable=False),
    sa.Column("quantiles_kw", sa.LargeBinary, nullable=False),
)
# Sums of a Korean day, as `domain.accuracy.running_sums` makes them, for the sites named beside and all together.
TALLY = sa.Table(
    "tally",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("trading_day", sa.Date, primary_key=True),
    sa.Column("sites", sa.JSON, nullable=False),
    sa.Column("sums", sa.JSON, nullable=False),
)
# What was known of the weather at an instant: `used` says whose rows these are, `passed_over` why not others' as well.
# A row is valid_start, valid_end, available_at (seconds since 1970), variable, value, in the order of `domain.weather`.
WEATHER = sa.Table(
    "weather",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("fetched_at", UtcInstant, primary_key=True),
    sa.Column("used", sa.JSON, nullable=False),
    sa.Column("passed_over", sa.JSON, nullable=False),
    sa.Column("rows", sa.JSON, nullable=False),
)

# Models that were learned: how each did on the days held back, and what serves (one a kind, or none: the season does).
MODELS = sa.Table(
    "models",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("model_id", sa.Text, primary_key=True),
    sa.Column("learned_from", UtcInstant, nullable=False),
    sa.Column("learned_until", UtcInstant, nullable=False),
    # Its ranges were set by its errors up to here.
    sa.Column("ranged_until", UtcInstant, nullable=False),
    # How it did; infinite losses and what was not tried are null.
    sa.Column("losses", sa.JSON, nullable=False),
    sa.Column("sites", sa.JSON, nullable=False),
    sa.Column("inputs", sa.Text, nullable=False),
    sa.Column("is_serving", sa.Boolean, nullable=False),
    # Of a serving one, what `domain.learning.selection` makes it of, compressed.
    sa.Column("body", sa.LargeBinary),
)
# What factories stated of their consumption: every version, as it was known from its own instant on.
LOAD_PLANS = sa.Table(
    "load_plans",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("participant_id", sa.Text, primary_key=True),
    sa.Column("plan_id", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("begin", UtcInstant, nullable=False),
    sa.Column("end", UtcInstant, nullable=False),
    sa.Column("expected_w", sa.BigInteger),
    sa.Column("stated_at", UtcInstant, nullable=False),
    sa.Column("is_withdrawn", sa.Boolean, nullable=False),
)
# The newest Korean day on whose models was judged.
JUDGED = sa.Table(
    "judged",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("trading_day", sa.Date, nullable=False),
)
