"""Readings and devices."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.db.paging import Listing
from services.trading_api.db.sql import of_complex, rows_of, seen_only
from services.trading_api.metering.tables import DEVICE, READING
from shared.events.fems import IntervalMetered


def reading_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List readings by delivery, the latest first."""
    query = seen_only(sa.select(READING).where(READING.c.complex_id == complex_id), READING, seen_by)
    return Listing("readings", query, (READING.c.delivery_start, READING.c.meter_id))


def reading_versions(db: Connection, events: Iterable[IntervalMetered]) -> dict[tuple[str, str, datetime], int]:
    """Return the version that is known of each of some readings, by complex, meter and interval."""
    key = (READING.c.complex_id, READING.c.meter_id, READING.c.delivery_start)
    asked = {(event.complex_id, event.meter_id, event.delivery_start) for event in events}
    rows = db.execute(sa.select(*key, READING.c.reading_version).where(sa.tuple_(*key).in_(asked)))
    return {(complex_id, meter_id, start): version for complex_id, meter_id, start, version in rows}


def device_list(complex_id: str, *, seen_by: str | None) -> Listing:
    """List the devices' last states."""
    return Listing("devices", seen_only(of_complex(DEVICE, complex_id), DEVICE, seen_by), (DEVICE.c.device_id,))


def energy_by_interval(
    db: Connection, complex_id: str, first: datetime, end: datetime, *, seen_by: str | None
) -> Sequence[RowMapping]:
    """Return `delivery_start, meter_kind, import_wh, export_wh` summed over the meters of each kind."""
    columns = READING.c
    query = (
        sa.select(
            columns.delivery_start,
            columns.meter_kind,
            sa.func.sum(columns.import_wh).label("import_wh"),
            sa.func.sum(columns.export_wh).label("export_wh"),
        )
        .where(columns.complex_id == complex_id, columns.delivery_start >= first, columns.delivery_start < end)
        .group_by(columns.delivery_start, columns.meter_kind)
        .order_by(columns.delivery_start, columns.meter_kind)
    )
    return rows_of(db, query if seen_by is None else query.where(columns.participant_id == seen_by))
