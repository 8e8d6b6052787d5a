"""The counting of every meter that remembers no intervals itself, and its place in the database."""

from collections.abc import Mapping

from sqlalchemy.engine import Connection

from services.fems import store
from services.fems.domain.counting import Closed, Count, Limits, Sample, advance, begin


class Counts:
    """A complex's meters by id; what is in the database is as of the last completed interval."""

    def __init__(self, complex_id: str, known: Mapping[str, Count]) -> None:
        self._complex_id = complex_id
        self._counts = dict(known)
        self._changed: set[str] = set(known)

    def take(self, meter_id: str, sample: Sample, limits: Limits) -> list[Closed]:
        """Take in a reading, and return the intervals that it completes."""
        count = self._counts.get(meter_id)
        if count is None:
            self._counts[meter_id] = begin(sample)
            return []
        self._counts[meter_id], closed = advance(count, sample, limits)
        return closed

    def save(self, db: Connection) -> None:
        """Remember how far counting has come."""
        store.save_counts(db, self._complex_id, self._counts)
