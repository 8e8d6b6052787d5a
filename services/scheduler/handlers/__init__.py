"""What the scheduler does on events and as time passes."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from services.scheduler.handlers.facts import SchedulerHandlers
from services.scheduler.handlers.ordering import WRITER
from services.scheduler.handlers.rounds import Solvers, next_due, on_time
from shared.complex.complexes import Complexes
from shared.events.base import Event
from shared.runtime.handlers import handlers_of
from shared.runtime.runloop import Service


def service(complexes: Complexes) -> Service:
    """Return the scheduler of some complexes."""
    solvers = Solvers()
    solvers.warm_up(complexes)

    def tick(now: datetime, db: Connection) -> Sequence[Event]:
        events: list[Event] = []
        for complex_ in complexes.values():
            events += on_time(now, db, complex_, solvers)
        return events

    def due(now: datetime, db: Connection) -> datetime | None:
        return min((next_due(now, db, complex_) for complex_ in complexes.values()), default=None)

    handlers = handlers_of(SchedulerHandlers(complexes))
    return Service(name=WRITER, complexes=complexes, handlers=handlers, tick=tick, next_due=due)
