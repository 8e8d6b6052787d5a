"""Past meter data that people hand in: CSV files in a folder, checked row by row, published like any other reading.

    meter_id,start_utc,import_kwh[,export_kwh][,quality]

A file is taken whole or refused whole; it is then renamed to `.taken`, or to `.refused` beside a `.problems.txt`.
"""

import csv
import io
import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Engine

from services.fems.gateway.publishing import Metered, publish
from services.fems.gateway.submitted import OPTIONAL, REQUIRED, Desk
from shared.errors import BadInput, BadInputs

logger = logging.getLogger(__name__)

PROBLEMS_MAX = 20
BYTES_MAX = 50_000_000
Rows = Mapping[str, list[Metered]]


class Uploads:
    """One complex's folder."""

    def __init__(self, desk: Desk, engine: Engine, folder: Path) -> None:
        self._desk = desk
        self._engine = engine
        self._folder = folder / desk.complex_id
        self._folder.mkdir(parents=True, exist_ok=True)

    def take(self, now: datetime) -> None:
        """Take in every file that is there."""
        for path in sorted(self._folder.glob("*.csv")):
            facts = {"complex_id": self._desk.complex_id, "file": path.name}
            try:
                found = read_upload(path, self._desk, now=now)
            except (BadInput, BadInputs) as error:
                path.with_suffix(".problems.txt").write_text(f"{error}\n", encoding="utf-8")
                path.replace(path.with_suffix(".refused"))
                logger.warning("upload refused", extra=facts | {"reason": str(error).splitlines()[0]})
                continue
            with self._engine.begin() as db:
                for meter_id, rows in found.items():
                    publish(db, self._desk.complex_id, self._desk.devices[meter_id], rows, now=now)
            # A process that dies before this takes the file again, and finds that all of it is published.
            path.replace(path.with_suffix(".taken"))
            logger.info("upload taken", extra=facts | {"readings": sum(map(len, found.values()))})


def read_upload(path: Path, desk: Desk, *, now: datetime) -> Rows:
    """Read a file's intervals by meter.

    Raises:
        BadInput: It is no CSV with the columns that are asked for.
        BadInputs: Rows break rules; the first twenty are named.
    """
    found: dict[str, list[Metered]] = {}
    seen: dict[tuple[str, int], int] = {}
    problems: list[BadInput] = []
    for number, row in _rows(path):
        where = f"{path.name} row {number}"
        try:
            device, one = desk.checked(row, where=where, now=now)
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
