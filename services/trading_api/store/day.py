"""A trading day by interval, for the console's charts."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.trading_api.store.sql import rows_of
from services.trading_api.store.tables import COST_WITH_KRW, READING, SETTLED_LINE


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


def settled_by_interval(
    db: Connection, complex_id: str, first: datetime, end: datetime, *, seen_by: str | None
) -> Sequence[RowMapping]:
    """Return costs by interval, and the lowest and highest grid price that a participant paid."""
    line = SETTLED_LINE.c
    query = (
        sa.select(
            line.delivery_start,
            sa.func.min(line.grid_import_price_jeon_per_kwh).label("grid_import_price_jeon_per_kwh_min"),
            sa.func.max(line.grid_import_price_jeon_per_kwh).label("grid_import_price_jeon_per_kwh_max"),
            sa.func.max(line.grid_export_price_jeon_per_kwh).label("grid_export_price_jeon_per_kwh"),
            sa.func.sum(COST_WITH_KRW).label("cost_with_krw"),
            sa.func.sum(line.cost_without_krw).label("cost_without_krw"),
        )
        .where(line.complex_id == complex_id, line.delivery_start >= first, line.delivery_start < end)
        .group_by(line.delivery_start)
        .order_by(line.delivery_start)
    )
    return rows_of(db, query if seen_by is None else query.where(line.participant_id == seen_by))
