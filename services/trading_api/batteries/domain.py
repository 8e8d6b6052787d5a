"""Whether a day's batteries held their plans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.intervals import INTERVAL, interval_of


@dataclass(frozen=True, slots=True)
class Observed:
    """A battery's state of charge at an instant."""

    observed_at: datetime
    soc_wh: int


def largest_gap_wh(observed: Sequence[Observed], planned_wh: Mapping[datetime, int]) -> int | None:
    """Return the largest distance of a battery's state of charge from its plan; None where they share no instant.

    Args:
        observed: One observation an interval or fewer.
        planned_wh: What the plan of each interval, by its start, ends that interval with. In between it is a straight
            line.
    """
    gaps = []
    for observation in observed:
        start = interval_of(observation.observed_at)
        begin_wh, end_wh = planned_wh.get(start - INTERVAL), planned_wh.get(start)
        if begin_wh is not None and end_wh is not None:
            expected_wh = begin_wh + (end_wh - begin_wh) * ((observation.observed_at - start) / INTERVAL)
            gaps.append(abs(observation.soc_wh - round(expected_wh)))
    return max(gaps, default=None)
