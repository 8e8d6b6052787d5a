"""Granular certificates in the read model, and what they sum up to."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.certificates.domain import CERTIFIED_ENERGY
from services.trading_api.certificates.tables import CERTIFICATE, CERTIFICATION_LINK, CERTIFIED_LINE
from services.trading_api.db.paging import Listing
from services.trading_api.db.sql import rows_of, upsert
from services.trading_api.text import Row


def keep_certification_link(db: Connection, complex_id: str, number: int, digest: str) -> None:
    """Keep a link of the certificates' chain as it was first published; a later word on it changes nothing."""
    link = CERTIFICATION_LINK.c
    if db.scalar(sa.select(link.number).where(link.complex_id == complex_id, link.number == number)) is None:
        db.execute(sa.insert(CERTIFICATION_LINK).values(complex_id=complex_id, number=number, hash=digest))


def certification_anchors(db: Connection, complex_id: str) -> Mapping[int, str]:
    """Return the hashes of the links of the certificates' chain that settlement has published, by number."""
    link = CERTIFICATION_LINK.c
    known = sa.select(link.number, link.hash).where(link.complex_id == complex_id)
    return {row.number: row.hash for row in db.execute(known)}


SUMMED = (*CERTIFIED_ENERGY, "location_wh", "market_wh")
MICROSECONDS_PER_HOUR = 3_600_000_000


def replace_certificates(db: Connection, rows: Sequence[Row]) -> None:
    """Keep ranges of one interval and revision in the place of all older ones of their devices."""
    if not rows:
        return
    first, column = rows[0], CERTIFICATE.c
    of_devices = column.device_id.in_(sorted({row["device_id"] for row in rows}))
    of_interval = (column.complex_id == first["complex_id"], column.delivery_start == first["delivery_start"])
    if first["revision"] > 0:
        db.execute(sa.delete(CERTIFICATE).where(*of_interval, of_devices, column.revision < first["revision"]))
    upsert(db, CERTIFICATE, rows)


def certificate_list(complex_id: str, *, seen_by: str | None, span: tuple[datetime, datetime] | None = None) -> Listing:
    """List ranges of certificates, the latest interval first; a participant sees what it made and what it held last."""
    column = CERTIFICATE.c
    query = sa.select(CERTIFICATE).where(column.complex_id == complex_id)
    if seen_by is not None:
        query = query.where((column.producer_id == seen_by) | (column.account_id == seen_by))
    if span is not None:
        query = query.where(column.delivery_start >= span[0], column.delivery_start < span[1])
    return Listing("certificates", query, (column.delivery_start, column.device_id, column.range_start))


def matched_between(
    db: Connection, complex_id: str, first: datetime, end: datetime, *, seen_by: str | None
) -> Sequence[RowMapping]:
    """Return the sums of [first, end) by participant, how many intervals are in them, and `matched_hourly_wh`.

    By the hour, what a quarter had left counts for another quarter of the same hour.
    """
    line = CERTIFIED_LINE.c
    hour: sa.ColumnElement[int] = sa.type_coerce(line.delivery_start, sa.BigInteger) // MICROSECONDS_PER_HOUR
    sums: list[sa.ColumnElement[int]] = [sa.func.sum(line[name]).label(name) for name in SUMMED]
    in_span = (line.complex_id == complex_id, line.delivery_start >= first, line.delivery_start < end)
    hours = sa.select(line.participant_id, hour.label("hour"), sa.func.count().label("intervals"), *sums)
    hours = hours.where(*in_span).group_by(line.participant_id, hour)
    if seen_by is not None:
        hours = hours.where(line.participant_id == seen_by)
    by_hour = hours.subquery().c
    held_wh = by_hour.claimed_wh + by_hour.withdrawn_wh
    matched_wh = sa.case((held_wh < by_hour.consumption_wh, held_wh), else_=by_hour.consumption_wh)
    totals: list[sa.ColumnElement[int]] = [sa.func.sum(by_hour[name]).label(name) for name in ("intervals", *SUMMED)]
    query = sa.select(by_hour.participant_id, *totals, sa.func.sum(matched_wh).label("matched_hourly_wh"))
    return rows_of(db, query.group_by(by_hour.participant_id).order_by(by_hour.participant_id))
