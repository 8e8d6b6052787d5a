"""Published readings summed over time and meters; every sum says of how many readings it is, and how good they are."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.intervals import INTERVAL, INTERVALS_PER_DAY, day_start, trading_day_of

HOUR = timedelta(hours=1)


class Period(StrEnum):
    """What is summed over; days are Korean."""

    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"

    @property
    def intervals(self) -> int:
        """Return how many delivery intervals it has."""
        return {Period.QUARTER: 1, Period.HOUR: HOUR // INTERVAL, Period.DAY: INTERVALS_PER_DAY}[self]

    def start_of(self, delivery_start: datetime) -> datetime:
        """Return where the period begins that an interval lies in."""
        if self is Period.DAY:
            return day_start(trading_day_of(delivery_start))
        return delivery_start.replace(minute=0) if self is Period.HOUR else delivery_start


@dataclass(frozen=True, slots=True)
class Reading:
    """A meter's published energy in one interval."""

    meter_id: str
    delivery_start: datetime
    import_wh: int
    export_wh: int
    quality: str


@dataclass(frozen=True, slots=True)
class Sum:
    """Energy of a group of meters in a period.

    Attributes:
        qualities: How many readings there are of each quality.
        absent: How many readings there should be and are not.
    """

    group: str
    start: datetime
    import_wh: int
    export_wh: int
    qualities: Mapping[str, int]
    absent: int


def rolled_up(readings: Iterable[Reading], groups: Mapping[str, str], period: Period) -> list[Sum]:
    """Return the sums by group and period, in the groups' order and then by time; meters of no group are left out.

    Args:
        readings: At most one for each meter and interval.
        groups: The group of each meter that counts.
        period: What to sum over.
    """
    flows: dict[tuple[str, datetime], list[int]] = {}
    qualities: dict[tuple[str, datetime], Counter[str]] = {}
    for reading in readings:
        group = groups.get(reading.meter_id)
        if group is None:
            continue
        place = (group, period.start_of(reading.delivery_start))
        flow = flows.setdefault(place, [0, 0])
        flow[0] += reading.import_wh
        flow[1] += reading.export_wh
        qualities.setdefault(place, Counter())[reading.quality] += 1
    members = Counter(groups.values())
    order = {group: position for position, group in enumerate(dict.fromkeys(groups.values()))}
    return [
        Sum(
            group=group,
            start=start,
            import_wh=flows[group, start][0],
            export_wh=flows[group, start][1],
            qualities=dict(sorted(qualities[group, start].items())),
            absent=members[group] * period.intervals - qualities[group, start].total(),
        )
        for group, start in sorted(flows, key=lambda place: (order[place[0]], place[1]))
    ]
