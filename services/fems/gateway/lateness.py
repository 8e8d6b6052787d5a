"""How late devices were asked, over the last while."""

from collections import deque

POLLS_KEPT = 100_000


class Punctuality:
    """Lateness of polls in wall seconds, since it was last told."""

    def __init__(self) -> None:
        self._late_s: deque[float] = deque(maxlen=POLLS_KEPT)

    def note(self, late_s: float) -> None:
        """Note one poll."""
        self._late_s.append(late_s)

    def told(self) -> dict[str, float]:
        """Return how many polls there were and how late they came [ms], and begin anew."""
        ordered = sorted(self._late_s)
        self._late_s.clear()
        if not ordered:
            return {"polls": 0}
        places = {"p50": 0.5, "p99": 0.99, "max": 1.0}
        late_ms = {
            f"late_ms_{name}": round(1e3 * ordered[min(int(part * len(ordered)), len(ordered) - 1)], 1)
            for name, part in places.items()
        }
        return {"polls": len(ordered), **late_ms}
