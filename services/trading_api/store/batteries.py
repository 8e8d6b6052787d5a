"""What is known of a day's batteries."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.trading_api.domain.batteries import Observed
from services.trading_api.store.sql import upsert
from services.trading_api.store.tables import SCHEDULE, SOC
from shared.events.fems import DeviceObserved
from shared.intervals import INTERVAL, interval_of


def save_soc(db: Connection, event: DeviceObserved) -> None:
    """Keep the last state of charge that was observed in an interval."""
    row = {
        "complex_id": event.complex_id,
        "device_id": event.device_id,
        "delivery_start": interval_of(event.observed_at),
        "observed_at": event.observed_at,
        "soc_wh": event.soc_wh,
    }
    upsert(db, SOC, [row], newer="observed_at")


@dataclass(frozen=True, slots=True)
class Span:
    """The deliveries of a complex in [first, end)."""

    complex_id: str
    first: datetime
    end: datetime

    def rows(self, table: sa.Table, by: str, first: datetime | None = None) -> sa.Select[tuple[object, ...]]:
        """Select a table's rows in the span, from another instant on where one is given."""
        start = table.c[by]
        here = (table.c.complex_id == self.complex_id, start >= (first or self.first), start < self.end)
        return sa.select(table).where(*here).order_by(start)


def observations(db: Connection, span: Span, device_id: str) -> list[Observed]:
    """Return a battery's states of charge, the last one of each interval, from the interval before the span on."""
    own = span.rows(SOC, "delivery_start", span.first - INTERVAL).where(SOC.c.device_id == device_id)
    return [Observed(row["observed_at"], row["soc_wh"]) for row in db.execute(own).mappings()]


def planned_wh(db: Connection, span: Span, device_id: str) -> dict[datetime, int]:
    """Return what each interval's own plan ends it with, from the interval before the span on."""
    own = span.rows(SCHEDULE, "first_delivery_start", span.first - INTERVAL).where(SCHEDULE.c.device_id == device_id)
    return {row["first_delivery_start"]: row["series"]["soc_wh"][0] for row in db.execute(own).mappings()}
