"""Long history as Parquet: a file a Korean day, replaced in one step, so that a reader finds it whole or not at all.

    FOLDER/COMPLEX/DAY.parquet            quarter hours as published
    FOLDER/COMPLEX/minutes/DAY.parquet    minutes from the counters

Columns: meter_id, start_utc, import_wh, export_wh, quality.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet
from sqlalchemy.engine import Connection, Engine

from services.fems import store
from services.fems.domain.metering.rollup import Reading
from shared.db.engine import reading
from shared.intervals import DAY, day_start, trading_day_of

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 50_000
READ_HOURS = 4
# What meters tell of a day's last interval comes within minutes; whatever comes later writes the file again.
SETTLING = timedelta(minutes=30)
_SCHEMA = pa.schema(
    [
        ("meter_id", pa.string()),
        ("start_utc", pa.timestamp("us", tz="UTC")),
        ("import_wh", pa.int64()),
        ("export_wh", pa.int64()),
        ("quality", pa.string()),
    ]
)


class Archive:
    """One complex's files."""

    def __init__(self, complex_id: str, engine: Engine, folder: Path, *, keep: timedelta) -> None:
        self._complex_id = complex_id
        self._engine = engine
        self._folder = folder
        self._keep = keep

    def write_due(self, now: datetime, minutes_since: datetime) -> None:
        """Write the days that are over and were published since they were written, and drop files that are too old.

        The database has all minutes from `minutes_since` on; of an earlier day the first file stays.
        """
        with reading(self._engine) as db:
            days = store.unarchived_days(db, self._complex_id)
        for day in days:
            if day_start(day) + DAY + SETTLING <= now:
                try:
                    self._write(day, minutes_since)
                except OSError as error:
                    # A full disk, or a folder that is away: the day stays noted, and the database keeps it.
                    facts = {"complex_id": self._complex_id, "day": day.isoformat(), "reason": str(error)}
                    logger.error("archive was not written", extra=facts)  # noqa: TRY400 -- the reason is the whole story
        self._prune(trading_day_of(now - self._keep))

    def _write(self, day: date, minutes_since: datetime) -> None:
        minutes_file = day_file(self._folder, self._complex_id, day, minutes=True)
        with reading(self._engine) as db:
            write_day(day_file(self._folder, self._complex_id, day), self._quarters(db, day))
            if day_start(day) >= minutes_since or not minutes_file.exists():
                write_day(minutes_file, self._minutes(db, day))
        # A process that dies before this writes the same files again.
        with self._engine.begin() as db:
            store.forget_unarchived(db, self._complex_id, day)
        logger.info("day archived", extra={"complex_id": self._complex_id, "day": day.isoformat()})

    def _quarters(self, db: Connection, day: date) -> Iterable[Reading]:
        return store.readings_between(db, self._complex_id, day_start(day), day_start(day) + DAY)

    def _minutes(self, db: Connection, day: date) -> Iterator[Reading]:
        """Yield a day's minutes, some hours at a time, as a large complex has more than a million of them."""
        part = timedelta(hours=READ_HOURS)
        for number in range(DAY // part):
            start = day_start(day) + number * part
            yield from store.minutes_between(db, self._complex_id, start, start + part)

    def _prune(self, oldest: date) -> None:
        """Drop the files of older days; what is no day's, or can't be dropped, is not ours to judge and stays."""
        for path in (self._folder / self._complex_id).glob("**/*.parquet"):
            with suppress(ValueError, OSError):
                day = date.fromisoformat(path.stem)
                if day < oldest and path.stem == day.isoformat():
                    path.unlink()


def day_file(folder: Path, complex_id: str, day: date, *, minutes: bool = False) -> Path:
    """Return where a day's quarter hours, or its minutes, are kept."""
    own = folder / complex_id
    return (own / "minutes" if minutes else own) / f"{day.isoformat()}.parquet"


def write_day(path: Path, readings: Iterable[Reading]) -> None:
    """Write a day's readings over what was there, if there are any; a process killed meanwhile leaves the old file.

    Raises:
        OSError: The folder can't be written.
    """
    rest = iter(readings)
    rows = list(islice(rest, ROWS_AT_ONCE))
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        with parquet.ParquetWriter(file, _SCHEMA) as writer:
            while rows:
                writer.write_table(_table(rows))
                rows = list(islice(rest, ROWS_AT_ONCE))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _table(rows: Sequence[Reading]) -> pa.Table:
    columns = [
        [row.meter_id for row in rows],
        [row.start for row in rows],
        [row.import_wh for row in rows],
        [row.export_wh for row in rows],
        [str(row.quality) for row in rows],
    ]
    return pa.table(columns, schema=_SCHEMA)


def read_day(path: Path) -> list[Reading]:
    """Read what `write_day` wrote; nothing where there is no file.

    Raises:
        OSError: The file can't be read.
        pyarrow.ArrowInvalid: It is no such file.
    """
    if not path.exists():
        return []
    columns = parquet.read_table(path, schema=_SCHEMA).to_pydict()
    return [Reading(*row) for row in zip(*(columns[name] for name in _SCHEMA.names), strict=True)]
