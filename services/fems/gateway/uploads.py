"""Past meter data that people hand in: CSV files in a folder, checked row by row, published like any other reading.

    meter_id,start_utc,import_kwh[,export_kwh][,quality]

A file is taken whole or refused whole; it is then renamed to `.taken`, or to `.refused` beside a `.problems.txt`.
"""

import csv
import io
import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from sqlalchemy.engine import Engine

from services.fems.domain.counting import MARGIN_PERCENT, Flag, Limits
from services.fems.domain.numbering import INTERVALS_PER_HOUR, number_of
from services.fems.gateway.publishing import Metered, publish
from services.fems.gateway.ratings import limits_of
from shared.complexes import Complex, Device
from shared.errors import BadInput, BadInputs
from shared.events.base import INT64_MAX
from shared.events.fems import Quality
from shared.intervals import INTERVAL, is_delivery_start
from shared.units import scaled_integer

logger = logging.getLogger(__name__)

REQUIRED = ("meter_id", "start_utc", "import_kwh")
OPTIONAL = ("export_kwh", "quality")
PROBLEMS_MAX = 20
BYTES_MAX = 50_000_000
Rows = Mapping[str, list[Metered]]


class Uploads:
    """One complex's folder."""

    def __init__(self, complex_: Complex, engine: Engine, folder: Path) -> None:
        self._complex = complex_
        self._engine = engine
        self._folder = folder / complex_.complex_id
        self._folder.mkdir(parents=True, exist_ok=True)

    def take(self, now: datetime) -> None:
        """Take in every file that is there."""
        for path in sorted(self._folder.glob("*.csv")):
            facts = {"complex_id": self._complex.complex_id, "file": path.name}
            try:
                found = read_upload(path, self._complex, now=now)
            except (BadInput, BadInputs) as error:
                path.with_suffix(".problems.txt").write_text(f"{error}\n", encoding="utf-8")
                path.replace(path.with_suffix(".refused"))
                logger.warning("upload refused", extra=facts | {"reason": str(error).splitlines()[0]})
                continue
            devices = {device.device_id: device for device in self._complex.devices}
            with self._engine.begin() as db:
                for meter_id, rows in found.items():
                    publish(db, self._complex.complex_id, devices[meter_id], rows, now=now)
            # A process that dies before this takes the file again, and finds that all of it is published.
            path.replace(path.with_suffix(".taken"))
            logger.info("upload taken", extra=facts | {"readings": sum(map(len, found.values()))})


def read_upload(path: Path, complex_: Complex, *, now: datetime) -> Rows:
    """Read a file's intervals by meter.

    Raises:
        BadInput: It is no CSV with the columns that are asked for.
        BadInputs: Rows break rules; the first twenty are named.
    """
    devices = {device.device_id: device for device in complex_.devices}
    limits = {device_id: limits_of(complex_, device) for device_id, device in devices.items()}
    found: dict[str, list[Metered]] = {}
    seen: dict[tuple[str, int], int] = {}
    problems: list[BadInput] = []
    for number, row in _rows(path):
        where = f"{path.name} row {number}"
        try:
            device, one = _metered(row, devices, limits, where=where, now=now)
        except BadInput as problem:
            problems.append(problem)
        else:
            first = seen.setdefault((device.device_id, one.number), number)
            found.setdefault(device.device_id, []).append(one)
            if first != number:
                rule = f"must be unique for a meter (row {first} has it too)"
                problems.append(BadInput(where=where, field="start_utc", rule=rule, value=row["start_utc"]))
        if len(problems) == PROBLEMS_MAX:
            break
    if problems:
        raise BadInputs(problems)
    return found


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row as a mapping of all columns, numbered from 1, header not counted."""
    if path.stat().st_size > BYTES_MAX:
        rule = f"must have at most {BYTES_MAX} bytes"
        raise BadInput(where=path.name, field="file", rule=rule, value=path.stat().st_size)
    try:
        reader = csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), strict=True)
        lines = [line for line in reader if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(where=path.name, field="file", rule="must be CSV in UTF-8", value=str(error)) from None
    header = [name.strip() for name in lines[0]] if lines else []
    if not set(REQUIRED) <= set(header) <= {*REQUIRED, *OPTIONAL} or len(set(header)) < len(header):
        rule = f"must be {','.join(REQUIRED)}[,{'][,'.join(OPTIONAL)}]"
        raise BadInput(where=path.name, field="header", rule=rule, value=",".join(header))
    for number, line in enumerate(lines[1:], start=1):
        if len(line) != len(header):
            rule = f"must have {len(header)} fields"
            raise BadInput(where=f"{path.name} row {number}", field="row", rule=rule, value=",".join(line))
        yield number, dict.fromkeys(OPTIONAL, "") | dict(zip(header, map(str.strip, line), strict=True))


def _metered(
    row: Mapping[str, str], devices: Mapping[str, Device], limits: Mapping[str, Limits], *, where: str, now: datetime
) -> tuple[Device, Metered]:
    device = devices.get(row["meter_id"])
    if device is None:
        rule = "must be a meter of the complex"
        raise BadInput(where=where, field="meter_id", rule=rule, value=row["meter_id"])
    start = _start(row["start_utc"], where=where, now=now)
    import_wh = _energy_wh(row["import_kwh"], where=where, field="import_kwh")
    export_wh = _energy_wh(row["export_kwh"] or "0", where=where, field="export_kwh")
    known = [Quality.EDITED.value, Quality.MEASURED.value, Quality.ESTIMATED.value]
    if row["quality"] not in ("", *known):
        raise BadInput(where=where, field="quality", rule=f"must be one of {known}", value=row["quality"])
    most = limits[device.device_id]
    too_much = (
        import_wh * INTERVALS_PER_HOUR * 100 > most.import_w_max * MARGIN_PERCENT
        or export_wh * INTERVALS_PER_HOUR * 100 > most.export_w_max * MARGIN_PERCENT
    )
    if too_much:
        rule = f"must be what the connection can carry ({most.import_w_max} W in, {most.export_w_max} W out)"
        raise BadInput(where=where, field="import_kwh", rule=rule, value=f"{row['import_kwh']}, {row['export_kwh']}")
    quality = Quality(row["quality"] or Quality.EDITED)
    flags = frozenset({Flag.UPLOADED})
    return device, Metered(number_of(start), import_wh, export_wh, quality, flags)


def _start(text: str, *, where: str, now: datetime) -> datetime:
    try:
        start = datetime.fromisoformat(text)
        known = start.tzinfo is not None and is_delivery_start(start) and start + INTERVAL <= now
    except (ValueError, OverflowError):
        known = False
    if not known:
        rule = "must be a quarter hour that has ended, ISO 8601 with offset"
        raise BadInput(where=where, field="start_utc", rule=rule, value=text)
    return start


def _energy_wh(text: str, *, where: str, field: str) -> int:
    try:
        number = Decimal(text)
        energy_wh = (
            scaled_integer(number, 3) if number.is_finite() and abs(number.adjusted()) < len(str(INT64_MAX)) else None
        )
    except InvalidOperation:
        energy_wh = None
    if energy_wh is None or energy_wh < 0:
        rule = "must be a number >= 0 kWh with at most 3 decimals"
        raise BadInput(where=where, field=field, rule=rule, value=text)
    return energy_wh
