"""Published readings summed over time and meters; every sum says of how many readings it is, and how good they are."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.intervals import INTERVAL, INTERVALS_PER_DAY, day_start, trading_day_of

HOUR = timedelta(hours=1)
TOLERANCE_WH = 10


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


@dataclass(frozen=True, slots=True)
class Unbalanced:
    """An interval in which a factory's meters say that it consumed less than nothing."""

    group: str
    start: datetime
    load_wh: int


def unbalanced(
    readings: Iterable[Reading], owners: Mapping[str, str], grid_meters: Collection[str]
) -> list[Unbalanced]:
    """Return where a factory's meters contradict each other, by factory and time: the sum check.

    What comes in from the grid and out of roofs and batteries, less what goes out to the grid and into batteries, is
    the factory's consumption, which is never below 0. Meters may be wrong by a hundredth. Intervals of which a reading
    is absent are left out.
    """
    load_wh: Counter[tuple[str, datetime]] = Counter()
    moved_wh: Counter[tuple[str, datetime]] = Counter()
    heard: Counter[tuple[str, datetime]] = Counter()
    for reading in readings:
        place = (owners[reading.meter_id], reading.delivery_start)
        sign = 1 if reading.meter_id in grid_meters else -1
        load_wh[place] += sign * (reading.import_wh - reading.export_wh)
        moved_wh[place] += reading.import_wh + reading.export_wh
        heard[place] += 1
    members = Counter(owners.values())
    return [
        Unbalanced(*place, load_wh[place])
        for place in sorted(load_wh)
        if heard[place] == members[place[0]] and load_wh[place] < -(moved_wh[place] // 100 + TOLERANCE_WH)
    ]
