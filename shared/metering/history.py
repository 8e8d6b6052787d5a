"""The metered past that a service learns from: a table in its own database, and the archive that fills it first.

The archive is CSV, a row a meter and delivery interval: `complex_id,meter_id,participant_id,meter_kind,delivery_start,
import_wh,export_wh`; `delivery_start` is ISO 8601 with offset, energies are whole Wh. A file called .parquet has the
same as typed columns (`parquet_archive.py`).
"""

import csv
import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from shared.complex.complexes import Complexes
from shared.complex.ratings import MARGIN_PERCENT, Rating, rating_of
from shared.db.bulk import insert_rows, upsert_rows
from shared.db.tables import UtcInstant
from shared.errors import BadInput, did_you_mean
from shared.events.fems import IntervalMetered, MeterKind
from shared.intervals import INTERVAL_S, is_delivery_start
from shared.metering.series import change_of_step, is_register, step_s
from shared.units import SECONDS_PER_HOUR

logger = logging.getLogger(__name__)

COLUMNS = ("complex_id", "meter_id", "participant_id", "meter_kind", "delivery_start", "import_wh", "export_wh")

# A year of 15 minutes through a 100 MW meter stays far below; more is a wrong unit.
ENERGY_WH_MAX = 10**12
ENERGY_DIGITS_MAX = len(str(ENERGY_WH_MAX))
# The header is the first.
FIRST_ROW = 2
PARQUET_SUFFIXES = (".parquet", ".pq")


@dataclass(frozen=True, slots=True)
class MeterReading:
    """A meter's energy over one delivery interval."""

    complex_id: str
    meter_id: str
    delivery_start: datetime
    import_wh: int
    export_wh: int


# What a Wh of import and of export on a meter says about its factory's own consumption: what came in from the grid,
# what its roofs made and its batteries gave was consumed; what went out or into the batteries was not.
CONSUMPTION_SIGNS: dict[MeterKind, tuple[int, int]] = {
    MeterKind.GRID: (1, -1),
    MeterKind.PV: (0, 1),
    MeterKind.ESS: (-1, 1),
    # It measures several factories, and is no part of any.
    MeterKind.FEEDER: (0, 0),
}


def add_table(metadata: sa.MetaData) -> sa.Table:
    """Add the readings' table to a service's schema."""
    return sa.Table(
        "readings",
        metadata,
        sa.Column("complex_id", sa.Text, primary_key=True),
        sa.Column("delivery_start", UtcInstant, primary_key=True),
        sa.Column("meter_id", sa.Text, primary_key=True),
        sa.Column("import_wh", sa.BigInteger, nullable=False),
        sa.Column("export_wh", sa.BigInteger, nullable=False),
    )


READINGS = add_table(sa.MetaData())


def reading_of(event: IntervalMetered) -> MeterReading:
    """Return what an event says."""
    return MeterReading(
        complex_id=event.complex_id,
        meter_id=event.meter_id,
        delivery_start=event.delivery_start,
        import_wh=event.import_wh,
        export_wh=event.export_wh,
    )


def has_readings(db: Connection, complex_id: str) -> bool:
    """Say whether anything was ever metered in a complex."""
    found = sa.select(READINGS.c.meter_id).where(READINGS.c.complex_id == complex_id).limit(1)
    return db.scalar(found) is not None


def add_readings(db: Connection, readings: Iterable[MeterReading]) -> None:
    """Add readings of meters and intervals that have none yet."""
    rows = [_row(one) for one in readings]
    if rows:
        db.execute(sa.insert(READINGS), rows)


def _row(reading: MeterReading) -> dict[str, Any]:
    return {
        "complex_id": reading.complex_id,
        "delivery_start": reading.delivery_start,
        "meter_id": reading.meter_id,
        "import_wh": reading.import_wh,
        "export_wh": reading.export_wh,
    }


def save_readings(db: Connection, readings: Iterable[MeterReading]) -> None:
    """Keep readings; a later one for the same meter and interval replaces the one before."""
    upsert_rows(db, READINGS, [_row(one) for one in readings])


def readings_since(db: Connection, complex_id: str, since: datetime) -> Sequence[MeterReading]:
    """Return a complex's readings of intervals that start at an instant or later."""
    return _readings(db, complex_id, READINGS.c.delivery_start >= since)


def readings_of(db: Connection, complex_id: str, delivery_starts: Collection[datetime]) -> Sequence[MeterReading]:
    """Return a complex's readings of some intervals."""
    return _readings(db, complex_id, READINGS.c.delivery_start.in_(sorted(delivery_starts)))


def drop_readings_before(
    db: Connection, complex_id: str, instant: datetime, but: Collection[str] = frozenset()
) -> None:
    """Forget what is too old to be of use, but of some meters."""
    old = (READINGS.c.complex_id == complex_id, READINGS.c.delivery_start < instant)
    db.execute(sa.delete(READINGS).where(*old, READINGS.c.meter_id.not_in(sorted(but))))


def take_history_in(engine: Engine, complexes: Complexes, path: Path) -> None:
    """Take in a meter archive in a transaction of its own, and say so; see `import_history`."""
    with engine.begin() as db:
        taken = import_history(db, complexes, path)
    logger.info("history taken in", extra={"file": str(path), "readings": taken})


def import_history(db: Connection, complexes: Complexes, path: Path) -> int:
    """Take in a meter archive for the complexes that have no readings yet; return how many readings were taken.

    Raises:
        BadInput: The archive breaks a rule; nothing is taken then.
    """
    new = {complex_id for complex_id in complexes if not has_readings(db, complex_id)}
    if not new:
        return 0
    readings = [one for one in read_history(path, complexes) if one.complex_id in new]
    # In the order of the key, each row goes behind the last one; in the file's, all over the table.
    readings.sort(key=lambda one: (one.complex_id, one.delivery_start, one.meter_id))
    insert_rows(db, READINGS, map(_row, readings))
    return len(readings)


def read_history(path: Path, complexes: Complexes) -> list[MeterReading]:
    """Read a meter archive of some complexes, in file order.

    Raises:
        BadInput: The file can't be read, or a row breaks a rule: the first one is named with its field. A meter's rows
            can't be its energy by quarter hour: hours, a register's readings, more than can flow there.
    """
    if path.suffix.lower() in PARQUET_SUFFIXES:
        # Loaded only where it is needed: it is large.
        from shared.metering.parquet_archive import read_parquet

        readings, first_row = read_parquet(path, complexes), 1
    else:
        readings, first_row = _read_csv(path, complexes), FIRST_ROW
    by_meter: dict[tuple[str, str], list[int]] = {}
    for number, one in enumerate(readings):
        by_meter.setdefault((one.complex_id, one.meter_id), []).append(number)
    for (complex_id, meter_id), numbers in by_meter.items():
        numbers.sort(key=lambda number: readings[number].delivery_start)
        series = [(first_row + number, readings[number]) for number in numbers]
        complex_ = complexes.at(complex_id, series[0][1].delivery_start)
        device = complex_.by_device[meter_id]
        _refuse_other_step(path, series)
        _refuse_no_energy(path, series, rating_of(complex_, device))
    return readings


def _read_csv(path: Path, complexes: Complexes) -> list[MeterReading]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(_rows(csv.reader(file, strict=True), str(path), complexes))
    except OSError as error:
        raise BadInput(where=str(path), field="file", rule="must be readable", value=error.strerror) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(where=str(path), field="file", rule="must be CSV in UTF-8", value=str(error)) from None


def _refuse_other_step(path: Path, series: Sequence[tuple[int, MeterReading]]) -> None:
    """Refuse a meter whose readings are of another length than a quarter hour, from the start or from somewhere on."""
    starts = [int(one.delivery_start.timestamp()) for _, one in series]
    changed = 0 if step_s(starts) > INTERVAL_S else change_of_step(starts)
    if changed is not None:
        row, one = series[changed]
        raise BadInput(
            where=f"{path} row {row}",
            field="delivery_start",
            rule=f"must be one of quarter hours for {one.meter_id}",
            value=one.delivery_start.isoformat(),
            hint=f"its rows are {(starts[changed + 1] - starts[changed]) // 60} minutes apart from here on",
        )


def _refuse_no_energy(path: Path, series: Sequence[tuple[int, MeterReading]], rating: Rating) -> None:
    """Refuse a register's readings, and more than can flow through a meter: a wrong unit."""
    meter_id = series[0][1].meter_id
    for field, most_w, energies_wh in (
        ("import_wh", rating.import_w_max, [one.import_wh for _, one in series]),
        ("export_wh", rating.export_w_max, [one.export_wh for _, one in series]),
    ):
        if is_register(energies_wh):
            rule = f"must be the energy of the interval, not a register's reading, for {meter_id}"
            raise BadInput(where=f"{path} row {series[0][0]}", field=field, rule=rule, value=energies_wh[0])
        most_wh = most_w * MARGIN_PERCENT * INTERVAL_S // (100 * SECONDS_PER_HOUR)
        if max(energies_wh) > most_wh:
            place = next(place for place, energy_wh in enumerate(energies_wh) if energy_wh > most_wh)
            rule = f"must be <= {most_wh} Wh, what can flow through {meter_id} in a quarter hour"
            raise BadInput(where=f"{path} row {series[place][0]}", field=field, rule=rule, value=energies_wh[place])


def _readings(db: Connection, complex_id: str, where: sa.ColumnElement[bool]) -> Sequence[MeterReading]:
    columns = (READINGS.c.meter_id, READINGS.c.delivery_start, READINGS.c.import_wh, READINGS.c.export_wh)
    rows = db.execute(sa.select(*columns).where(READINGS.c.complex_id == complex_id, where))
    return [
        MeterReading(complex_id=complex_id, meter_id=meter, delivery_start=start, import_wh=taken, export_wh=given)
        for meter, start, taken, given in rows
    ]


def _rows(table: Iterator[list[str]], where: str, complexes: Complexes) -> Iterator[MeterReading]:
    if tuple(next(table, [])) != COLUMNS:
        raise BadInput(where=f"{where} row 1", field="columns", rule=f"must be {','.join(COLUMNS)}", value="others")
    known = known_meters(complexes)
    starts: dict[str, datetime] = {}
    seen: set[tuple[str, str, datetime]] = set()
    for number, row in enumerate(table, start=FIRST_ROW):
        if len(row) != len(COLUMNS):
            raise BadInput(
                where=f"{where} row {number}", field="columns", rule=f"must be {len(COLUMNS)} in number", value=len(row)
            )
        complex_id, meter_id, participant_id, meter_kind, start_text, import_text, export_text = row
        if (complex_id, meter_id, participant_id, meter_kind) not in known:
            raise unknown_meter(f"{where} row {number}", row, complexes)
        start = starts.get(start_text)
        if start is None:
            start = starts[start_text] = _start(f"{where} row {number}", start_text)
        key = (complex_id, meter_id, start)
        if key in seen:
            rule = f"must occur once for {meter_id}"
            raise BadInput(where=f"{where} row {number}", field="delivery_start", rule=rule, value=start_text)
        seen.add(key)
        yield MeterReading(
            complex_id=complex_id,
            meter_id=meter_id,
            delivery_start=start,
            import_wh=_energy_wh(where, number, "import_wh", import_text),
            export_wh=_energy_wh(where, number, "export_wh", export_text),
        )


def known_meters(complexes: Complexes) -> frozenset[tuple[str, str, str, str]]:
    """Return what the first four columns may say together."""
    return frozenset(
        (one.complex_id, device.device_id, device.participant_id, device.kind.value)
        for one in complexes.values()
        for device in one.devices
    )


def unknown_meter(at: str, row: Sequence[str], complexes: Complexes) -> BadInput:
    """Return what is wrong with the first four columns of a row."""
    complex_id, meter_id, participant_id, meter_kind, *_ = row
    one = complexes.get(complex_id)
    if one is None:
        return BadInput(where=at, field="complex_id", rule=f"must be one of {sorted(complexes)}", value=complex_id)
    device = next((device for device in one.devices if device.device_id == meter_id), None)
    if device is None:
        rule, hint = (
            f"must be a meter of {complex_id}",
            did_you_mean(meter_id, [known.device_id for known in one.devices]),
        )
        return BadInput(where=at, field="meter_id", rule=rule, value=meter_id, hint=hint)
    if device.participant_id != participant_id:
        rule = f"must be {device.participant_id} for {meter_id}"
        return BadInput(where=at, field="participant_id", rule=rule, value=participant_id)
    return BadInput(where=at, field="meter_kind", rule=f"must be {device.kind.value} for {meter_id}", value=meter_kind)


def _start(at: str, text: str) -> datetime:
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(where=at, field="delivery_start", rule="must be ISO 8601", value=text) from None
    if start.tzinfo is None:
        raise BadInput(where=at, field="delivery_start", rule="must carry a UTC offset", value=text)
    if not is_delivery_start(start):
        raise BadInput(where=at, field="delivery_start", rule="must be the start of a quarter hour", value=text)
    return start.astimezone(UTC)


def _energy_wh(where: str, row: int, field: str, text: str) -> int:
    # The length bounds what int() has to read.
    if not (text.isascii() and text.isdigit() and len(text) <= ENERGY_DIGITS_MAX):
        rule = f"must be a whole number of Wh from 0 to {ENERGY_WH_MAX}"
        raise BadInput(where=f"{where} row {row}", field=field, rule=rule, value=text)
    return int(text)
