"""What the gateway keeps: what is published of each meter, how far counting is, set-points and what became of them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Connection

from services.fems.domain.metering.counting import Count
from services.fems.domain.metering.minutes import Minute
from services.fems.domain.metering.rollup import Reading
from services.fems.domain.setpoints import KnownSetpoints, Setpoint
from services.fems.store.tables import (
    CHANGED,
    COUNTING,
    METADATA,
    METER,
    MINUTE,
    READING,
    SETPOINT,
    UNARCHIVED,
)
from shared.db.bulk import insert_rows
from shared.db.tables import UtcInstant
from shared.events.fems import IntervalMetered, MeterKind, Quality

__all__ = ["METADATA"]

_COUNT = TypeAdapter(Count)

# Held: accepted for a converter that acts at once, and written when its interval begins.
PENDING, HELD, CONFIRMED, REFUSED = "pending", "held", "confirmed", "refused"


@dataclass(frozen=True, slots=True)
class Command:
    """A set-point with the converter it is for, and whether it is held until its interval begins."""

    device_id: str
    participant_id: str
    setpoint: Setpoint
    held: bool = False


def known_setpoints(db: Connection, complex_id: str, device_id: str, setpoint: Setpoint) -> KnownSetpoints:
    """Return what was taken in before that bears on a set-point."""
    same_id = sa.select(SETPOINT.c.status).where(
        SETPOINT.c.complex_id == complex_id, SETPOINT.c.setpoint_id == setpoint.setpoint_id
    )
    newest = sa.select(sa.func.max(SETPOINT.c.issued_at, type_=UtcInstant)).where(
        SETPOINT.c.complex_id == complex_id,
        SETPOINT.c.device_id == device_id,
        SETPOINT.c.delivery_start == setpoint.delivery_start,
        SETPOINT.c.status != REFUSED,
    )
    return KnownSetpoints(repeated=db.scalar(same_id) is not None, newest_issued_at=db.scalar(newest))


def save_setpoint(db: Connection, complex_id: str, command: Command, status: str) -> None:
    """Remember a set-point that was not seen before."""
    setpoint = command.setpoint
    row = {
        "complex_id": complex_id,
        "setpoint_id": setpoint.setpoint_id,
        "device_id": command.device_id,
        "participant_id": command.participant_id,
        "delivery_start": setpoint.delivery_start,
        "expires_at": setpoint.expires_at,
        "issued_at": setpoint.issued_at,
        "setpoint_w": setpoint.setpoint_w,
        "charge_w_max": setpoint.charge_w_max,
        "discharge_w_max": setpoint.discharge_w_max,
        "status": status,
    }
    db.execute(sa.insert(SETPOINT).values(row))


def pending_setpoints(db: Connection, complex_id: str) -> list[Command]:
    """Return what has yet to be written to a converter, in the order it was issued."""
    query = sa.select(SETPOINT).where(SETPOINT.c.status.in_([PENDING, HELD]), SETPOINT.c.complex_id == complex_id)
    return [
        Command(
            device_id=row.device_id,
            participant_id=row.participant_id,
            setpoint=Setpoint(
                setpoint_id=row.setpoint_id,
                delivery_start=row.delivery_start,
                expires_at=row.expires_at,
                issued_at=row.issued_at,
                setpoint_w=row.setpoint_w,
                charge_w_max=row.charge_w_max,
                discharge_w_max=row.discharge_w_max,
            ),
            held=row.status == HELD,
        )
        for row in db.execute(query.order_by(SETPOINT.c.issued_at, SETPOINT.c.setpoint_id))
    ]


def move_setpoint(db: Connection, complex_id: str, setpoint_id: str, status: str) -> bool:
    """Mark a set-point as held or done; False where it was done already."""
    done = db.execute(
        sa.update(SETPOINT)
        .where(
            SETPOINT.c.complex_id == complex_id,
            SETPOINT.c.setpoint_id == setpoint_id,
            SETPOINT.c.status.in_([PENDING, HELD]),
        )
        .values(status=status)
    )
    return done.rowcount == 1


def start_meters(db: Connection, complex_id: str, meter_ids: Iterable[str], first_start: datetime) -> None:
    """Begin publishing the meters that were not known before, with the interval that starts at `first_start`.

    A meter that joins others is estimated from where they are complete, as nothing is settled without it any more.
    """
    known = next_starts(db, complex_id)
    complete_to = min([first_start, *complete_starts(db, complex_id).values()])
    rows = [
        {"complex_id": complex_id, "meter_id": meter_id, "next_start": first_start, "complete_to": complete_to}
        for meter_id in meter_ids
        if meter_id not in known
    ]
    if rows:
        db.execute(sa.insert(METER), rows)


def next_starts(db: Connection, complex_id: str) -> Mapping[str, datetime]:
    """Return the next interval to publish, by meter."""
    rows = db.execute(sa.select(METER.c.meter_id, METER.c.next_start).where(METER.c.complex_id == complex_id))
    return {row.meter_id: row.next_start for row in rows}


def complete_starts(db: Connection, complex_id: str) -> Mapping[str, datetime]:
    """Return the first interval that may not be published yet, by meter."""
    rows = db.execute(sa.select(METER.c.meter_id, METER.c.complete_to).where(METER.c.complex_id == complex_id))
    return {row.meter_id: row.complete_to for row in rows}


def complete_meters(db: Connection, complex_id: str, end: datetime) -> None:
    """Remember that of every meter all before an interval is published."""
    behind = (METER.c.complex_id == complex_id, METER.c.complete_to < end)
    db.execute(sa.update(METER).where(*behind).values(complete_to=end))


def advance_meters(db: Connection, complex_id: str, next_by_meter: Mapping[str, datetime]) -> None:
    """Remember that all before these intervals is published."""
    rows = [{"meter": meter_id, "next": next_start} for meter_id, next_start in next_by_meter.items()]
    if rows:
        statement = (
            sa.update(METER)
            .where(METER.c.complex_id == complex_id, METER.c.meter_id == sa.bindparam("meter"))
            .values(next_start=sa.bindparam("next", type_=UtcInstant))
        )
        db.execute(statement, rows)


def published_readings(
    db: Connection, complex_id: str, meter_id: str, starts: Collection[datetime]
) -> Mapping[datetime, IntervalMetered]:
    """Return the newest version of what was published of some of a meter's intervals, by start."""
    if not starts:
        return {}
    rows = db.execute(
        sa.select(READING).where(
            READING.c.complex_id == complex_id,
            READING.c.meter_id == meter_id,
            READING.c.delivery_start.between(min(starts), max(starts)),
        )
    )
    wanted = set(starts)
    return {row.delivery_start: _reading_of(row) for row in rows if row.delivery_start in wanted}


def _reading_of(row: sa.Row[Any]) -> IntervalMetered:
    return IntervalMetered(
        complex_id=row.complex_id,
        meter_id=row.meter_id,
        participant_id=row.participant_id,
        meter_kind=MeterKind(row.meter_kind),
        delivery_start=row.delivery_start,
        import_wh=row.import_wh,
        export_wh=row.export_wh,
        quality=Quality(row.quality),
        flags=tuple(row.flags),
        reading_version=row.reading_version,
    )


def save_readings(db: Connection, events: Iterable[IntervalMetered]) -> None:
    """Keep what is published, over any earlier version."""
    for event in events:
        row = {
            "complex_id": event.complex_id,
            "meter_id": event.meter_id,
            "participant_id": event.participant_id,
            "meter_kind": event.meter_kind.value,
            "delivery_start": event.delivery_start,
            "import_wh": event.import_wh,
            "export_wh": event.export_wh,
            "quality": event.quality.value,
            "flags": list(event.flags),
            "reading_version": event.reading_version,
        }
        same = (
            READING.c.complex_id == event.complex_id,
            READING.c.meter_id == event.meter_id,
            READING.c.delivery_start == event.delivery_start,
        )
        if event.reading_version == 1:
            db.execute(sa.insert(READING).values(row))
        else:
            db.execute(sa.update(READING).where(*same).values(row))


def note_changed(db: Connection, complex_id: str, starts: Iterable[datetime]) -> None:
    """Note intervals of which something was published."""
    insert_rows(db, CHANGED, [{"complex_id": complex_id, "delivery_start": start} for start in starts])


def changed_intervals(db: Connection, complex_id: str, limit: int) -> Mapping[datetime, list[int]]:
    """Return intervals of which something was published, oldest note first, with the positions of their notes."""
    query = sa.select(CHANGED.c.position, CHANGED.c.delivery_start).where(CHANGED.c.complex_id == complex_id)
    found: dict[datetime, list[int]] = {}
    for position, start in db.execute(query.order_by(CHANGED.c.position).limit(limit)):
        found.setdefault(start, []).append(position)
    return found


def forget_changed(db: Connection, positions: Iterable[int]) -> None:
    """Drop notes of what was seen to."""
    db.execute(sa.delete(CHANGED).where(CHANGED.c.position.in_(list(positions))))


def readings_at(db: Connection, complex_id: str, starts: Iterable[datetime]) -> Mapping[datetime, list[Reading]]:
    """Return what is published of some intervals."""
    query = sa.select(READING).where(READING.c.complex_id == complex_id, READING.c.delivery_start.in_(list(starts)))
    found: dict[datetime, list[Reading]] = {}
    for row in db.execute(query):
        one = Reading(row.meter_id, row.delivery_start, row.import_wh, row.export_wh, row.quality)
        found.setdefault(row.delivery_start, []).append(one)
    return found


def readings_between(db: Connection, complex_id: str, start: datetime, end: datetime) -> list[Reading]:
    """Return what is published of the intervals in [start, end), by start and meter."""
    query = sa.select(READING).where(
        READING.c.complex_id == complex_id, READING.c.delivery_start >= start, READING.c.delivery_start < end
    )
    return [
        Reading(row.meter_id, row.delivery_start, row.import_wh, row.export_wh, row.quality)
        for row in db.execute(query.order_by(READING.c.delivery_start, READING.c.meter_id))
    ]


def save_minutes(db: Connection, complex_id: str, minutes: Iterable[tuple[str, Minute]]) -> None:
    """Keep minutes, each with its meter."""
    rows = [
        {
            "complex_id": complex_id,
            "start": one.start,
            "meter_id": meter_id,
            "import_wh": one.import_wh,
            "export_wh": one.export_wh,
            "quality": (Quality.ESTIMATED if one.guessed else Quality.MEASURED).value,
        }
        for meter_id, one in minutes
    ]
    insert_rows(db, MINUTE, rows)


def newest_minute(db: Connection, complex_id: str) -> datetime | None:
    """Return the start of the newest minute that is kept of any meter."""
    newest = sa.func.max(MINUTE.c.start, type_=UtcInstant)
    found: datetime | None = db.scalar(sa.select(newest).where(MINUTE.c.complex_id == complex_id))
    return found


def minutes_between(db: Connection, complex_id: str, start: datetime, end: datetime) -> list[Reading]:
    """Return the minutes in [start, end), by start and meter."""
    query = sa.select(MINUTE).where(MINUTE.c.complex_id == complex_id, MINUTE.c.start >= start, MINUTE.c.start < end)
    return [
        Reading(row.meter_id, row.start, row.import_wh, row.export_wh, row.quality)
        for row in db.execute(query.order_by(MINUTE.c.start, MINUTE.c.meter_id))
    ]


def forget_minutes(db: Connection, complex_id: str, before: datetime) -> None:
    """Drop minutes that started before an instant."""
    db.execute(sa.delete(MINUTE).where(MINUTE.c.complex_id == complex_id, MINUTE.c.start < before))


def note_unarchived(db: Connection, complex_id: str, days: Iterable[date]) -> None:
    """Note days of which the archive has to be written, or written again."""
    fresh = sorted(set(days) - set(unarchived_days(db, complex_id)))
    if fresh:
        db.execute(sa.insert(UNARCHIVED), [{"complex_id": complex_id, "day": day} for day in fresh])


def unarchived_days(db: Connection, complex_id: str) -> list[date]:
    """Return the days of which the archive has to be written, in order."""
    query = sa.select(UNARCHIVED.c.day).where(UNARCHIVED.c.complex_id == complex_id)
    return list(db.scalars(query.order_by(UNARCHIVED.c.day)))


def forget_unarchived(db: Connection, complex_id: str, day: date) -> None:
    """Note that the archive has a day as it is."""
    db.execute(sa.delete(UNARCHIVED).where(UNARCHIVED.c.complex_id == complex_id, UNARCHIVED.c.day == day))


def forget_readings(db: Connection, complex_id: str, before: datetime) -> None:
    """Drop what was published of intervals that started before an instant."""
    db.execute(sa.delete(READING).where(READING.c.complex_id == complex_id, READING.c.delivery_start < before))


def load_counts(db: Connection, complex_id: str) -> dict[str, Count]:
    """Return how far counting has come, by meter."""
    rows = db.execute(sa.select(COUNTING.c.meter_id, COUNTING.c.state).where(COUNTING.c.complex_id == complex_id))
    return {row.meter_id: _COUNT.validate_python(row.state) for row in rows}


def save_counts(db: Connection, complex_id: str, counts: Mapping[str, Count]) -> None:
    """Remember how far counting has come."""
    if not counts:
        return
    known = set(db.scalars(sa.select(COUNTING.c.meter_id).where(COUNTING.c.complex_id == complex_id)))
    for meter_id, count in counts.items():
        row = {"complex_id": complex_id, "meter_id": meter_id, "state": _COUNT.dump_python(count, mode="json")}
        same = (COUNTING.c.complex_id == complex_id, COUNTING.c.meter_id == meter_id)
        db.execute(
            sa.update(COUNTING).where(*same).values(row) if meter_id in known else sa.insert(COUNTING).values(row)
        )
