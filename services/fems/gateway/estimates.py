"""Stand-ins for meters that stay silent, so that settlement need not wait for ever; corrected when a meter answers."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

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
    """Publishes what a complex's silent meters have probably measured, once they were silent for long enough.

    Silence counts from when the gateway first knew of a meter, whether it was ever read or not.
    """

    def __init__(
        self,
        complex_: Complex,
        engine: Engine,
        *,
        after: timedelta,
        reasons: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Keep what is needed; `reasons` says at any time why a meter was not read, where that is known."""
        self._complex = complex_
        self._engine = engine
        self._after = after
        self._reasons = reasons
        self._done = 0

    def publish_due(self, now: datetime) -> None:
        """Publish stand-ins for what is overdue, a day's at a time; when all is, asks the database once an interval."""
        overdue = number_of(now - self._after)
        if overdue == self._done:
            return
        with self._engine.begin() as db:
            complete = store.complete_starts(db, self._complex.complex_id)
            firsts = {meter_id: number_of(start) for meter_id, start in complete.items()}
            begin = min(firsts.values(), default=overdue)
            end = min(overdue, begin + INTERVALS_AT_ONCE)
            told = store.readings_between(db, self._complex.complex_id, start_of(begin), start_of(max(begin, end)))
            published = {(one.meter_id, number_of(one.start)) for one in told}
            for device in self._complex.field_devices:
                meter_id = device.device_id
                silent = range(firsts.get(meter_id, end), end)
                missing = [number for number in silent if (meter_id, number) not in published]
                self._publish(db, device, missing, now)
            store.complete_meters(db, self._complex.complex_id, start_of(end))
        if end == overdue:
            self._done = overdue

    def _publish(self, db: Connection, device: Device, numbers: Sequence[int], now: datetime) -> None:
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
        facts = {"complex_id": complex_id, "meter_id": meter_id, "first_start": start_of(numbers[0]).isoformat()}
        reason = self._reasons.get(meter_id, "it answers, but no interval could be made of what it says")
        logger.error("meter stays silent; estimated", extra=facts | {"intervals": len(found), "reason": reason})
        publish(db, complex_id, device, found, now=now)
