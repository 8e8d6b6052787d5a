"""What was learned when, how it did on days held back, and which model serves."""

import json
import zlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.forecast.store.tables import JUDGED, MODELS
from shared.db.records import RecordColumns


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


MODEL_RECORD = RecordColumns(MODELS, ModelRow, beside="complex_id kind is_serving body sites", left_out="sites")


def serving_model(db: Connection, complex_id: str, kind: str) -> ModelRow | None:
    """Return the model that serves; None where none does."""
    query = sa.select(*MODEL_RECORD.columns, MODELS.c.sites).where(*_of(complex_id, kind), MODELS.c.is_serving)
    row = db.execute(query).mappings().one_or_none()
    return None if row is None else MODEL_RECORD.record(row, sites=tuple(row["sites"]))


def model_body(db: Connection, complex_id: str, kind: str, model_id: str) -> dict[str, Any] | None:
    """Return what a model is made of; None where it no longer serves."""
    body = db.scalar(sa.select(MODELS.c.body).where(*_of(complex_id, kind), MODELS.c.model_id == model_id))
    return None if body is None else json.loads(zlib.decompress(body))


def add_model(db: Connection, complex_id: str, kind: str, model: ModelRow) -> None:
    """Enter a model that does not serve; one of the same id is replaced."""
    db.execute(sa.delete(MODELS).where(*_of(complex_id, kind), MODELS.c.model_id == model.model_id))
    place = {"complex_id": complex_id, "kind": kind, "is_serving": False, "sites": list(model.sites)}
    db.execute(sa.insert(MODELS).values(MODEL_RECORD.row(model, **place)))


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
