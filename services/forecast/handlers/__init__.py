"""What the forecast service does: keep readings, issue forecasts, and say how good they were."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from services.forecast.handlers.forecaster import Forecaster
from services.forecast.store.plans import save_plan
from shared.complex.complexes import Complexes
from shared.events.base import Envelope, Event
from shared.events.commands import LoadPlanStated
from shared.events.fems import IntervalMetered, MeterKind
from shared.intervals import INTERVAL, interval_of
from shared.metering import history
from shared.runtime.handlers import Caused, handlers_of
from shared.runtime.runloop import RuleBroken, Service


class ReadingHandlers:
    """Keep readings for the forecasters of their complexes."""

    def __init__(self, forecasters: Mapping[str, Forecaster]) -> None:
        self._forecasters = forecasters

    def on_interval_metered(self, envelopes: Sequence[Envelope[IntervalMetered]], db: Connection) -> Sequence[Caused]:
        """Keep readings for the next issue."""
        kept = [envelope.event for envelope in envelopes if envelope.event.meter_kind is not MeterKind.FEEDER]
        for event in kept:
            if not self._forecasters[event.complex_id].meters.knows(event.meter_id):
                raise RuleBroken(f"meter_id must be a meter of {event.complex_id}, was {event.meter_id}")
        history.save_readings(db, map(history.reading_of, kept))
        for event in kept:
            self._forecasters[event.complex_id].meters.mark_stale(event.delivery_start)
        return []


class PlanHandlers:
    """Keep what factories state of their consumption."""

    def __init__(self, complexes: Complexes) -> None:
        self._complexes = complexes

    def on_load_plan_stated(self, envelope: Envelope[LoadPlanStated], db: Connection) -> Sequence[Event]:
        """Keep a plan's version for the forecasts that are issued from its statement on."""
        event = envelope.event
        if event.plan.participant_id not in self._complexes.at(event.complex_id, envelope.occurred_at).by_participant:
            rule = f"participant_id must be a participant of {event.complex_id}"
            raise RuleBroken(f"{rule}, was {event.plan.participant_id}")
        save_plan(db, event.complex_id, event.plan)
        return []


def next_issue(now: datetime, db: Connection) -> datetime:
    """Return when the next interval begins."""
    del db
    return interval_of(now) + INTERVAL


def service(complexes: Complexes) -> Service:
    """Return the forecast service of a deployment's complexes."""
    forecasters = {complex_id: Forecaster(one) for complex_id, one in complexes.items()}

    def tick(now: datetime, db: Connection) -> Sequence[Event]:
        return [event for forecaster in forecasters.values() for event in forecaster.tick(now, db)]

    handlers = handlers_of(ReadingHandlers(forecasters), PlanHandlers(complexes))
    return Service(name="forecast", complexes=complexes, handlers=handlers, tick=tick, next_due=next_issue)
