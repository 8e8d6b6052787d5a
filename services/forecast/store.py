"""What the forecast service keeps: readings to learn from (`shared.history`), its forecasts, how good they were."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from shared import history
from shared.db.tables import UtcInstant, new_metadata

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
# Sums of a Korean day, as `domain.accuracy.tally` makes them, for the sites named beside and all together.
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
    # Of a serving one, what `domain.fleet` makes it of, compressed.
    sa.Column("body", sa.LargeBinary),
)
# The newest Korean day on whose models was judged.
JUDGED = sa.Table(
    "judged",
    METADATA,
    sa.Column("complex_id", sa.Text, primary_key=True),
    sa.Column("trading_day", sa.Date, nullable=False),
)

Floats = NDArray[np.float64]
QUANTILES, STEPS = 3, 96


def last_issue(db: Connection, complex_id: str) -> datetime | None:
    """Return the interval for which a complex's forecasts were issued last."""
    return db.scalar(sa.select(ISSUES.c.issued_for).where(ISSUES.c.complex_id == complex_id))


def save_issue(db: Connection, complex_id: str, issued_for: datetime) -> None:
    """Remember for which interval a complex's forecasts were issued."""
    changed = db.execute(sa.update(ISSUES).where(ISSUES.c.complex_id == complex_id).values(issued_for=issued_for))
    if changed.rowcount == 0:
        db.execute(sa.insert(ISSUES).values(complex_id=complex_id, issued_for=issued_for))


def scored_through(db: Connection, complex_id: str) -> datetime | None:
    """Return the newest interval whose forecasts were scored; None before the first."""
    return db.scalar(sa.select(ISSUES.c.scored_through).where(ISSUES.c.complex_id == complex_id))


def save_scored_through(db: Connection, complex_id: str, delivery_start: datetime) -> None:
    """Remember the newest interval whose forecasts were scored."""
    db.execute(sa.update(ISSUES).where(ISSUES.c.complex_id == complex_id).values(scored_through=delivery_start))


def save_issued(
    db: Connection, complex_id: str, kind: str, issue: datetime, sites: Sequence[str], quantiles_kw: Floats
) -> None:
    """Keep an issue's P10, P50 and P90, (3 x 96 x sites)."""
    body = quantiles_kw.astype(np.float32).tobytes()
    identity = {"complex_id": complex_id, "kind": kind, "issue": issue}
    db.execute(sa.insert(ISSUED).values(**identity, sites=list(sites), quantiles_kw=body))


def load_issued(
    db: Connection, complex_id: str, kind: str, first: datetime, last: datetime, sites: Sequence[str]
) -> list[tuple[datetime, Floats]]:
    """Return the issues of [first, last] that were for just these sites, the oldest first."""
    query = sa.select(ISSUED).where(
        ISSUED.c.complex_id == complex_id, ISSUED.c.kind == kind, ISSUED.c.issue >= first, ISSUED.c.issue <= last
    )
    shape = (QUANTILES, STEPS, len(sites))
    return [
        (row.issue, np.frombuffer(row.quantiles_kw, dtype=np.float32).reshape(shape).astype(np.float64))
        for row in db.execute(query.order_by(ISSUED.c.issue))
        if row.sites == list(sites)
    ]


def drop_issued_before(db: Connection, complex_id: str, instant: datetime) -> None:
    """Forget forecasts whose intervals are all scored."""
    db.execute(sa.delete(ISSUED).where(ISSUED.c.complex_id == complex_id, ISSUED.c.issue < instant))


def load_tallies(db: Connection, complex_id: str, kind: str, first: date, sites: Sequence[str]) -> dict[date, Floats]:
    """Return the sums of the days from `first` on that are of just these sites."""
    query = sa.select(TALLY).where(TALLY.c.complex_id == complex_id, TALLY.c.kind == kind, TALLY.c.trading_day >= first)
    return {row.trading_day: np.array(row.sums) for row in db.execute(query) if row.sites == list(sites)}


def save_tally(db: Connection, complex_id: str, kind: str, day: date, sites: Sequence[str], sums: Floats) -> None:
    """Replace a day's sums."""
    identity = (TALLY.c.complex_id == complex_id, TALLY.c.kind == kind, TALLY.c.trading_day == day)
    facts = {"sites": list(sites), "sums": sums.tolist()}
    if db.execute(sa.update(TALLY).where(*identity).values(**facts)).rowcount == 0:
        db.execute(sa.insert(TALLY).values(complex_id=complex_id, kind=kind, trading_day=day, **facts))


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A learned model's entry in the registry; the fields are those of its table."""

    model_id: str
    learned_from: datetime
    learned_until: datetime
    ranged_until: datetime
    losses: dict[str, float | None]
    sites: tuple[str, ...]
    inputs: str


def serving_model(db: Connection, complex_id: str, kind: str) -> ModelRow | None:
    """Return the model that serves; None where none does."""
    names = [MODELS.c[field.name] for field in fields(ModelRow)]
    row = db.execute(sa.select(*names).where(*_of(complex_id, kind), MODELS.c.is_serving)).one_or_none()
    return None if row is None else ModelRow(**{**row._asdict(), "sites": tuple(row.sites)})


def model_body(db: Connection, complex_id: str, kind: str, model_id: str) -> dict[str, Any] | None:
    """Return what a model is made of; None where it no longer serves."""
    body = db.scalar(sa.select(MODELS.c.body).where(*_of(complex_id, kind), MODELS.c.model_id == model_id))
    return None if body is None else json.loads(zlib.decompress(body))


def add_model(db: Connection, complex_id: str, kind: str, model: ModelRow) -> None:
    """Enter a model that does not serve; one of the same id is replaced."""
    db.execute(sa.delete(MODELS).where(*_of(complex_id, kind), MODELS.c.model_id == model.model_id))
    facts = {**asdict(model), "sites": list(model.sites)}
    db.execute(sa.insert(MODELS).values(complex_id=complex_id, kind=kind, is_serving=False, **facts))


def serve_none(db: Connection, complex_id: str, kind: str) -> None:
    """Let no model serve."""
    db.execute(sa.update(MODELS).where(*_of(complex_id, kind), MODELS.c.is_serving).values(is_serving=False, body=None))


def serve_model(
    db: Connection, complex_id: str, kind: str, model_id: str, body: dict[str, Any], ranged_until: datetime
) -> None:
    """Let an entered model serve instead of another."""
    serve_none(db, complex_id, kind)
    facts = {"body": zlib.compress(json.dumps(body).encode()), "ranged_until": ranged_until}
    it = (*_of(complex_id, kind), MODELS.c.model_id == model_id)
    db.execute(sa.update(MODELS).where(*it).values(is_serving=True, **facts))


def drop_models_before(db: Connection, complex_id: str, instant: datetime) -> None:
    """Forget old models that do not serve."""
    old = (MODELS.c.complex_id == complex_id, MODELS.c.learned_until < instant, ~MODELS.c.is_serving)
    db.execute(sa.delete(MODELS).where(*old))


def judged_day(db: Connection, complex_id: str) -> date | None:
    """Return the newest day on whose models was judged."""
    return db.scalar(sa.select(JUDGED.c.trading_day).where(JUDGED.c.complex_id == complex_id))


def save_judged_day(db: Connection, complex_id: str, day: date) -> None:
    """Remember it."""
    changed = db.execute(sa.update(JUDGED).where(JUDGED.c.complex_id == complex_id).values(trading_day=day))
    if changed.rowcount == 0:
        db.execute(sa.insert(JUDGED).values(complex_id=complex_id, trading_day=day))


def _of(complex_id: str, kind: str) -> tuple[sa.ColumnElement[bool], ...]:
    return MODELS.c.complex_id == complex_id, MODELS.c.kind == kind


def save_weather(
    db: Connection,
    complex_id: str,
    fetched_at: datetime,
    frame: pd.DataFrame,
    used: Sequence[str],
    passed_over: Sequence[tuple[str, str]],
) -> None:
    """Keep what was known of the weather at an instant, whose it is, and why the others do not serve."""
    spans = (frame[name].dt.to_pydatetime() for name in ("valid_start", "valid_end", "available_at"))
    seconds = ([one.timestamp() for one in column] for column in spans)
    rows = list(zip(*seconds, frame["variable"].tolist(), frame["value"].tolist(), strict=True))
    identity = {"complex_id": complex_id, "fetched_at": fetched_at}
    db.execute(sa.delete(WEATHER).where(WEATHER.c.complex_id == complex_id, WEATHER.c.fetched_at == fetched_at))
    facts = {"used": list(used), "passed_over": [list(one) for one in passed_over], "rows": rows}
    db.execute(sa.insert(WEATHER).values(**identity, **facts))


def load_weather(
    db: Connection, complex_id: str, *, after: datetime, until: datetime, without: Sequence[str]
) -> tuple[pd.DataFrame, tuple[str, ...]] | None:
    """Return the newest weather that was fetched in (after, until], and whose it is; None where there is none.

    Answers that have no source but those of `without` do not count.
    """
    query = sa.select(WEATHER.c.fetched_at, WEATHER.c.used).where(
        WEATHER.c.complex_id == complex_id, WEATHER.c.fetched_at > after, WEATHER.c.fetched_at <= until
    )
    for found in db.execute(query.order_by(WEATHER.c.fetched_at.desc())).all():
        if set(found.used) <= set(without):
            continue
        this = (WEATHER.c.complex_id == complex_id, WEATHER.c.fetched_at == found.fetched_at)
        rows = db.execute(sa.select(WEATHER.c.rows).where(*this)).scalar_one()
        frame = pd.DataFrame(rows, columns=["valid_start", "valid_end", "available_at", "variable", "value"])
        for name in ("valid_start", "valid_end", "available_at"):
            frame[name] = pd.to_datetime(frame[name], unit="s", utc=True)
        return frame, tuple(found.used)
    return None


def drop_weather_before(db: Connection, complex_id: str, instant: datetime) -> None:
    """Forget weather that no forecast will look at again."""
    db.execute(sa.delete(WEATHER).where(WEATHER.c.complex_id == complex_id, WEATHER.c.fetched_at < instant))
