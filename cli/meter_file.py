"""METER.csv of `sandan tariff bill`: a month of energy by interval, believed only where it can be that."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np

from cli.csv_table import CsvTable, read_table
from cli.decimal_columns import DecimalRule, scaled_column
from cli.exact_json import plain
from optimizers.tariff.contract import Contract
from optimizers.tariff.meter import ENERGY_WH_MAX, MeterReadings, spread_evenly
from shared.arrays import Integers
from shared.complex.ratings import CONTRACT_FACTOR
from shared.errors import BadInput
from shared.intervals import INTERVAL_S
from shared.metering.series import change_of_step, is_register, step_s
from shared.units import WH_PER_KWH

START, ENERGY = "start_utc", "energy_kwh"
REACTIVE_COLUMNS = ("lag_kvarh", "lead_kvarh")
UNITS = {ENERGY: "kWh"} | dict.fromkeys(REACTIVE_COLUMNS, "kvarh")
SECONDS_PER_HOUR = 3600
# What a bill can be made of: bands begin on the hour, so that energy by the half hour or hour has its band.
STEPS_S = (INTERVAL_S, SECONDS_PER_HOUR // 2, SECONDS_PER_HOUR)
# Beyond this share of rows off the quarter hour it is the file's step that is wrong, and not a row.
OFF_GRID_SHARE = 0.1

_ENERGY = DecimalRule(decimals=3, least=0, most=ENERGY_WH_MAX, range_rule="must be >= 0 and <= 1,000,000 per interval")
_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE]-?\d{1,2})?", re.ASCII)
_WH = Decimal("0.001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a file is to be about: a month's quarter hours (seconds since 1970 UTC), its name, and the contract."""

    starts: Integers
    month: str
    contract: Contract


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterFile:
    """The readings in rising order, how many numbers were rounded, and how many starts had no offset."""

    readings: MeterReadings
    rounded: int
    without_offset: int


def read_meter(path: Path, asked: Asked) -> MeterFile:
    """Read METER.csv; rows may stand in any order, intervals may be missing.

    A start without offset is UTC, as the column's name says. Energy finer than a Wh is rounded half up to it. Intervals
    of half an hour or an hour are read as quarter hours of the same energy, and the readings say so.

    Raises:
        BadInput: It is no such CSV, has no row, or its numbers can't be energy by interval of this contract: register
            readings, another unit, another step (BadInputs: rows break rules).
    """
    table = read_table(path, (START, ENERGY), REACTIVE_COLUMNS)
    begins = _begins(table, asked)
    columns, rounded = {}, 0
    for name in (ENERGY, *REACTIVE_COLUMNS):
        if name in table.columns:
            columns[name], finer = _energy(table, name)
            rounded += finer
    table.close()
    if begins.size == 0:
        raise BadInput(where=str(path), field="row", rule=f"must have readings of {asked.month}", value="none")
    order = np.argsort(begins)
    step = _step(table, begins, order, asked)
    for name, column in columns.items():
        _refuse_register(table, name, column, order)
        _refuse_beyond_contract(table, name, column, asked.contract, step)
    in_order = {name: column[order] for name, column in columns.items()}
    readings = MeterReadings(
        starts=begins[order],
        energy_wh=in_order[ENERGY],
        lag_varh=in_order.get("lag_kvarh"),
        lead_varh=in_order.get("lead_kvarh"),
    )
    return MeterFile(
        readings=readings if step == INTERVAL_S else spread_evenly(readings, step),
        rounded=rounded,
        without_offset=sum(datetime.fromisoformat(text.strip()).tzinfo is None for text in table.columns[START]),
    )


def _begins(table: CsvTable, asked: Asked) -> Integers:
    starts, month = asked.starts, asked.month
    instants = _instants(table)
    _refuse_step_off_grid(table, instants)
    begins = np.zeros(len(instants), dtype=np.int64)
    first_row: dict[int, str] = {}
    broken = []
    lies = f"must lie in {month} ({_iso(starts[0])} to {_iso(starts[-1])})"
    for position, seconds in enumerate(instants):
        if seconds is None:
            continue
        text = table.columns[START][position]
        if seconds % INTERVAL_S:
            broken.append((position, "must begin on a quarter hour"))
        elif not starts[0] <= seconds <= starts[-1]:
            at_the_end = seconds == starts[-1] + INTERVAL_S
            if datetime.fromisoformat(text.strip()).tzinfo is None:
                broken.append((position, f"{lies}; without an offset it is UTC"))
            else:
                broken.append((position, f"{lies}: the interval's start, not its end" if at_the_end else lies))
        elif seconds in first_row:
            broken.append((position, f"must not overlap another row's interval ({first_row[seconds]} before)"))
        else:
            first_row[seconds] = text
            begins[position] = seconds
    table.refuse(START, broken)
    return begins


def _instants(table: CsvTable) -> list[int | None]:
    """Return every row's start in whole seconds since 1970 UTC, None where it is no time; part of a second counts up.

    Beside rows with another offset, one without it says nothing.
    """
    instants: list[int | None] = []
    without: list[int] = []
    broken, shifted = [], False
    for position, text in enumerate(table.columns[START]):
        try:
            instant = datetime.fromisoformat(text.strip())
        except ValueError:
            broken.append((position, "must be a time as ISO 8601, 2026-06-30T15:00:00Z"))
            instants.append(None)
            continue
        if instant.tzinfo is None:
            without.append(position)
            instant = instant.replace(tzinfo=UTC)
        shifted = shifted or bool(instant.utcoffset())
        instants.append(-int(-instant.timestamp() // 1))
    if shifted:
        broken += [(position, "must have an offset, as other rows have another than UTC's") for position in without]
    table.refuse(START, broken)
    return instants


def _refuse_step_off_grid(table: CsvTable, instants: Sequence[int | None]) -> None:
    """Refuse a file in minutes, or beside the quarter hours, with one sentence in place of one for each row."""
    known = sorted({seconds for seconds in instants if seconds is not None})
    off = [position for position, seconds in enumerate(instants) if seconds is not None and seconds % INTERVAL_S]
    if len(known) <= 2 or len(off) <= OFF_GRID_SHARE * len(known):  # noqa: PLR2004 -- two rows have no step
        return
    minutes = step_s(known) / 60
    rule, hint = "must begin on a quarter hour", f"{len(off)} rows do not"
    if step_s(known) < INTERVAL_S:
        hint = f"rows are {minutes:g} minutes apart: add their energy up to quarter hours first"
    raise table.problem(START, off[0], rule, hint)


def _step(table: CsvTable, begins: Integers, order: Integers, asked: Asked) -> int:
    """Return how long the meter's intervals are [s]; refuse a step that has no bands, and one that changes."""
    starts = begins[order].tolist()
    step = step_s(starts)
    first = int(order[0])
    if step not in STEPS_S:
        rule = "must follow by quarter hours (or half hours, or hours)"
        raise table.problem(START, first, rule, f"rows are {step / 60:g} minutes apart")
    changed = change_of_step(starts)
    if changed is not None:
        apart = (starts[changed + 1] - starts[changed]) // 60
        rule = f"must keep the step of the other rows, {step // 60} minutes"
        hint = f"from here on rows are {apart} minutes apart: bill each part's kind of intervals by itself"
        raise table.problem(START, int(order[changed]), rule, hint)
    off = np.flatnonzero((begins - asked.starts[0]) % step)
    if off.size:
        raise table.problem(START, int(off[0]), f"must begin on a multiple of the file's step, {step // 60} minutes")
    return step


def _refuse_register(table: CsvTable, name: str, column: Integers, order: Integers) -> None:
    if is_register(column[order].tolist()):
        rule = "must be the energy of the interval, not a register's reading"
        hint = "the numbers rise from row to row: give each one less the one before"
        raise table.problem(name, int(order[0]), rule, hint)


def _refuse_beyond_contract(table: CsvTable, name: str, column: Integers, contract: Contract, step: int) -> None:
    """Refuse what the connection can't draw: a wrong unit, or average power in place of energy."""
    most_kwh = CONTRACT_FACTOR * Decimal(contract.contract_kw) * step / SECONDS_PER_HOUR
    beyond = np.flatnonzero(column > float(most_kwh * WH_PER_KWH))
    if beyond.size:
        unit = UNITS[name]
        rule = (
            f"must be <= {plain(most_kwh)} {unit} in {step // 60} minutes, {CONTRACT_FACTOR} times the contract power "
            f"of {plain(Decimal(contract.contract_kw))} kW"
        )
        hint = f"{beyond.size} of {column.size} rows are not: a register's reading, another unit, or average power?"
        raise table.problem(name, int(beyond[0]), rule, hint)


def _energy(table: CsvTable, name: str) -> tuple[Integers, int]:
    texts: Sequence[str] = table.columns[name]
    rounded = [_to_the_wh(text) for text in texts]
    scaled, broken = scaled_column(rounded, _ENERGY)
    table.refuse(name, broken)
    return scaled, sum(text != given for text, given in zip(rounded, texts, strict=True))


def _to_the_wh(text: str) -> str:
    if len(text) - text.find(".") <= 4 or not _NUMBER.fullmatch(text.strip()):  # noqa: PLR2004 -- a point, 3 decimals
        return text
    return plain(Decimal(text.strip()).quantize(_WH, ROUND_HALF_UP))


def _iso(epoch_s: int) -> str:
    return datetime.fromtimestamp(int(epoch_s), tz=UTC).strftime("%Y-%m-%dT%H:%MZ")
