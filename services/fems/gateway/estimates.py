"""Stand-ins for meters that stay silent, so that settlement need not wait for ever; corrected when a meter answers."""

import logging
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection, Engine

from services.fems import store
from services.fems.domain.interval_numbers import number_of, start_of
from services.fems.domain.metering.counting import Flag
from services.fems.gateway.publishing import Metered, publish
from shared.complex.model import Complex, Device
from shared.events.fems import Quality
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, INTERVALS_PER_WEEK

logger = logging.getLogger(__name__)

# The same hour of the same weekday says most about a factory, the day before comes next.
LIKE_BEFORE = (INTERVALS_PER_WEEK, INTERVALS_PER_DAY)
INTERVALS_AT_ONCE = INTERVALS_PER_DAY


class Estimates:
    """Publishes what a complex's silent meters have probably measured, once they were silent for long enough."""

    def __init__(self, complex_: Complex, engine: Engine, *, after: timedelta) -> None:
        self._complex = complex_
        self._engine = engine
        self._after = after
        self._done = 0

    def publish_due(self, now: datetime) -> None:
        """Publish stand-ins for all that is overdue; asks the database once an interval."""
        overdue = number_of(now - self._after)
        if overdue == self._done:
            return
        with self._engine.begin() as db:
            newest = store.newest_starts(db, self._complex.complex_id)
            for device in self._complex.field_devices:
                if device.device_id in newest:
                    self._publish(db, device, number_of(newest[device.device_id]) + 1, overdue, now)
        self._done = overdue

    def _publish(self, db: Connection, device: Device, first: int, overdue: int, now: datetime) -> None:
        numbers = range(first, min(overdue, first + INTERVALS_AT_ONCE))
        if not numbers:
            return
        complex_id, meter_id = self._complex.complex_id, device.device_id
        found: list[Metered] = []
        for number in numbers:
            likes = [start_of(number) - before * INTERVAL for before in LIKE_BEFORE]
            known = store.published_readings(db, complex_id, meter_id, likes)
            like = next((known[start] for start in likes if start in known), None)
            quality = Quality.MISSING if like is None or like.quality is Quality.MISSING else Quality.ESTIMATED
            flows = (0, 0) if like is None else (like.import_wh, like.export_wh)
            found.append(Metered(number, *flows, quality, frozenset({Flag.GAP})))
        facts = {"complex_id": complex_id, "meter_id": meter_id, "first_start": start_of(first).isoformat()}
        logger.error("meter stays silent; estimated", extra=facts | {"intervals": len(found)})
        publish(db, complex_id, device, found, now=now)
