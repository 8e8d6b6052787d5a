"""How intervals reach the bus: each once, and again as the next version where a later word differs."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from services.fems import store
from services.fems.domain.interval_numbers import start_of
from services.fems.domain.metering.counting import Closed, Flag
from services.fems.gateway.outbox import emit
from shared.complex.model import Device
from shared.events.fems import READING_VERSION_MAX, IntervalMetered, Quality

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Metered:
    """A meter's energy in one interval, how it was come by, and what validation found."""

    number: int
    import_wh: int
    export_wh: int
    quality: Quality
    flags: frozenset[Flag] = frozenset()


def metered_from(closed: Closed) -> Metered:
    """Return an interval that was counted."""
    quality = Quality.ESTIMATED if closed.guessed else Quality.MEASURED
    return Metered(closed.number, closed.import_wh, closed.export_wh, quality, closed.flags)


def publish(db: Connection, complex_id: str, device: Device, found: Sequence[Metered], *, now: datetime) -> None:
    """Publish a meter's intervals that were not published before, or not so; a guess never replaces a measurement."""
    starts = [start_of(one.number) for one in found]
    known = store.published_readings(db, complex_id, device.device_id, starts)
    fresh: dict[datetime, IntervalMetered] = {}
    for start, one in zip(starts, found, strict=True):
        before = fresh.get(start) or known.get(start)
        version = 1 if before is None else min(before.reading_version + 1, READING_VERSION_MAX)
        event = event_of(complex_id, device, one, version=version)
        if before is not None and not _says_more(before, event):
            continue
        if before is not None:
            facts = {"complex_id": complex_id, "meter_id": device.device_id, "delivery_start": start.isoformat()}
            logger.warning("reading corrected", extra=facts | {"reading_version": event.reading_version})
        fresh[start] = event
        emit(db, [(event, _name(event))], now=now)
    store.save_readings(db, fresh.values())
    store.note_changed(db, complex_id, fresh)


def flag(db: Connection, event: IntervalMetered, flags: frozenset[Flag], *, now: datetime) -> None:
    """Publish an interval again with other flags, unless it has them."""
    told = tuple(sorted(flags))
    if told == event.flags or event.reading_version >= READING_VERSION_MAX:
        return
    again = event.model_copy(update={"flags": told, "reading_version": event.reading_version + 1})
    emit(db, [(again, _name(again))], now=now)
    store.save_readings(db, [again])


def event_of(complex_id: str, device: Device, metered: Metered, *, version: int = 1) -> IntervalMetered:
    """Return the event of a meter's interval."""
    return IntervalMetered(
        complex_id=complex_id,
        meter_id=device.device_id,
        participant_id=device.participant_id,
        meter_kind=device.kind,
        delivery_start=start_of(metered.number),
        import_wh=metered.import_wh,
        export_wh=metered.export_wh,
        quality=metered.quality,
        flags=tuple(sorted(metered.flags)),
        reading_version=version,
    )


def _says_more(before: IntervalMetered, after: IntervalMetered) -> bool:
    if not after.supersedes(before):
        return False
    if before.reading_version >= READING_VERSION_MAX:
        return False
    same = (before.import_wh, before.export_wh) == (after.import_wh, after.export_wh)
    return not same or (before.quality.is_guess and not after.quality.is_guess)


def _name(event: IntervalMetered) -> tuple[object, ...]:
    name = (event.meter_id, event.delivery_start.isoformat())
    return name if event.reading_version == 1 else (*name, event.reading_version)
