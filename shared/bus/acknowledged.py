"""What the broker last acknowledged to a process, and when: the one judgement of whether the process gets through."""

from collections.abc import Callable
from datetime import datetime, timedelta

from shared.clock import monotonic_s, wall_now

# A member of a group hears the broker every 1.5 s, and a rebalance may keep it waiting for 8 s.
SILENCE_S_MAX = 10.0


class Acknowledged:
    """The bus and the run loop write down what they get through, from their own threads; any thread may ask.

    `elapsed_s` counts seconds from any beginning and never goes back.
    """

    def __init__(self, elapsed_s: Callable[[], float] = monotonic_s) -> None:
        self._elapsed_s = elapsed_s
        self._answered_s: float | None = None
        self._published_s: float | None = None
        self._waiting_since_s: float | None = None
        self._failing_since_s: float | None = None

    def answered(self) -> None:
        """Say that the broker has answered, whatever it was asked."""
        self._answered_s = self._elapsed_s()

    def published(self) -> None:
        """Say that the broker has taken messages from the outbox."""
        self._published_s = self._elapsed_s()
        self._waiting_since_s = None

    def outbox_has(self, messages: int) -> None:
        """Say whether something has to be published."""
        if not messages:
            self._waiting_since_s = None
        elif self._waiting_since_s is None:
            self._waiting_since_s = self._elapsed_s()

    def round_ended(self, *, well: bool) -> None:
        """Say whether the run loop got through a round; it did not where the broker was away."""
        if well:
            self._failing_since_s = None
        elif self._failing_since_s is None:
            self._failing_since_s = self._elapsed_s()

    def well(self) -> bool:
        """Say whether the broker answers and takes what there is to publish.

        A loop that is busy with its messages is well: what counts is how long the broker owes it something.
        """
        return self.silence_s() < SILENCE_S_MAX and self.owing_s() < SILENCE_S_MAX

    def silence_s(self) -> float:
        """Return the seconds since the broker last answered; infinite where it never did."""
        return float("inf") if self._answered_s is None else self._elapsed_s() - self._answered_s

    def owing_s(self) -> float:
        """Return for how long messages wait of which the broker takes none, or rounds fail at it."""
        since = [one for one in (self._waiting_since_s, self._failing_since_s) if one is not None]
        return self._elapsed_s() - min(since) if since else 0.0

    @property
    def answered_at(self) -> datetime | None:
        """Return when the broker last answered, by the wall's clock."""
        return self._wall(self._answered_s)

    @property
    def published_at(self) -> datetime | None:
        """Return when the broker last took messages from the outbox, by the wall's clock."""
        return self._wall(self._published_s)

    def _wall(self, instant_s: float | None) -> datetime | None:
        return None if instant_s is None else wall_now() - timedelta(seconds=self._elapsed_s() - instant_s)
