"""What follows from published intervals: feeders are held against their factories, and days noted for the archive."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection, Engine

from services.fems import store
from services.fems.domain.metering.counting import Flag
from services.fems.domain.metering.rollup import Reading
from services.fems.domain.metering.sum_checks import PPM, FeederRule, agrees
from services.fems.gateway.publishing import flag
from shared.complex.model import Complex
from shared.db.engine import reading
from shared.events.fems import Quality
from shared.intervals import trading_day_of

logger = logging.getLogger(__name__)

NOTES_AT_ONCE = 2_000
# What was guessed contradicts nothing.


@dataclass(frozen=True, slots=True)
class _Feeder:
    """A feeder's meter with the grid meters behind it."""

    meter_id: str
    behind: frozenset[str]
    rule: FeederRule


class Aftermath:
    """One complex's; sees to every interval again whenever something of it is published."""

    def __init__(self, complex_: Complex, engine: Engine) -> None:
        self._complex_id = complex_.complex_id
        self._engine = engine
        self._feeders = [
            _Feeder(
                feeder.meter.meter_id,
                frozenset(part.grid_meter_id for part in complex_.participants if part.feeder_id == feeder.feeder_id),
                FeederRule(round(feeder.meter.loss * PPM), round(feeder.meter.tolerance * PPM)),
            )
            for feeder in complex_.feeders
            if feeder.meter is not None
        ]

    def see_to(self, now: datetime) -> None:
        """See to what was published since the last time."""
        with reading(self._engine) as db:
            changed = store.changed_intervals(db, self._complex_id, NOTES_AT_ONCE)
        if not changed:
            return
        with self._engine.begin() as db:
            if self._feeders:
                told = store.readings_at(db, self._complex_id, changed)
                for feeder in self._feeders:
                    self._check(db, feeder, told, now)
            store.note_unarchived(db, self._complex_id, map(trading_day_of, changed))
            store.forget_changed(db, [position for positions in changed.values() for position in positions])

    def _check(
        self, db: Connection, feeder: _Feeder, told: Mapping[datetime, Sequence[Reading]], now: datetime
    ) -> None:
        """Flag a feeder's intervals that its factories contradict, and take the flag from those that they do not."""
        published = store.published_readings(db, self._complex_id, feeder.meter_id, told)
        for start, event in sorted(published.items()):
            known = {one.meter_id: one for one in told[start] if not Quality(one.quality).is_guess}
            if feeder.meter_id not in known or not feeder.behind <= known.keys():
                continue
            fine = agrees(known[feeder.meter_id], [known[meter_id] for meter_id in feeder.behind], feeder.rule)
            flags = frozenset(map(Flag, event.flags))
            if not fine and Flag.SUM_CHECK not in flags:
                facts = {"complex_id": self._complex_id, "meter_id": feeder.meter_id}
                logger.warning("factories contradict feeder", extra=facts | {"delivery_start": start.isoformat()})
            flag(db, event, flags - {Flag.SUM_CHECK} if fine else flags | {Flag.SUM_CHECK}, now=now)
