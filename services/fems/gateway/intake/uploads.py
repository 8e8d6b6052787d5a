"""Past meter data that people hand in: CSV files in a folder, checked row by row, published like any other reading.

    meter_id,start_utc,import_kwh[,export_kwh][,quality]

A file is taken whole or refused whole; it is then renamed to `.taken`, or to `.refused` beside a `.problems.txt`, as is
whatever else has such a name. What can't be renamed stays, is logged once, and is looked at again when it changes.
"""

import csv
import io
import logging
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Engine

from services.fems.domain.interval_numbers import start_of
from services.fems.gateway.intake.admission import OPTIONAL, REQUIRED, ReadingAdmission
from services.fems.gateway.publishing import Metered, publish
from shared.errors import ODD_INPUT, BadInput, BadInputs
from shared.files import StillWritten, read_file
from shared.intervals import INTERVAL_S
from shared.metering.series import change_of_step, is_register, step_s
from shared.units import kwh_text

logger = logging.getLogger(__name__)

PROBLEMS_MAX = 20
BYTES_MAX = 50_000_000
Rows = Mapping[str, list[Metered]]


class Uploads:
    """One complex's folder."""

    def __init__(self, desk: ReadingAdmission, engine: Engine, folder: Path) -> None:
        self._desk = desk
        self._engine = engine
        self._folder = folder / desk.complex_id
        # What stays in the folder although it is done with, by name, as it was then.
        self._left: dict[str, tuple[int, ...]] = {}
        self._folder_fault: str | None = None
        self._waiting()

    def take(self, now: datetime) -> None:
        """Take in every file that is there."""
        for path in self._waiting():
            stamp = _stamp(path)
            if stamp is None or self._left.get(path.name) == stamp:
                continue
            facts = {"complex_id": self._desk.complex_id, "file": path.name}
            try:
                found = read_upload(path, self._desk, now=now)
            except (FileNotFoundError, StillWritten):
                # Gone again, or not all there yet.
                continue
            except (BadInput, BadInputs) as error:
                self._refuse(path, str(error), stamp)
                continue
            except ODD_INPUT as odd:
                logger.exception("upload was not understood", extra=facts)
                self._refuse(path, f"{path.name}: file was not understood ({type(odd).__name__})", stamp)
                continue
            with self._engine.begin() as db:
                for meter_id, rows in found.items():
                    publish(db, self._desk.complex_id, self._desk.devices[meter_id], rows, now=now)
            # A process that dies before this takes the file again, and finds that all of it is published.
            self._rename(path, ".taken", stamp)
            logger.info("upload taken", extra=facts | {"readings": sum(map(len, found.values()))})

    def _waiting(self) -> list[Path]:
        """Return what has a file's name, in order; nothing where the folder is away."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with os.scandir(self._folder) as entries:
                found = sorted(self._folder / entry.name for entry in entries if entry.name.endswith(".csv"))
        except OSError as error:
            if self._folder_fault != str(error):
                logger.error("upload folder can't be read", extra={"reason": str(error)})  # noqa: TRY400 -- it is whole
            self._folder_fault = str(error)
            return []
        self._folder_fault = None
        self._left = {path.name: self._left[path.name] for path in found if path.name in self._left}
        return found

    def _refuse(self, path: Path, problems: str, stamp: tuple[int, ...]) -> None:
        facts = {"complex_id": self._desk.complex_id, "file": path.name}
        logger.warning("upload refused", extra=facts | {"reason": problems.splitlines()[0]})
        told = path.with_suffix(".problems.txt")
        try:
            # Written anew, not into what stands there, which might be a link or a pipe.
            told.unlink(missing_ok=True)
            with told.open("x", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{problems}\n")
        except OSError as error:
            facts |= {"reason": str(error)}
            logger.error("problems of an upload were not written", extra=facts)  # noqa: TRY400 -- the reason is all
        self._rename(path, ".refused", stamp)

    def _rename(self, path: Path, suffix: str, stamp: tuple[int, ...]) -> None:
        try:
            path.replace(path.with_suffix(suffix))
        except OSError as error:
            self._left[path.name] = stamp
            facts = {"complex_id": self._desk.complex_id, "file": path.name, "reason": str(error)}
            logger.error("upload can't be renamed", extra=facts)  # noqa: TRY400 -- the reason is the whole story


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Return what changes with a file's content; None where it is gone."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_mode


def read_upload(path: Path, desk: ReadingAdmission, *, now: datetime) -> Rows:
    """Read a file's intervals by meter.

    Raises:
        FileNotFoundError: It is gone.
        BadInput: It is no file, or no CSV with the columns that are asked for.
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
    for meter_id, rows in found.items():
        problems += _not_quarter_hours(path.name, {seen[meter_id, one.number]: one for one in rows})
    if problems:
        raise BadInputs(problems)
    return found


def _not_quarter_hours(file: str, rows: Mapping[int, Metered]) -> Iterator[BadInput]:
    """Say where a meter's rows, by their number, are hours or half hours, or what a register showed."""
    ordered = sorted(rows.items(), key=lambda row: row[1].number)
    starts = [one.number * INTERVAL_S for _, one in ordered]
    changed = 0 if step_s(starts) > INTERVAL_S else change_of_step(starts)
    if changed is not None:
        number, one = ordered[changed]
        minutes = (starts[changed + 1] - starts[changed]) // 60
        rule, start = "must be one of quarter hours", start_of(one.number).isoformat()
        hint = f"rows are {minutes} minutes apart from here on"
        yield BadInput(where=f"{file} row {number}", field="start_utc", rule=rule, value=start, hint=hint)
    columns = (
        ("import_kwh", [one.import_wh for _, one in ordered]),
        ("export_kwh", [one.export_wh for _, one in ordered]),
    )
    for field, column_wh in columns:
        if is_register(column_wh):
            rule, value = "must be the energy of the interval, not a register's reading", kwh_text(column_wh[0])
            yield BadInput(where=f"{file} row {ordered[0][0]}", field=field, rule=rule, value=value)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row as a mapping of all columns, numbered from 1, header not counted."""
    content = io.BytesIO(read_file(path, bytes_max=BYTES_MAX))
    reader = csv.reader(io.TextIOWrapper(content, encoding="utf-8-sig", newline=""), strict=True)
    try:
        lines = (line for line in reader if line)
        header = [name.strip() for name in next(lines, [])]
        if not set(REQUIRED) <= set(header) <= {*REQUIRED, *OPTIONAL} or len(set(header)) < len(header):
            rule = f"must be {','.join(REQUIRED)}[,{'][,'.join(OPTIONAL)}]"
            raise BadInput(where=path.name, field="header", rule=rule, value=",".join(header))
        for number, line in enumerate(lines, start=1):
            if len(line) != len(header):
                rule = f"must have {len(header)} fields"
                raise BadInput(where=f"{path.name} row {number}", field="row", rule=rule, value=",".join(line))
            yield number, dict.fromkeys(OPTIONAL, "") | dict(zip(header, map(str.strip, line), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(where=path.name, field="file", rule="must be CSV in UTF-8", value=str(error)) from None
