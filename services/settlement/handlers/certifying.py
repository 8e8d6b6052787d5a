"""Certify settled intervals, a few at a time: when they are settled, and again when a reading says otherwise."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy.engine import Connection

from optimizers.certificates.certification import (
    Batteries,
    CertifiableInterval,
    CertificateBooks,
    Certification,
    certify,
)
from optimizers.certificates.storage import Draw, Storage, allowed
from services.settlement.handlers.settling import note_afterwards
from services.settlement.store.certificates import (
    certificates_done,
    due_certificates,
    is_certified,
    load_books,
    load_contents,
    load_sites,
    lot_draws,
    next_revision,
    note_certificates_due,
    roofs_heard,
    save_certification,
)
from services.settlement.store.facts import is_settled, load_trades, lock
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.events.base import Event
from shared.events.records import CertificateLine, CertificateSlice
from shared.events.settlement import CertificatesSettled
from shared.intervals import INTERVAL
from shared.units import WH_PER_KWH

logger = logging.getLogger(__name__)

# So many fit well into the time between two batches of messages, even of a thousand participants.
CERTIFICATIONS_A_TICK = 8
# How long an interval waits for a solar meter that says nothing; what it says later is certified by difference.
WAIT = 4 * INTERVAL
# Lines and slices of a message, with the longest names far inside what a message may hold.
ROWS_A_PART: Final = 800


def note_certifiable(complex_: Complex, delivery_start: datetime, db: Connection) -> None:
    """Let a settled interval be certified if its roofs have spoken, or certified again; see after one that waited."""
    complex_id = complex_.complex_id
    if not is_settled(db, complex_id, delivery_start):
        return
    roofs = sum(len(participant.pv) for participant in complex_.participants)
    if roofs_heard(db, complex_id, delivery_start) >= roofs or is_certified(db, complex_id, delivery_start):
        note_certificates_due(db, complex_id, delivery_start)
    waited = delivery_start - WAIT
    if is_settled(db, complex_id, waited) and not is_certified(db, complex_id, waited):
        note_certificates_due(db, complex_id, waited)


def on_tick(complexes: Complexes, now: datetime, db: Connection) -> list[Event]:
    """Certify some of the intervals that are due."""
    told: list[Event] = []
    for complex_id, delivery_start in due_certificates(db, CERTIFICATIONS_A_TICK):
        certificates_done(db, complex_id, delivery_start)
        if complex_id in complexes:
            lock(db, complex_id)
            told += _certify(complexes.at(complex_id, delivery_start), delivery_start, now, db)
    return told


def _certify(complex_: Complex, delivery_start: datetime, now: datetime, db: Connection) -> list[Event]:
    """Certify an interval, then each later one whose battery drew on a lot that shrank by that."""
    told: list[Event] = []
    storages = _storages(complex_)
    waiting: dict[datetime, dict[str, dict[datetime, Draw]]] = {delivery_start: {}}
    while waiting:
        start = min(waiting)
        limits = waiting.pop(start)
        again = is_certified(db, complex_.complex_id, start)
        before = load_books(db, complex_.complex_id, start) if again else CertificateBooks()
        if not before.records.keys() <= storages.keys():
            facts = {"complex_id": complex_.complex_id, "delivery_start": start.isoformat()}
            logger.warning("certificates stay: a battery of theirs has left the complex", extra=facts)
            continue
        interval = CertifiableInterval(
            delivery_start=start,
            sites=load_sites(db, complex_.complex_id, start),
            trades=load_trades(db, complex_.complex_id, start),
        )
        batteries = Batteries(
            storages=storages,
            contents=load_contents(db, complex_.complex_id, interval.moved | before.records.keys()),
        )
        certification = certify(interval, batteries, before, limits)
        if certification.is_empty and again:
            continue
        told += _save(complex_, start, certification, now, db)
        for device_id in before.records:
            taken = lot_draws(db, complex_.complex_id, device_id, start)
            for later, kept in allowed(certification.lots[device_id], taken).items():
                waiting.setdefault(later, {}).setdefault(device_id, {})[start] = kept
    return told


def _storages(complex_: Complex) -> dict[str, Storage]:
    return {
        ess.device_id: Storage(
            device_id=ess.device_id,
            efficiency_ppm=round(ess.charge_efficiency * ess.discharge_efficiency * 1_000_000),
            capacity_wh=round(ess.capacity_kwh * ess.discharge_efficiency * WH_PER_KWH),
            opening_wh=round(ess.soc_initial * ess.capacity_kwh * ess.discharge_efficiency * WH_PER_KWH),
        )
        for participant in complex_.participants
        for ess in participant.ess
    }


def _save(
    complex_: Complex, start: datetime, certification: Certification, now: datetime, db: Connection
) -> list[Event]:
    complex_id = complex_.complex_id
    revision = next_revision(db, complex_id, start)
    number, digest = save_certification(db, complex_id, start, certification, revision=revision, at=now)
    changed = certification.changed
    note_afterwards(complex_id, changed.lines.keys(), start, db)
    logger.info(
        "interval certified",
        extra={
            "complex_id": complex_id,
            "delivery_start": start.isoformat(),
            "revision": revision,
            "issued_wh": sum(bundle.range_end - bundle.range_start + 1 for bundle in certification.bundles),
        },
    )
    lines = list(changed.lines.values())
    slices = _slices(complex_, changed.slices)
    parts = max(1, -(-(len(lines) + len(slices)) // ROWS_A_PART))
    return [
        CertificatesSettled(
            complex_id=complex_id,
            delivery_start=start,
            certified_at=now,
            revision=revision,
            number=number,
            hash=digest,
            part=part,
            parts=parts,
            lines=tuple(_dealt(lines, (part - 1) * ROWS_A_PART)),
            slices=tuple(_dealt(slices, (part - 1) * ROWS_A_PART - len(lines))),
        )
        for part in range(1, parts + 1)
    ]


def _dealt(rows: Sequence[CertificateLine | CertificateSlice], first: int) -> Sequence[object]:
    return rows[max(first, 0) : max(first + ROWS_A_PART, 0)]


def _slices(complex_: Complex, changed: Mapping[str, Sequence[CertificateSlice]]) -> list[CertificateSlice]:
    storages = _storages(complex_)
    return [
        part if part.charged_at is None else replace(part, storage_efficiency_ppm=storages[device_id].efficiency_ppm)
        for device_id, slices in changed.items()
        for part in slices
    ]
