"""Certificates: which intervals are due, what they are made of, and what is in the books of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.certificates.certification import CertificateBooks, Certification, DeviceEnergy, MeteredSite
from optimizers.certificates.ranges import Bundle
from optimizers.certificates.storage import Content, Draw, Lot, StorageRecord
from services.settlement.store.certificate_tables import (
    BUNDLE_RECORD,
    CERTIFICATE_BUNDLE,
    CERTIFICATE_DUE,
    CERTIFICATE_LINE,
    CERTIFICATE_SLICE,
    CERTIFICATION,
    CHARGE_RECORD,
    DRAW_RECORD,
    LINE_RECORD,
    SLICE_RECORD,
    STORAGE_CONTENT,
    STORAGE_DRAW,
    STORAGE_RECORD,
)
from services.settlement.store.tables import READING
from shared.db.bulk import insert_rows
from shared.db.hashchain import link_hash
from shared.events.fems import Quality
from shared.events.records import CertificateLine, CertificateSlice


def note_certificates_due(db: Connection, complex_id: str, delivery_start: datetime) -> None:
    """Remember that an interval has to be certified, or again. The complex must be locked."""
    place = {"complex_id": complex_id, "delivery_start": delivery_start}
    if not _has(db, CERTIFICATE_DUE, complex_id, delivery_start):
        db.execute(sa.insert(CERTIFICATE_DUE).values(**place))


def due_certificates(db: Connection, limit: int) -> Sequence[sa.Row[str, datetime]]:
    """Return complex and interval of what is due, the earliest interval first."""
    due = CERTIFICATE_DUE.c
    ordered = sa.select(due.complex_id, due.delivery_start).order_by(due.delivery_start, due.complex_id)
    return db.execute(ordered.limit(limit)).all()


def certificates_done(db: Connection, complex_id: str, delivery_start: datetime) -> None:
    """Forget that an interval is due."""
    db.execute(sa.delete(CERTIFICATE_DUE).where(*_of_interval(CERTIFICATE_DUE, complex_id, delivery_start)))


def is_certified(db: Connection, complex_id: str, delivery_start: datetime) -> bool:
    """Say whether an interval is in the books of certificates."""
    return _has(db, CERTIFICATION, complex_id, delivery_start)


def roofs_heard(db: Connection, complex_id: str, delivery_start: datetime) -> int:
    """Count the solar meters that have said something of an interval."""
    of_roofs = (*_of_interval(READING, complex_id, delivery_start), READING.c.meter_kind == "pv")
    return db.scalar(sa.select(sa.func.count()).select_from(READING).where(*of_roofs)) or 0


def load_sites(db: Connection, complex_id: str, delivery_start: datetime) -> list[MeteredSite]:
    """Return each participant's interval at all of its meters, as it is known now."""
    names = ("participant_id", "meter_kind", "meter_id", "import_wh", "export_wh", "quality")
    query = sa.select(*(READING.c[name] for name in names))
    by_kind: defaultdict[str, defaultdict[str, list[DeviceEnergy]]] = defaultdict(lambda: defaultdict(list))
    for participant_id, kind, meter_id, import_wh, export_wh, quality in db.execute(
        query.where(*_of_interval(READING, complex_id, delivery_start))
    ):
        energy = DeviceEnergy(
            device_id=meter_id, import_wh=import_wh, export_wh=export_wh, is_measured=not Quality(quality).is_guess
        )
        by_kind[participant_id][kind].append(energy)
    return [
        MeteredSite(
            participant_id=participant_id,
            import_wh=sum(one.import_wh for one in found["grid"]),
            export_wh=sum(one.export_wh for one in found["grid"]),
            roofs=tuple(found["pv"]),
            batteries=tuple(found["ess"]),
        )
        for participant_id, found in sorted(by_kind.items())
    ]


def load_books(db: Connection, complex_id: str, delivery_start: datetime) -> CertificateBooks:
    """Return what is in the books of an interval: of each device and participant the newest revision."""
    slices: dict[str, tuple[int, list[CertificateSlice]]] = {}
    for row in _newest_first(db, CERTIFICATE_SLICE, complex_id, delivery_start, "range_start"):
        part = SLICE_RECORD.record(row)
        newest, parts = slices.setdefault(row["device_id"], (row["revision"], []))
        if row["revision"] == newest:
            parts.append(part)
    draws: defaultdict[tuple[str, int], list[Draw]] = defaultdict(list)
    for row in _newest_first(db, STORAGE_DRAW, complex_id, delivery_start, "charged_at"):
        key = (row["device_id"], row["revision"])
        draws[key].append(DRAW_RECORD.record(row))
    records: dict[str, StorageRecord] = {}
    for row in _newest_first(db, STORAGE_RECORD, complex_id, delivery_start):
        if row["device_id"] not in records:
            taken = tuple(draws[row["device_id"], row["revision"]])
            records[row["device_id"]] = CHARGE_RECORD.record(row, draws=taken)
    lines: dict[str, CertificateLine] = {}
    for row in _newest_first(db, CERTIFICATE_LINE, complex_id, delivery_start):
        if row["participant_id"] not in lines:
            lines[row["participant_id"]] = LINE_RECORD.record(row)
    return CertificateBooks(
        slices={device_id: tuple(parts) for device_id, (_, parts) in slices.items()}, records=records, lines=lines
    )


def _newest_first(
    db: Connection, table: sa.Table, complex_id: str, delivery_start: datetime, *then: str
) -> Iterable[Mapping[str, Any]]:
    query = sa.select(table).where(*_of_interval(table, complex_id, delivery_start))
    ordered = query.order_by(table.c.revision.desc(), *(table.c[name] for name in then))
    return (dict(row) for row in db.execute(ordered).mappings())


def load_contents(db: Connection, complex_id: str, device_ids: Iterable[str]) -> dict[str, Content]:
    """Return what is left in batteries; those that the books do not know are left out."""
    column = STORAGE_CONTENT.c
    query = sa.select(column.device_id, column.lots).where(column.complex_id == complex_id)
    rows = db.execute(query.where(column.device_id.in_(sorted(device_ids)))).all()
    return {
        device_id: tuple(Lot(datetime.fromtimestamp(at, UTC), certified, grey) for at, certified, grey in lots)
        for device_id, lots in rows
    }


def lot_draws(db: Connection, complex_id: str, device_id: str, charged_at: datetime) -> dict[datetime, Draw]:
    """Return what was taken of a battery's lot, by the interval of the discharge."""
    draw, record = STORAGE_DRAW.c, STORAGE_RECORD.c
    newest = (
        sa.select(sa.func.max(record.revision))
        .where(
            record.complex_id == draw.complex_id,
            record.device_id == draw.device_id,
            record.delivery_start == draw.delivery_start,
        )
        .scalar_subquery()
    )
    of_lot = (draw.complex_id == complex_id, draw.device_id == device_id, draw.charged_at == charged_at)
    query = sa.select(draw.delivery_start, draw.certified_wh, draw.grey_wh).where(*of_lot, draw.revision == newest)
    return {row.delivery_start: Draw(charged_at, row.certified_wh, row.grey_wh) for row in db.execute(query)}


def next_revision(db: Connection, complex_id: str, delivery_start: datetime) -> int:
    """Return the number of an interval's next certification, from 0."""
    query = sa.select(sa.func.max(CERTIFICATION.c.revision))
    last = db.scalar(query.where(*_of_interval(CERTIFICATION, complex_id, delivery_start)))
    return 0 if last is None else last + 1


def save_certification(
    db: Connection,
    complex_id: str,
    delivery_start: datetime,
    certification: Certification,
    *,
    revision: int,
    at: datetime,
) -> tuple[int, str]:
    """Add a certification to the books; return its number and hash in the chain. The complex must be locked."""
    place = {"complex_id": complex_id, "delivery_start": delivery_start}
    changed = certification.changed
    rows = {
        CERTIFICATE_BUNDLE: [
            BUNDLE_RECORD.row(bundle, previous_end=_previous_end(bundle)) for bundle in certification.bundles
        ],
        CERTIFICATE_SLICE: [
            SLICE_RECORD.row(one, previous_end=_previous_end(one))
            for slices in changed.slices.values()
            for one in slices
        ],
        CERTIFICATE_LINE: [LINE_RECORD.row(line) for line in changed.lines.values()],
        STORAGE_RECORD: [CHARGE_RECORD.row(record) for record in changed.records.values()],
        STORAGE_DRAW: [
            DRAW_RECORD.row(draw, device_id=record.device_id)
            for record in changed.records.values()
            for draw in record.draws
        ],
    }
    number, previous_hash = certification_head(db, complex_id) or (0, "")
    link = {
        "delivery_start": delivery_start,
        "revision": revision,
        "number": number + 1,
        "previous_hash": previous_hash,
    }
    digest = link_hash({**link, "rows": {table.name: in_order(written) for table, written in rows.items()}})
    row = {"complex_id": complex_id, **link, "certified_at": at, "hash": digest}
    db.execute(sa.insert(CERTIFICATION).values(**row))
    for table, written in rows.items():
        insert_rows(db, table, [{**place, "revision": revision, **one} for one in written])
    _save_contents(db, complex_id, certification.contents)
    return number + 1, digest


def in_order(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return a certification's rows of one table as its hash takes them."""
    return sorted(
        rows,
        key=lambda row: (
            str(row.get("device_id", row.get("participant_id"))),
            row.get("range_start", 0),
            str(row.get("charged_at")),
        ),
    )


def _previous_end(part: Bundle | CertificateSlice) -> int | None:
    return part.range_start - 1 or None


def certification_head(db: Connection, complex_id: str) -> tuple[int, str] | None:
    """Return the number and hash of the chain's last link; None while there is none."""
    links = sa.select(CERTIFICATION.c.number, CERTIFICATION.c.hash).where(CERTIFICATION.c.complex_id == complex_id)
    last = db.execute(links.order_by(CERTIFICATION.c.number.desc()).limit(1)).one_or_none()
    return None if last is None else (last.number, last.hash)


def _save_contents(db: Connection, complex_id: str, contents: Mapping[str, Content]) -> None:
    known = set(db.scalars(sa.select(STORAGE_CONTENT.c.device_id).where(STORAGE_CONTENT.c.complex_id == complex_id)))
    written = {
        device_id: [[int(lot.charged_at.timestamp()), lot.certified_wh, lot.grey_wh] for lot in content]
        for device_id, content in contents.items()
    }
    fresh = [{"complex_id": complex_id, "device_id": one, "lots": written[one]} for one in written if one not in known]
    if fresh:
        db.execute(sa.insert(STORAGE_CONTENT), fresh)
    changed = [{"of_complex": complex_id, "of_device": one, "lots": written[one]} for one in written if one in known]
    if changed:
        of_device = (
            STORAGE_CONTENT.c.complex_id == sa.bindparam("of_complex"),
            STORAGE_CONTENT.c.device_id == sa.bindparam("of_device"),
        )
        db.execute(sa.update(STORAGE_CONTENT).where(*of_device).values(lots=sa.bindparam("lots")), changed)


def certified_sums(
    db: Connection, complex_id: str, participant_id: str, first: datetime, end: datetime
) -> tuple[int, int]:
    """Return what of a participant's consumption in [first, end) is certified, and the consumption, both in Wh."""
    line = CERTIFICATE_LINE.c
    newest = (
        sa.select(line.delivery_start, sa.func.max(line.revision).label("revision"))
        .where(line.complex_id == complex_id, line.participant_id == participant_id)
        .where(line.delivery_start >= first, line.delivery_start < end)
        .group_by(line.delivery_start)
        .subquery()
    )
    is_newest = (line.delivery_start == newest.c.delivery_start) & (line.revision == newest.c.revision)
    sums = sa.select(
        sa.func.coalesce(sa.func.sum(line.claimed_wh), 0), sa.func.coalesce(sa.func.sum(line.consumption_wh), 0)
    ).select_from(CERTIFICATE_LINE.join(newest, is_newest))
    claimed_wh, consumption_wh = db.execute(
        sums.where(line.complex_id == complex_id, line.participant_id == participant_id)
    ).one()
    return int(claimed_wh), int(consumption_wh)


def _of_interval(table: sa.Table, complex_id: str, delivery_start: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.complex_id == complex_id, table.c.delivery_start == delivery_start)


def _has(db: Connection, table: sa.Table, complex_id: str, delivery_start: datetime) -> bool:
    where = _of_interval(table, complex_id, delivery_start)
    return db.scalar(sa.select(table.c.complex_id).where(*where).limit(1)) is not None
