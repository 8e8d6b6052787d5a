"""Looking the whole register of certificates through."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.settlement.store.certificate_tables import APPEND_ONLY, CERTIFICATION
from services.settlement.store.certificates import in_order
from shared.db.hashchain import Flaw, flaws

COVERED = tuple(table for table in APPEND_ONLY if table is not CERTIFICATION)
PLACE = ("complex_id", "delivery_start", "revision")


@dataclass(frozen=True, slots=True)
class CertificationLink:
    """A link of the certificates' chain: the interval, and the hash."""

    delivery_start: datetime
    hash: str


def certification_links(db: Connection, complex_id: str) -> dict[int, CertificationLink]:
    """Return the links of a complex's certificates by number."""
    links = sa.select(CERTIFICATION.c.number, CERTIFICATION.c.delivery_start, CERTIFICATION.c.hash)
    rows = db.execute(links.where(CERTIFICATION.c.complex_id == complex_id))
    return {number: CertificationLink(delivery_start, digest) for number, delivery_start, digest in rows}


def certification_flaws(db: Connection, complex_id: str) -> list[Flaw]:
    """Say where the certificates' chain does not hold, or a row belongs to no certification."""
    broken = flaws(_links(db, complex_id))
    for table in COVERED:
        certified = sa.exists().where(*(CERTIFICATION.c[name] == table.c[name] for name in PLACE))
        stray = sa.select(sa.func.count()).where(table.c.complex_id == complex_id, ~certified).select_from(table)
        rows = db.scalar(stray) or 0
        if rows:
            broken.append(Flaw(0, "added", f"{rows} rows of {table.name} belong to no certification"))
    return broken


def _links(db: Connection, complex_id: str) -> Iterator[dict[str, Any]]:
    """Return every link with what its hash covers."""
    names = ("delivery_start", "revision", "number", "previous_hash", "hash")
    links = sa.select(*(CERTIFICATION.c[name] for name in names)).where(CERTIFICATION.c.complex_id == complex_id)
    for link in db.execute(links.order_by(CERTIFICATION.c.number)).mappings().all():
        yield {**link, "rows": {table.name: _rows(db, table, complex_id, link) for table in COVERED}}


def _rows(db: Connection, table: sa.Table, complex_id: str, link: Any) -> list[Any]:
    columns = [column for column in table.c if column.name not in PLACE]
    place = {"complex_id": complex_id, "delivery_start": link["delivery_start"], "revision": link["revision"]}
    query = sa.select(*columns).where(*(table.c[name] == part for name, part in place.items()))
    return in_order([dict(row) for row in db.execute(query).mappings()])
