"""Batteries' charge, set-points and plans."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.batteries.domain import Observed
from services.trading_api.batteries.tables import SCHEDULE, SETPOINT, SOC
from services.trading_api.db.paging import Listing
from services.trading_api.db.spans import Span
from services.trading_api.db.sql import of_complex, rows_of, seen_only, upsert
from shared.events.fems import DeviceObserved
from shared.intervals import INTERVAL, interval_of


def schedule_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List the newest schedule of each battery."""
    newest = (
        sa.select(SCHEDULE.c.device_id, sa.func.max(SCHEDULE.c.first_delivery_start).label("newest"))
        .where(SCHEDULE.c.complex_id == complex_id)
        .group_by(SCHEDULE.c.device_id)
        .subquery()
    )
    is_newest = (SCHEDULE.c.device_id == newest.c.device_id) & (SCHEDULE.c.first_delivery_start == newest.c.newest)
    query = seen_only(of_complex(SCHEDULE, complex_id).join(newest, is_newest), SCHEDULE, seen_by)
    return Listing("schedules", query, (SCHEDULE.c.device_id, SCHEDULE.c.schedule_id))


def newest_setpoints(db: Connection, complex_id: str, *, limit: int) -> Sequence[RowMapping]:
    """Return the latest set-points by delivery."""
    query = of_complex(SETPOINT, complex_id).order_by(SETPOINT.c.delivery_start.desc(), SETPOINT.c.setpoint_id)
    return rows_of(db, query.limit(limit))


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


def observations(db: Connection, span: Span, device_id: str) -> list[Observed]:
    """Return a battery's states of charge, the last one of each interval, from the interval before the span on."""
    own = span.rows(SOC, "delivery_start", span.first - INTERVAL).where(SOC.c.device_id == device_id)
    return [Observed(row["observed_at"], row["soc_wh"]) for row in db.execute(own).mappings()]


def planned_wh(db: Connection, span: Span, device_id: str) -> dict[datetime, int]:
    """Return what each interval's own plan ends it with, from the interval before the span on."""
    own = span.rows(SCHEDULE, "first_delivery_start", span.first - INTERVAL).where(SCHEDULE.c.device_id == device_id)
    return {row["first_delivery_start"]: row["series"]["soc_wh"][0] for row in db.execute(own).mappings()}
