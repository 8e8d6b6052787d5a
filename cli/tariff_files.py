"""The files of `sandan tariff bill`: a contract and a month of meter readings."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr

from cli.csv_table import CsvTable, read_table
from cli.decimal_columns import DecimalRule, scaled_column
from cli.exact_json import plain
from cli.json_file import read_json
from optimizers.tariff import NO_OPTION, Contract, MeterReadings, parse_month
from optimizers.tariff.meter import ENERGY_WH_MAX
from optimizers.tariff.timeline import SECONDS_PER_SLOT, Integers
from shared.errors import BadInput
from shared.units import scaled_integer
from shared.validation import checked

CONTRACT_KW_MAX = 10_000_000
ADJUSTMENT_KRW_MAX = 1_000
# A float that a program wrote has up to 17 digits; 1e-999999999 must not eat the memory.
DECIMALS_MAX = 20
REACTIVE_COLUMNS = ("lag_kvarh", "lead_kvarh")

_ENERGY = DecimalRule(decimals=3, least=0, most=ENERGY_WH_MAX, range_rule="must be >= 0 and <= 1,000,000 per interval")
_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE]-?\d{1,2})?", re.ASCII)
_WH = Decimal("0.001")


def _number(given: object) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, int | Decimal) or not Decimal(given).is_finite():
        raise ValueError("must be a number")
    return Decimal(given)


def _power(kw: Decimal) -> Decimal:
    if not 0 <= kw <= CONTRACT_KW_MAX or scaled_integer(kw, DECIMALS_MAX) is None:
        raise ValueError(f"must be >= 0 and <= {CONTRACT_KW_MAX:,} kW with at most {DECIMALS_MAX} decimals")
    return kw


def _contract_power(kw: Decimal) -> Decimal:
    if kw == 0:
        raise ValueError("must be > 0 kW")
    return kw


def _adjustment(krw_per_kwh: Decimal) -> Decimal:
    if abs(krw_per_kwh) > ADJUSTMENT_KRW_MAX or scaled_integer(krw_per_kwh, DECIMALS_MAX) is None:
        raise ValueError(f"must lie within +-{ADJUSTMENT_KRW_MAX:,} KRW per kWh, with at most {DECIMALS_MAX} decimals")
    return krw_per_kwh


def _month(text: str) -> str:
    try:
        parse_month(text)
    except BadInput as error:
        raise ValueError(error.rule) from None
    return text


Kw = Annotated[Decimal, BeforeValidator(_number), AfterValidator(_power)]
MonthName = Annotated[StrictStr, AfterValidator(_month)]


class ContractFile(BaseModel):
    """CONTRACT.json; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tariff_class: StrictStr = Field(alias="class")
    voltage: StrictStr
    option: StrictStr | None = None
    contract_kw: Annotated[Kw, AfterValidator(_contract_power)]
    past_peaks_kw: dict[MonthName, Kw] = {}
    fuel_adjustment_krw_per_kwh: Annotated[Decimal, BeforeValidator(_number), AfterValidator(_adjustment)] | None = None
    power_factor: StrictBool = False
    excess_noticed: StrictBool | None = None
    deferred: StrictBool = False


def read_contract(path: Path) -> Contract:
    """Read CONTRACT.json.

    Raises:
        BadInput: It is no JSON object (BadInputs: it breaks rules, each with its JSON path).
    """
    read = checked(ContractFile, read_json(path, number=_decimal), where=str(path))
    return Contract(
        tariff_class=read.tariff_class,
        voltage=read.voltage,
        option=NO_OPTION if read.option is None else read.option,
        contract_kw=read.contract_kw,
        past_peaks_kw=dict(read.past_peaks_kw),
        fuel_adjustment_krw_per_kwh=read.fuel_adjustment_krw_per_kwh,
        power_factor=read.power_factor,
        excess_noticed=read.excess_noticed,
        deferred=read.deferred,
    )


def read_meter(path: Path, starts: Integers, month: str) -> tuple[MeterReadings, int]:
    """Read METER.csv; rows may stand in any order, quarter hours may be missing.

    A start without offset is UTC, as the column's name says. Energy finer than a Wh is rounded half up to it.

    Args:
        path: The file.
        starts: The month's quarter hours, seconds since 1970 UTC.
        month: Its name, for messages.

    Returns:
        The readings in rising order, and how many numbers were rounded.

    Raises:
        BadInput: It is no such CSV, or has no row (BadInputs: rows break rules).
    """
    table = read_table(path, ("start_utc", "energy_kwh"), REACTIVE_COLUMNS)
    begins = _begins(table, starts, month)
    columns, rounded = {}, 0
    for name in ("energy_kwh", *REACTIVE_COLUMNS):
        if name in table.columns:
            columns[name], finer = _energy(table, name)
            rounded += finer
    table.close()
    if begins.size == 0:
        raise BadInput(where=str(path), field="row", rule=f"must have readings of {month}", value="none")
    order = np.argsort(begins)
    in_order = {name: column[order] for name, column in columns.items()}
    readings = MeterReadings(
        starts=begins[order],
        energy_wh=in_order["energy_kwh"],
        lag_varh=in_order.get("lag_kvarh"),
        lead_varh=in_order.get("lead_kvarh"),
    )
    return readings, rounded


def _begins(table: CsvTable, starts: Integers, month: str) -> Integers:
    texts = table.columns["start_utc"]
    begins = np.zeros(len(texts), dtype=np.int64)
    first_row: dict[int, str] = {}
    broken = []
    for position, text in enumerate(texts):
        try:
            instant = datetime.fromisoformat(text.strip())
        except ValueError:
            broken.append((position, "must be a time as ISO 8601, 2026-06-30T15:00:00Z"))
            continue
        seconds = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
        if seconds % SECONDS_PER_SLOT:
            broken.append((position, "must begin on a quarter hour"))
        elif not starts[0] <= seconds <= starts[-1]:
            broken.append((position, f"must lie in {month} ({_iso(starts[0])} to {_iso(starts[-1])})"))
        elif int(seconds) in first_row:
            broken.append((position, f"must not overlap another row's interval ({first_row[int(seconds)]} before)"))
        else:
            first_row[int(seconds)] = text
            begins[position] = int(seconds)
    table.refuse("start_utc", broken)
    return begins


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


def _decimal(text: str) -> object:
    return Decimal(text)  # also NaN and Infinity, which `_number` then refuses by their path


def _iso(epoch_s: int) -> str:
    return datetime.fromtimestamp(int(epoch_s), tz=UTC).strftime("%Y-%m-%dT%H:%MZ")
