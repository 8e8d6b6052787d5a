"""Forecasts until their intervals are over, and how good they were."""

from collections.abc import Sequence
from datetime import date, datetime

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.forecast.store.tables import ISSUED, ISSUES, TALLY
from shared.arrays import Floats

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
