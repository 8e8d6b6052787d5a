"""The audit chain: who did what, each link with the hash of the one before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.trading_api.db.outbox import emit
from services.trading_api.db.sql import rows_of
from services.trading_api.log.heads import advance, head
from services.trading_api.log.tables import AUDIT, LOG_HEAD
from shared.db.hashchain import Flaw, flaws, link_hash
from shared.events.base import derived_id, named_id
from shared.events.commands import DeedRecorded


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What someone did, for the audit chain."""

    key_id: str
    who: str
    role: str
    action: str
    object: str
    result: str


def append_to_audit(db: Connection, complex_id: str, entry: AuditEntry, *, now: datetime) -> int:
    """Add an entry to the complex's chain and return its number; a hash covers its link and the hash before."""
    number = advance(db, complex_id, "audit", 1)
    previous = db.scalar(head(complex_id, "audit", LOG_HEAD.c.last_hash)) or ""
    link = {
        "complex_id": complex_id,
        "number": number,
        "at": now,
        "key_id": entry.key_id,
        "who": entry.who,
        "role": entry.role,
        "action": entry.action,
        "object": entry.object,
        "result": entry.result,
        "previous_hash": previous,
    }
    digest = link_hash(link)
    db.execute(sa.insert(AUDIT).values(**link, hash=digest))
    here = (LOG_HEAD.c.complex_id == complex_id) & (LOG_HEAD.c.log == "audit")
    db.execute(sa.update(LOG_HEAD).where(here).values(last_hash=digest))
    # Who keeps this database could write the chain anew; what was published is kept by others.
    recorded = DeedRecorded(complex_id=complex_id, number=number, hash=digest, recorded_at=now)
    emit(db, recorded, derived_id(named_id("audit link", complex_id, number), 0, recorded.event_type()), now=now)
    return number


def audit_flaws(db: Connection, complex_id: str) -> list[Flaw]:
    """Say where the audit chain does not hold, an end that was cut off included."""
    links = rows_of(db, sa.select(AUDIT).where(AUDIT.c.complex_id == complex_id).order_by(AUDIT.c.number))
    last = db.execute(head(complex_id, "audit", LOG_HEAD.c.last_number, LOG_HEAD.c.last_hash)).one_or_none()
    return flaws(links, None if last is None else (last.last_number, last.last_hash))


def audited_complexes(db: Connection) -> Sequence[str]:
    """Return the complexes that have an audit chain."""
    heads = sa.select(LOG_HEAD.c.complex_id).where(LOG_HEAD.c.log == "audit")
    return db.scalars(heads.union(sa.select(AUDIT.c.complex_id)).order_by("complex_id")).all()


def audit_hashes(db: Connection, complex_id: str) -> dict[int, str]:
    """Return the hashes of the audit chain's links by number."""
    links = sa.select(AUDIT.c.number, AUDIT.c.hash).where(AUDIT.c.complex_id == complex_id)
    return {row.number: row.hash for row in db.execute(links)}
