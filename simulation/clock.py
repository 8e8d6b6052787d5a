"""A clock that stands until it is set."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class ManualClock:
    """A clock that is set by hand."""

    instant: datetime
    speed: float = 0.0
    rate: float = 1.0
    is_simulated: bool = True
    times_set: int = 0

    def now(self) -> datetime:
        """Return the instant that was set."""
        return self.instant

    shown = now

    def advance(self, by: timedelta) -> None:
        """Move forward by a duration."""
        self.instant += by
