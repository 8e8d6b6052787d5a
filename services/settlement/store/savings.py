"""What a period's batteries did, for statements and invoices."""

from collections.abc import Collection, Iterator
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.tariff.savings import SettledEnergy, StoredEnergy
from services.settlement.store.tables import READING, SETTLED_LINE


def load_settled_energy(
    db: Connection, complex_id: str, first: datetime, end: datetime, participant_ids: Collection[str]
) -> Iterator[SettledEnergy]:
    """Yield participants' settled intervals in [first, end), each as its last line has it."""
    line = SETTLED_LINE.c
    newest_first = sa.func.row_number().over(
        partition_by=(line.participant_id, line.delivery_start), order_by=line.revision.desc()
    )
    wanted = (line.complex_id == complex_id, line.delivery_start >= first, line.delivery_start < end)
    ranked = (
        sa.select(
            line.participant_id,
            line.delivery_start,
            line.metered_import_wh,
            line.metered_export_wh,
            line.grid_import_price_jeon_per_kwh,
            line.grid_export_price_jeon_per_kwh,
            newest_first.label("age"),
        )
        .where(*wanted, line.participant_id.in_(participant_ids))
        .subquery()
    )
    for *facts, _ in db.execute(sa.select(ranked).where(ranked.c.age == 1)):
        yield SettledEnergy(*facts)


def load_stored_energy(
    db: Connection, complex_id: str, first: datetime, end: datetime, participant_ids: Collection[str]
) -> Iterator[StoredEnergy]:
    """Yield what participants' batteries took and gave in [first, end)."""
    column = READING.c
    wanted = (column.complex_id == complex_id, column.delivery_start >= first, column.delivery_start < end)
    query = sa.select(
        column.participant_id, column.delivery_start, column.meter_id, column.import_wh, column.export_wh
    ).where(*wanted, column.participant_id.in_(participant_ids), column.meter_kind == "ess")
    for facts in db.execute(query):
        yield StoredEnergy(*facts)
