"""What the service does on events and as time passes."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.engine import Connection

from services.trading_api.handlers.certificates import CertificateHandlers
from services.trading_api.handlers.day_ahead import DayAheadHandlers
from services.trading_api.handlers.entry import SERVICE
from services.trading_api.handlers.facts import FactHandlers
from services.trading_api.handlers.market import MarketHandlers
from services.trading_api.store.logs import prune_stream
from services.trading_api.store.pruning import Keep, prune
from shared.complex.model import Complexes
from shared.db import order_writer
from shared.events.base import Event
from shared.runtime.handlers import handlers_of
from shared.runtime.runloop import Service


def service(
    complexes: Complexes, *, after_batch: Callable[[], None] = lambda: None, keep: Keep | None = None
) -> Service:
    """Return the read model and the order writer's seals; `after_batch` is called when a batch has been committed."""
    kept = keep or Keep()

    def tick(now: datetime, db: Connection) -> list[Event]:
        after_batch()
        seals: list[Event] = []
        for one in complexes.values():
            lead = one.market.gate_closure_lead
            fresh = order_writer.seal_due(db, one.complex_id, writer=SERVICE, lead=lead, now=now)
            if fresh:
                prune_stream(db, one.complex_id)
                prune(db, one.complex_id, kept, now=now)
            seals += fresh
        return seals

    return Service(
        name=SERVICE,
        complexes=complexes,
        handlers=handlers_of(
            FactHandlers(), MarketHandlers(complexes), DayAheadHandlers(complexes), CertificateHandlers()
        ),
        tick=tick,
    )
