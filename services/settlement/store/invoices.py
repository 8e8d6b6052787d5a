"""Invoices: whose are due, what they are made of, and what was issued."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.settlement.store.tables import INVOICE, INVOICE_DUE, ISSUED_RECORD, READING, IssuedInvoice
from shared.events.fems import Quality
from shared.units import WH_PER_KWH


def note_due(db: Connection, complex_id: str, month: str, participant_ids: Collection[str]) -> None:
    """Remember whose month has to be invoiced, or again. The complex must be locked."""
    due = INVOICE_DUE.c
    of_month = (due.complex_id == complex_id, due.month == month)
    known = set(db.scalars(sa.select(due.participant_id).where(*of_month)))
    place = {"complex_id": complex_id, "month": month}
    rows = [{**place, "participant_id": participant_id} for participant_id in sorted(set(participant_ids) - known)]
    if rows:
        db.execute(sa.insert(INVOICE_DUE), rows)


def due_invoices(db: Connection, limit: int) -> Sequence[sa.Row[str, str, str]]:
    """Return complex, month and participant of invoices that are due, the earliest month first."""
    due = INVOICE_DUE.c
    ordered = sa.select(due.complex_id, due.month, due.participant_id).order_by(
        due.month, due.complex_id, due.participant_id
    )
    return db.execute(ordered.limit(limit)).all()


def done_with(db: Connection, complex_id: str, month: str, participant_id: str) -> None:
    """Forget that an invoice is due."""
    due = INVOICE_DUE.c
    where = (due.complex_id == complex_id, due.month == month, due.participant_id == participant_id)
    db.execute(sa.delete(INVOICE_DUE).where(*where))


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What the meters behind a connection said: net energy given by interval, and which readings are no measurements.

    `solar_readings` counts the readings of inverters, and `solar_wh` sums them.
    """

    given_wh: Mapping[datetime, int]
    estimated: Collection[datetime]
    solar_readings: int
    solar_wh: int


def load_behind(db: Connection, complex_id: str, participant_id: str, first: datetime, end: datetime) -> Behind:
    """Return what stood behind a participant's connection in [first, end)."""
    column = READING.c
    of_period = (column.complex_id == complex_id, column.delivery_start >= first, column.delivery_start < end)
    query = sa.select(column.delivery_start, column.meter_kind, column.import_wh, column.export_wh, column.quality)
    given_wh: dict[datetime, int] = {}
    estimated: set[datetime] = set()
    solar_readings = solar_wh = 0
    for start, kind, import_wh, export_wh, quality in db.execute(
        query.where(*of_period, column.participant_id == participant_id)
    ):
        if Quality(quality).is_guess:
            estimated.add(start)
        if kind != "grid":
            given_wh[start] = given_wh.get(start, 0) + export_wh - import_wh
        if kind == "pv":
            solar_readings += 1
            solar_wh += export_wh
    return Behind(given_wh=given_wh, estimated=estimated, solar_readings=solar_readings, solar_wh=solar_wh)


def last_issued(db: Connection, complex_id: str, month: str, participant_id: str) -> IssuedInvoice | None:
    """Return the newest invoice of a participant's month, or None."""
    of_month = (INVOICE.c.complex_id == complex_id, INVOICE.c.month == month)
    query = sa.select(*ISSUED_RECORD.columns).where(*of_month, INVOICE.c.participant_id == participant_id)
    row = db.execute(query.order_by(INVOICE.c.revision.desc()).limit(1)).one_or_none()
    return None if row is None else ISSUED_RECORD.of(row)


def save_invoice(
    db: Connection,
    complex_id: str,
    participant_id: str,
    issued: IssuedInvoice,
    *,
    issued_at: datetime,
    billable_peak_w: int,
) -> None:
    """Keep an issued invoice."""
    db.execute(
        sa.insert(INVOICE).values(
            complex_id=complex_id,
            month=issued.content["month"],
            participant_id=participant_id,
            revision=issued.revision,
            issued_at=issued_at,
            complete=issued.content["complete"],
            closing_krw=issued.closing_krw,
            closing_entry_id=issued.closing_entry_id,
            billable_peak_w=billable_peak_w,
            content=dict(issued.content),
        )
    )


def invoiced_months(db: Connection, complex_id: str, participant_id: str, after: str) -> Sequence[str]:
    """Return the months after one (YYYY-MM) that a participant was invoiced for."""
    of_participant = (INVOICE.c.complex_id == complex_id, INVOICE.c.participant_id == participant_id)
    query = sa.select(INVOICE.c.month).distinct().where(*of_participant, INVOICE.c.month > after)
    return db.scalars(query.order_by(INVOICE.c.month)).all()


def billed_peaks_kw(db: Connection, complex_id: str, participant_id: str) -> dict[str, Decimal]:
    """Return the billable peak [kW] of each month that was invoiced in full, by its last invoice."""
    of_participant = (INVOICE.c.complex_id == complex_id, INVOICE.c.participant_id == participant_id)
    query = sa.select(INVOICE.c.month, INVOICE.c.billable_peak_w).where(*of_participant, INVOICE.c.complete)
    return {month: Decimal(peak_w) / WH_PER_KWH for month, peak_w in db.execute(query.order_by(INVOICE.c.revision))}
