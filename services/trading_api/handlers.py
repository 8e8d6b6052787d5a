"""What the service does on events and as time passes."""

from datetime import datetime

from sqlalchemy.engine import Connection

from services.trading_api.batteries.handlers import BatteryHandlers
from services.trading_api.billing.handlers import BillingHandlers
from services.trading_api.certificates.handlers import CertificateHandlers
from services.trading_api.db.outbox import SERVICE
from services.trading_api.db.pruning import prune
from services.trading_api.forecasts.handlers import ForecastHandlers
from services.trading_api.log.stream import prune_stream
from services.trading_api.market.handlers import MarketHandlers
from services.trading_api.metering.handlers import MeteringHandlers
from services.trading_api.operation.handlers import OperationHandlers
from services.trading_api.orders.handlers import OrderHandlers
from services.trading_api.pruning import Keep, kept_rows
from services.trading_api.studies.handlers import StudyHandlers
from shared.complex.complexes import Complexes
from shared.db import order_writer
from shared.events.base import Event
from shared.intervals import next_in_interval
from shared.runtime.handlers import handlers_of
from shared.runtime.runloop import Service


def service(complexes: Complexes, *, keep: Keep | None = None) -> Service:
    """Return the read model and the order writer's seals."""
    kept = keep or Keep()

    def tick(now: datetime, db: Connection) -> list[Event]:
        seals: list[Event] = []
        for complex_ in complexes.values():
            lead = complex_.market.gate_closure_lead
            fresh = order_writer.seal_due(db, complex_.complex_id, writer=SERVICE, lead=lead, now=now)
            if fresh:
                prune_stream(db, complex_.complex_id)
                prune(db, kept_rows(complex_.complex_id, kept), now=now)
            seals += fresh
        return seals

    def next_gate(now: datetime, db: Connection) -> datetime | None:
        del db
        leads = [complex_.market.gate_closure_lead for complex_ in complexes.values()]
        return min((next_in_interval(-lead, now) for lead in leads), default=None)

    return Service(
        name=SERVICE,
        complexes=complexes,
        # Several features keep their own part of an event; the stream tells them in this order.
        handlers=handlers_of(
            MarketHandlers(),
            OrderHandlers(complexes),
            MeteringHandlers(),
            ForecastHandlers(),
            BatteryHandlers(),
            BillingHandlers(),
            CertificateHandlers(),
            StudyHandlers(),
            OperationHandlers(),
        ),
        tick=tick,
        next_due=next_gate,
    )
