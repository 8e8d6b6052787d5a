"""The meter archive as Parquet: the columns of the CSV archive with types, for years and for large complexes."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from shared.arrays import Flags, Integers
from shared.complex.complexes import Complexes
from shared.complex.model import Complex, Device
from shared.errors import BadInput
from shared.intervals import INTERVAL, INTERVAL_S
from shared.metering.history import COLUMNS, ENERGY_WH_MAX, MeterReading, known_meters, unknown_meter

WHO, START, ENERGIES = COLUMNS[:4], COLUMNS[4], COLUMNS[5:]
SCHEMA = pa.schema(
    [(name, pa.string()) for name in WHO]
    + [(START, pa.timestamp("us", tz="UTC"))]
    + [(name, pa.int64()) for name in ENERGIES]
)
US_PER_S = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The devices of so many rows are written together.
BLOCK_ROWS = 500_000


def write_parquet(
    path: Path, complexes: Iterable[tuple[Complex, datetime, Mapping[str, tuple[Integers, Integers]]]]
) -> None:
    """Write gapless readings of complexes: of each its meters' (import, export) in Wh, from an instant on."""
    with parquet.ParquetWriter(path, SCHEMA) as file:
        for complex_, first_start, meters in complexes:
            block: list[pa.RecordBatch] = []
            for device in complex_.devices:
                block.append(_batch(complex_, device, first_start, meters[device.device_id]))
                if len(block) * block[0].num_rows >= BLOCK_ROWS:
                    file.write_table(pa.Table.from_batches(block))
                    block = []
            if block:
                file.write_table(pa.Table.from_batches(block))


def _batch(
    complex_: Complex, device: Device, first_start: datetime, energies_wh: tuple[Integers, Integers]
) -> pa.RecordBatch:
    rows = len(energies_wh[0])
    who = (complex_.complex_id, device.device_id, device.participant_id, device.kind.value)
    first_us = (first_start - EPOCH) // timedelta(microseconds=1)
    starts_us = first_us + np.arange(rows) * (INTERVAL // timedelta(microseconds=1))
    columns = [
        *(pa.repeat(pa.scalar(name), rows) for name in who),
        _column(SCHEMA.field(START).type, starts_us),
        *(_column(pa.int64(), energy_wh) for energy_wh in energies_wh),
    ]
    return pa.record_batch(columns, schema=SCHEMA)


def _column(kind: pa.DataType, numbers: Integers) -> pa.Array:
    """Return numbers as a column; `pa.array` would load pandas to ask whether they are some of its own."""
    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(np.ascontiguousarray(numbers))])


def read_parquet(path: Path, complexes: Complexes) -> list[MeterReading]:
    """Read the readings of some complexes, in file order.

    Raises:
        BadInput: The file can't be read, or a row breaks a rule: it is named with its field; the first row is 1.
    """
    table = _typed(path)
    starts_us = _numbers(table[START].combine_chunks())
    _refuse(path, table, START, starts_us % (INTERVAL_S * US_PER_S) != 0, "must be the start of a quarter hour")
    imports_wh, exports_wh = (_numbers(table[name].combine_chunks()) for name in ENERGIES)
    for name, energies_wh in zip(ENERGIES, (imports_wh, exports_wh), strict=True):
        wrong = (energies_wh < 0) | (energies_wh > ENERGY_WH_MAX)
        _refuse(path, table, name, wrong, f"must be a whole number of Wh from 0 to {ENERGY_WH_MAX}")
    of_row, meters = _meters(path, table, complexes)
    starts, start_of_row = np.unique(starts_us, return_inverse=True)
    _, first_rows = np.unique(of_row * len(starts) + start_of_row, return_index=True)
    repeated = np.ones(len(of_row), dtype=np.bool_)
    repeated[first_rows] = False
    _refuse(path, table, START, repeated, "must occur once for each meter")
    instants = [EPOCH + timedelta(microseconds=start_us) for start_us in starts.tolist()]
    rows = zip(of_row.tolist(), start_of_row.tolist(), imports_wh.tolist(), exports_wh.tolist(), strict=True)
    return [
        MeterReading(
            complex_id=meters[meter][0],
            meter_id=meters[meter][1],
            delivery_start=instants[start],
            import_wh=import_wh,
            export_wh=export_wh,
        )
        for meter, start, import_wh, export_wh in rows
    ]


def _typed(path: Path) -> pa.Table:
    """Return the file's table in the archive's types."""
    try:
        # `read_table` loads pandas.
        table = parquet.ParquetFile(path).read()
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput(where=str(path), field="file", rule="must be readable", value=reason) from None
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise BadInput(where=str(path), field="file", rule="must be Parquet", value=reason) from None
    if sorted(table.column_names) != sorted(COLUMNS):
        rule = f"must be {','.join(COLUMNS)}"
        raise BadInput(where=str(path), field="columns", rule=rule, value=",".join(table.column_names))
    found = table.schema.field(START).type
    if not pa.types.is_timestamp(found) or found.tz is None:
        raise BadInput(where=str(path), field=START, rule="must be timestamps with a time zone", value=str(found))
    for name in COLUMNS:
        wanted = SCHEMA.field(name).type
        try:
            table = table.set_column(table.column_names.index(name), name, table[name].cast(wanted))
        except (pa.ArrowException, ValueError):
            given = str(table.schema.field(name).type)
            raise BadInput(where=str(path), field=name, rule=f"must be of the type {wanted}", value=given) from None
        if table[name].null_count:
            row = table[name].is_null().to_pylist().index(True)
            raise BadInput(where=f"{path} row {row + 1}", field=name, rule="must not be null", value=None)
    return table


def _numbers(column: pa.Array, kind: type[np.int64 | np.int32] = np.int64) -> Integers:
    """Return a column without nulls as numbers; its own `to_numpy` loads pandas."""
    _, held = column.buffers()
    if held is None:
        return np.zeros(0, dtype=np.int64)
    return np.frombuffer(held, dtype=kind)[column.offset : column.offset + len(column)].astype(np.int64)


def _meters(path: Path, table: pa.Table, complexes: Complexes) -> tuple[Integers, list[tuple[str, str]]]:
    """Return which meter each row is of, and the meters as (complex, meter)."""
    codes = np.zeros(table.num_rows, dtype=np.int64)
    for name in WHO:
        encoded = table[name].combine_chunks().dictionary_encode()
        codes = codes * max(len(encoded.dictionary), 1) + _numbers(encoded.indices, np.int32)
    _, first_rows, of_row = np.unique(codes, return_index=True, return_inverse=True)
    known = known_meters(complexes)
    meters = []
    for row in first_rows.tolist():
        who = [table[name][row].as_py() for name in WHO]
        if tuple(who) not in known:
            raise unknown_meter(f"{path} row {row + 1}", who, complexes)
        meters.append((who[0], who[1]))
    return np.asarray(of_row), meters


def _refuse(path: Path, table: pa.Table, name: str, wrong: Flags, rule: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadInput(where=f"{path} row {row + 1}", field=name, rule=rule, value=str(table[name][row].as_py()))
