"""Versions of the calendar, and the participants' own limits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.market.domain import Limits
from services.market.store.tables import CALENDAR, LIMITS


def newest_version(db: Connection, complex_id: str) -> tuple[int, datetime | None]:
    """Return the newest version's number and from when it holds; (0, None): there is only the complex file's own."""
    versions = sa.select(CALENDAR.c.version, CALENDAR.c.effective_from).where(CALENDAR.c.complex_id == complex_id)
    found = db.execute(versions.order_by(CALENDAR.c.version.desc()).limit(1)).one_or_none()
    return (0, None) if found is None else (found.version, found.effective_from)


def save_version(db: Connection, complex_id: str, rules: Mapping[str, object], **request: Any) -> None:
    """Add a version of the calendar: its rules, and `effective_from`, `requested_at`, `operator`."""
    db.execute(
        sa.insert(CALENDAR).values(complex_id=complex_id, version=rules["version"], rules=dict(rules), **request)
    )


def save_limits(db: Connection, complex_id: str, participant_id: str, limits: Limits, *, changed_at: datetime) -> None:
    """Limit a participant from an instant on; the last word about one instant counts."""
    place = {"complex_id": complex_id, "participant_id": participant_id, "changed_at": changed_at}
    db.execute(sa.delete(LIMITS).where(*(LIMITS.c[name] == given for name, given in place.items())))
    own = {"open_orders_max": limits.open_orders_max, "credit_krw_max": limits.credit_krw_max}
    db.execute(sa.insert(LIMITS).values(**place, **own))
