"""Versions of the calendar, and the participants' own limits."""

from datetime import datetime

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Connection

from optimizers.orders.book_order import ParticipantLimits
from optimizers.orders.rules import OrderRules
from services.market.store.tables import CALENDAR, LIMITS

# A version as a row keeps it: its number, and the calendar with the names and units of the events.
RULES_JSON = TypeAdapter(OrderRules)


def newest_version(db: Connection, complex_id: str) -> tuple[int, datetime | None]:
    """Return the newest version's number and from when it holds; (0, None): there is only the complex file's own."""
    versions = sa.select(CALENDAR.c.version, CALENDAR.c.effective_from).where(CALENDAR.c.complex_id == complex_id)
    row = db.execute(versions.order_by(CALENDAR.c.version.desc()).limit(1)).one_or_none()
    return (0, None) if row is None else (row.version, row.effective_from)


def save_version(db: Connection, complex_id: str, rules: OrderRules, *, requested_at: datetime, operator: str) -> None:
    """Add a version of the calendar."""
    db.execute(
        sa.insert(CALENDAR).values(
            complex_id=complex_id,
            version=rules.version,
            effective_from=rules.calendar.effective_from,
            rules=RULES_JSON.dump_python(rules, mode="json"),
            requested_at=requested_at,
            operator=operator,
        )
    )


def rules_in(column: object) -> OrderRules | None:
    """Return the version that a row's `rules` hold; None where there is no row."""
    return None if column is None else RULES_JSON.validate_python(column)


def save_limits(
    db: Connection, complex_id: str, participant_id: str, limits: ParticipantLimits, *, changed_at: datetime
) -> None:
    """Limit a participant from an instant on; the last word about one instant counts."""
    place = {"complex_id": complex_id, "participant_id": participant_id, "changed_at": changed_at}
    db.execute(sa.delete(LIMITS).where(*(LIMITS.c[name] == given for name, given in place.items())))
    own = {"open_orders_max": limits.open_orders_max, "credit_krw_max": limits.credit_krw_max}
    db.execute(sa.insert(LIMITS).values(**place, **own))
