"""A simulated day at the machine's own pace: time waits for forecasts, and for batteries not told yet what to do."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clock import SharedClock, monotonic_s
from shared.intervals import INTERVAL, INTERVALS_PER_DAY

# A set-point is taken until its interval begins.
BEFORE_DELIVERY = timedelta(minutes=1)
# A set-point that takes longer than this is not slow but missing, and the day goes on without it.
HOLD_S_MAX = 30.0


@dataclass
class Leash:
    """Where the clock of a simulated day has to stand until the system has caught up.

    On a machine that is too slow for the speed asked for, or busy with something else, the day takes longer; it does
    not come out differently.

    Args:
        clock: The day's clock.
        first: The day's first interval.
        setpoints_per_interval: How many are to be confirmed before an interval begins, one a battery.
        forecasts_per_interval: How many are to be issued before an interval ends, one a site; an interval that is over
            would get none.
        gone_without: Intervals that were not waited for any longer.
        gave_up: Whether the clock has stood at the day's end for so long that nothing more will come.
    """

    clock: SharedClock
    first: datetime
    setpoints_per_interval: int
    forecasts_per_interval: int
    gone_without: int = 0
    gave_up: bool = False
    _until: datetime | None = None
    _standing_since_s: float | None = None

    @property
    def end(self) -> datetime:
        """Return where the clock stops: the last interval is over then, and its day still the one on screen."""
        return self.first + (INTERVALS_PER_DAY + 1) * INTERVAL - BEFORE_DELIVERY

    def follow(self, setpoints_confirmed: int, forecasts_issued: int) -> None:
        """Let the clock go on as far as the set-points confirmed and the forecasts issued so far allow."""
        told = min(
            self._intervals(setpoints_confirmed, self.setpoints_per_interval),
            self._intervals(forecasts_issued, self.forecasts_per_interval) + 1,
        )
        is_told = told >= INTERVALS_PER_DAY
        until = self.end if is_told else self.first + told * INTERVAL - BEFORE_DELIVERY
        if until != self._until:
            self.clock.go_until(until)
            self._until, self._standing_since_s = until, None
        elif self.clock.speed > 0:
            self._standing_since_s = None
        elif self._standing_since_s is None:
            self._standing_since_s = monotonic_s()
        elif monotonic_s() - self._standing_since_s > HOLD_S_MAX:
            self.gone_without += 1
            self.gave_up = is_told

    def _intervals(self, count: int, each: int) -> int:
        """Return for how many intervals there is all that is waited for."""
        return count // each + self.gone_without if each else INTERVALS_PER_DAY
