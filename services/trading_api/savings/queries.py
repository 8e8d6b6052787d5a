"""What a period's settled intervals saved, by factory."""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.tariff.savings import Saving, SettledEnergy, Shift, StoredEnergy, round_trips_ppm, shifts_of
from services.trading_api.billing.tables import COST_WITH_KRW, SETTLED_LINE
from services.trading_api.db.spans import Span
from services.trading_api.metering.tables import READING
from shared.complex.model import Complex


def battery_shifts(db: Connection, span: Span, complex_: Complex, *, seen_by: str | None = None) -> dict[str, Shift]:
    """Return what the batteries of each factory did, of one factory alone where it is named."""
    owners = [
        participant.participant_id
        for participant in complex_.participants
        if participant.ess and seen_by in {None, participant.participant_id}
    ]
    return shifts_of(_settled(db, span, owners), _stored(db, span, owners), round_trips_ppm(complex_))


def savings(db: Connection, span: Span, complex_: Complex, *, seen_by: str | None = None) -> dict[str, Saving]:
    """Return what each factory saved, of one factory alone where it is named."""
    shifts = battery_shifts(db, span, complex_, seen_by=seen_by)
    line = SETTLED_LINE.c
    sums = sa.select(
        line.participant_id, sa.func.count(), sa.func.sum(line.cost_without_krw), sa.func.sum(COST_WITH_KRW)
    )
    sums = sums.where(*_within(SETTLED_LINE, span)).group_by(line.participant_id).order_by(line.participant_id)
    idle = Shift()
    return {
        participant_id: Saving(
            intervals=int(intervals),
            baseline_krw=int(without_krw),
            cost_krw=int(with_krw),
            stored_value_krw=shifts.get(participant_id, idle).stored_value_krw,
            shift_krw=shifts.get(participant_id, idle).shift_krw,
        )
        for participant_id, intervals, without_krw, with_krw in db.execute(sums)
        if seen_by in {None, participant_id}
    }


def _settled(db: Connection, span: Span, owners: list[str]) -> Iterator[SettledEnergy]:
    line = SETTLED_LINE.c
    prices = (line.grid_import_price_jeon_per_kwh, line.grid_export_price_jeon_per_kwh)
    query = sa.select(line.participant_id, line.delivery_start, line.metered_import_wh, line.metered_export_wh, *prices)
    for row in db.execute(query.where(*_within(SETTLED_LINE, span), line.participant_id.in_(owners))):
        yield SettledEnergy(*row)


def _stored(db: Connection, span: Span, owners: list[str]) -> Iterator[StoredEnergy]:
    column = READING.c
    query = sa.select(
        column.participant_id, column.delivery_start, column.meter_id, column.import_wh, column.export_wh
    ).where(*_within(READING, span), column.participant_id.in_(owners), column.meter_kind == "ess")
    for row in db.execute(query):
        yield StoredEnergy(*row)


def _within(table: sa.Table, span: Span) -> tuple[sa.ColumnElement[bool], ...]:
    start = table.c.delivery_start
    return (table.c.complex_id == span.complex_id, start >= span.first, start < span.end)
