"""The versions of the market calendar, the participants' own limits and suspensions, as the market said them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from optimizers.orders.rules import OrderRules, rules_in_force
from services.trading_api.db.paging import Listing
from services.trading_api.db.sql import Query, rows_of, upsert
from services.trading_api.rules.tables import CALENDAR, LIMITS, PARTICIPANT_STATE
from services.trading_api.text import Row
from shared.complex.model import Complex
from shared.db.calendars import calendar_at
from shared.events.records import CALENDAR_JSON


def save_version(db: Connection, row: Row) -> None:
    """Keep a version of the calendar."""
    upsert(db, CALENDAR, [row])


def versions(db: Connection, complex_id: str) -> Sequence[tuple[OrderRules, str]]:
    """Return the versions that the market told of, each with who asked for it, the first one first."""
    query = sa.select(CALENDAR).where(CALENDAR.c.complex_id == complex_id).order_by(CALENDAR.c.version)
    return [
        (OrderRules(version=row.version, calendar=CALENDAR_JSON.validate_python(row.calendar)), row.operator)
        for row in db.execute(query)
    ]


def newest_from(db: Connection, complex_id: str) -> datetime | None:
    """Return from when the newest version holds that the market told of; None where it told of none."""
    query = sa.select(CALENDAR.c.effective_from).where(CALENDAR.c.complex_id == complex_id)
    found: datetime | None = db.scalar(query.order_by(CALENDAR.c.version.desc()).limit(1))
    return found


def rules_at(db: Connection, complex_: Complex, instant: datetime) -> OrderRules:
    """Return the calendar that holds at an instant: the complex file's own until the market told of another."""
    return rules_in_force(complex_.market, calendar_at(db, CALENDAR, complex_.complex_id, instant))


def save_limits(db: Connection, row: Row) -> None:
    """Keep what a participant may have open; an older word does not replace a newer one."""
    upsert(db, LIMITS, [row], newer="changed_at")


def limit_list(complex_id: str) -> Listing:
    """List the participants' own limits."""
    return Listing("limits", sa.select(LIMITS).where(LIMITS.c.complex_id == complex_id), (LIMITS.c.participant_id,))


def limits_by_participant(db: Connection, complex_id: str) -> Mapping[str, RowMapping]:
    """Return the participants' own limits."""
    rows = rows_of(db, sa.select(LIMITS).where(LIMITS.c.complex_id == complex_id))
    return {row["participant_id"]: row for row in rows}


def save_participant_state(db: Connection, row: Row) -> None:
    """Keep whether a participant is suspended; the market says so in order."""
    upsert(db, PARTICIPANT_STATE, [row])


def suspensions(db: Connection, complex_id: str) -> Mapping[str, RowMapping]:
    """Return the suspensions in force, by participant."""
    return {row["participant_id"]: row for row in rows_of(db, _suspended(complex_id))}


def suspension(db: Connection, complex_id: str, participant_id: str) -> RowMapping | None:
    """Return a participant's suspension, or None while it may trade."""
    here = {"of_complex": complex_id, "of_participant": participant_id}
    return db.execute(_SUSPENSION, here).mappings().one_or_none()


# Built once: it is asked for each order.
_SUSPENSION = sa.select(PARTICIPANT_STATE).where(
    PARTICIPANT_STATE.c.complex_id == sa.bindparam("of_complex"),
    PARTICIPANT_STATE.c.participant_id == sa.bindparam("of_participant"),
    PARTICIPANT_STATE.c.suspended,
)


def _suspended(complex_id: str) -> Query:
    state = PARTICIPANT_STATE.c
    query = sa.select(PARTICIPANT_STATE).where(state.complex_id == complex_id, state.suspended)
    return query.order_by(state.participant_id)
