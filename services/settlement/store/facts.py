"""What settlement was told: trades and readings."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from optimizers.settlement.interval import MeteredEnergy, SettledTrade
from services.settlement.store.tables import (
    AUCTION,
    COMPLEX_LOCK,
    READING,
    READING_RECORD,
    SETTLED_INTERVAL,
    SUPERSEDED_READING,
    TRADE,
    TRADE_RECORD,
    KeptReading,
)
from shared.db.bulk import insert_rows


def lock(db: Connection, complex_id: str) -> None:
    """Let nobody else settle for this complex until the transaction ends.

    Two processes could each take in one of the last two readings and both find the interval incomplete.
    """
    of_complex = sa.select(COMPLEX_LOCK.c.complex_id).where(COMPLEX_LOCK.c.complex_id == complex_id)
    if db.scalar(of_complex.with_for_update()) is None:
        db.execute(sa.insert(COMPLEX_LOCK).values(complex_id=complex_id))


def has_auction(db: Connection, complex_id: str, delivery_start: datetime) -> bool:
    """Say whether an interval's auction is known."""
    return _has(db, AUCTION, complex_id, delivery_start)


def is_settled(db: Connection, complex_id: str, delivery_start: datetime) -> bool:
    """Say whether an interval is in the ledger."""
    return _has(db, SETTLED_INTERVAL, complex_id, delivery_start)


def awaits_settlement(db: Connection, complex_id: str, delivery_start: datetime) -> bool:
    """Say whether an interval's auction is known and the interval not in the ledger yet."""
    settled = sa.exists().where(
        SETTLED_INTERVAL.c.complex_id == complex_id, SETTLED_INTERVAL.c.delivery_start == delivery_start
    )
    of_interval = (AUCTION.c.complex_id == complex_id, AUCTION.c.delivery_start == delivery_start)
    return db.scalar(sa.select(AUCTION.c.complex_id).where(*of_interval, ~settled)) is not None


def _has(db: Connection, table: sa.Table, complex_id: str, delivery_start: datetime) -> bool:
    where = (table.c.complex_id == complex_id, table.c.delivery_start == delivery_start)
    return db.scalar(sa.select(table.c.complex_id).where(*where)) is not None


def save_auction(
    db: Connection,
    complex_id: str,
    delivery_start: datetime,
    auction_id: str,
    trades: Sequence[SettledTrade],
    *,
    price_jeon_per_kwh: int | None,
) -> None:
    """Keep an auction's trades and its price, None where nothing was traded in it."""
    place = {"complex_id": complex_id, "delivery_start": delivery_start}
    db.execute(sa.insert(AUCTION).values(**place, auction_id=auction_id, price_jeon_per_kwh=price_jeon_per_kwh))
    rows = [TRADE_RECORD.row(trade, **place, number=number) for number, trade in enumerate(trades, start=1)]
    insert_rows(db, TRADE, rows)


def load_auction_price(db: Connection, complex_id: str, delivery_start: datetime) -> int | None:
    """Return the price [jeon/kWh] of an interval's auction; None where nothing was traded in it."""
    of_interval = (AUCTION.c.complex_id == complex_id, AUCTION.c.delivery_start == delivery_start)
    return db.scalar(sa.select(AUCTION.c.price_jeon_per_kwh).where(*of_interval))


def load_trades(db: Connection, complex_id: str, delivery_start: datetime) -> list[SettledTrade]:
    """Return the trades of an interval."""
    of_interval = (TRADE.c.complex_id == complex_id, TRADE.c.delivery_start == delivery_start)
    query = sa.select(*TRADE_RECORD.columns).where(*of_interval).order_by(TRADE.c.number)
    return [TRADE_RECORD.of(row) for row in db.execute(query)]


def readings_known(
    db: Connection, complex_id: str, places: Sequence[tuple[str, datetime]]
) -> set[tuple[str, datetime]]:
    """Return for which of some meters and intervals there is a reading."""
    key = (READING.c.meter_id, READING.c.delivery_start)
    query = sa.select(*key).where(READING.c.complex_id == complex_id, sa.tuple_(*key).in_(places))
    return {(meter_id, delivery_start) for meter_id, delivery_start in db.execute(query)}


def load_reading(db: Connection, complex_id: str, meter_id: str, delivery_start: datetime) -> KeptReading:
    """Return what a meter said of an interval; it has."""
    query = sa.select(*READING_RECORD.columns).where(*_of_reading(complex_id, meter_id, delivery_start))
    return READING_RECORD.of(db.execute(query).one())


def save_readings(db: Connection, complex_id: str, readings: Iterable[KeptReading]) -> None:
    """Keep meters' first readings of intervals."""
    insert_rows(db, READING, (READING_RECORD.row(reading, complex_id=complex_id) for reading in readings))


def traded_wh(db: Connection, complex_id: str, first: datetime, end: datetime) -> dict[tuple[str, str], int]:
    """Return what was traded from `first` up to, not including, `end`, by seller and buyer."""
    pair = (TRADE.c.seller_id, TRADE.c.buyer_id)
    of_period = (TRADE.c.complex_id == complex_id, TRADE.c.delivery_start >= first, TRADE.c.delivery_start < end)
    sums = sa.select(*pair, sa.func.sum(TRADE.c.quantity_wh)).where(*of_period).group_by(*pair).order_by(*pair)
    return {(seller_id, buyer_id): int(quantity_wh) for seller_id, buyer_id, quantity_wh in db.execute(sums)}


def replace_reading(
    db: Connection, complex_id: str, known: KeptReading, reading: KeptReading, *, cause: uuid.UUID, at: datetime
) -> None:
    """Keep a reading in the known one's place, and the known one as superseded."""
    place = {"complex_id": complex_id, "delivery_start": known.delivery_start, "meter_id": known.meter_id}
    old = {"import_wh": known.import_wh, "export_wh": known.export_wh, "quality": known.quality.value}
    db.execute(sa.insert(SUPERSEDED_READING).values(**place, superseded_by=cause, superseded_at=at, **old))
    where = _of_reading(complex_id, reading.meter_id, reading.delivery_start)
    db.execute(sa.update(READING).where(*where).values(READING_RECORD.row(reading)))


def _of_reading(complex_id: str, meter_id: str, delivery_start: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        READING.c.complex_id == complex_id,
        READING.c.meter_id == meter_id,
        READING.c.delivery_start == delivery_start,
    )


def load_metered(
    db: Connection, complex_id: str, delivery_start: datetime, meters: frozenset[str]
) -> dict[str, MeteredEnergy] | None:
    """Return each participant's metered energy of an interval; None while one of the meters has not said anything."""
    # Counted first: a complex may have thousands of meters, and each of their readings asks.
    heard = db.scalar(sa.select(sa.func.count()).where(*_settled_meters_of(complex_id, delivery_start)))
    if heard is None or heard < len(meters):
        return None
    readings = [row for row in _settled_readings(db, complex_id, delivery_start) if row.meter_id in meters]
    return None if len(readings) < len(meters) else _metered(readings)


def load_corrected(db: Connection, complex_id: str, delivery_start: datetime) -> dict[str, MeteredEnergy]:
    """Return each participant's metered energy of a settled interval as it is known now."""
    return _metered(_settled_readings(db, complex_id, delivery_start))


def _settled_readings(db: Connection, complex_id: str, delivery_start: datetime) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    column = READING.c
    columns = (column.meter_id, column.participant_id, column.meter_kind, column.import_wh, column.export_wh)
    return db.execute(sa.select(*columns).where(*_settled_meters_of(complex_id, delivery_start))).all()


def _settled_meters_of(complex_id: str, delivery_start: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    column = READING.c
    # Inverters stand behind the grid's meter, which has counted what they made.
    return column.complex_id == complex_id, column.delivery_start == delivery_start, column.meter_kind != "pv"


def _metered(readings: Sequence[sa.Row[*tuple[Any, ...]]]) -> dict[str, MeteredEnergy]:
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for _, participant_id, meter_kind, import_wh, export_wh in readings:
        place = 2 if meter_kind == "ess" else 0
        sums[participant_id][place] += import_wh
        sums[participant_id][place + 1] += export_wh
    return {
        one: MeteredEnergy(import_wh=grid_in, export_wh=grid_out, ess_import_wh=ess_in, ess_export_wh=ess_out)
        for one, (grid_in, grid_out, ess_in, ess_out) in sorted(sums.items())
    }
