"""The counting of every meter that remembers no intervals itself."""

from collections.abc import Mapping

from services.fems.domain.metering.counting import Closed, Count, CounterLimits, Sample, advance, begin


class Counts:
    """A complex's meters by id; what is in the database is as of the last completed interval."""

    def __init__(self, known: Mapping[str, Count]) -> None:
        self._counts = dict(known)

    def take(self, meter_id: str, sample: Sample, limits: CounterLimits) -> list[Closed]:
        """Take in a reading, and return the intervals that it completes."""
        count = self._counts.get(meter_id)
        if count is None:
            self._counts[meter_id] = begin(sample)
            return []
        self._counts[meter_id], closed = advance(count, sample, limits)
        return closed

    def snapshot(self) -> Mapping[str, Count]:
        """Return how far counting has come."""
        return dict(self._counts)
