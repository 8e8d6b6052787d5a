"""For how long the gateway keeps what: readings and minutes in the database, days in the archive."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import Engine

from services.fems import store
from services.fems.domain.interval_numbers import number_of
from services.fems.gateway.intake.admission import KEEP
from shared.db.engine import reading
from shared.intervals import day_start, trading_day_of

if TYPE_CHECKING:
    from services.fems.gateway.archive import Archive

MINUTES_KEEP = timedelta(days=2)
ARCHIVE_KEEP = timedelta(days=3_660)


class Keeper:
    """One complex's; looks once an interval.

    Args:
        complex_id: The complex.
        engine: The gateway's database.
        readings: For how long published readings are kept.
        minutes: For how long minutes are kept.
        archive_dir: Where days are kept as files; None: nowhere.
        archive: For how long.
    """

    def __init__(
        self,
        complex_id: str,
        engine: Engine,
        *,
        readings: timedelta = KEEP,
        minutes: timedelta = MINUTES_KEEP,
        archive_dir: Path | None = None,
        archive: timedelta = ARCHIVE_KEEP,
    ) -> None:
        self._complex_id = complex_id
        self._engine = engine
        self._readings = readings
        self._minutes = minutes
        self._archive = None if archive_dir is None else _opened(complex_id, engine, archive_dir, archive)
        self._seen: int | None = None

    def is_due(self, now: datetime) -> bool:
        """Say whether an interval has ended since the last look."""
        return number_of(now) != self._seen

    def keep(self, now: datetime) -> None:
        """Write the archive's days that are due, and forget what is too old."""
        minutes_since = day_start(trading_day_of(now - self._minutes))
        readings_since = day_start(trading_day_of(now - self._readings))
        if self._archive is not None:
            self._archive.write_due(now, minutes_since)
            with reading(self._engine) as db:
                waiting = store.unarchived_days(db, self._complex_id)
            if waiting:
                minutes_since = min(minutes_since, day_start(waiting[0]))
                readings_since = min(readings_since, day_start(waiting[0]))
        with self._engine.begin() as db:
            store.forget_readings(db, self._complex_id, readings_since)
            store.forget_minutes(db, self._complex_id, minutes_since)
        self._seen = number_of(now)


def _opened(complex_id: str, engine: Engine, folder: Path, keep: timedelta) -> "Archive":
    # Arrow takes a second to load, and memory, which only those pay who have an archive.
    from services.fems.gateway.archive import Archive

    return Archive(complex_id, engine, folder, keep=keep)
