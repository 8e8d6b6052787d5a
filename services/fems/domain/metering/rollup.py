"""Published readings summed over time and meters; every sum says of how many readings it is, and how good they are."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.intervals import INTERVAL, INTERVALS_PER_DAY, day_start, trading_day_of

HOUR = timedelta(hours=1)
MINUTES_PER_DAY = 1_440


class RollupPeriod(StrEnum):
    """What is summed over; days are Korean."""

    MINUTE = "1min"
    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"

    @property
    def readings(self) -> int:
        """Return how many readings of a meter it has: minutes have their own, all else is made of quarter hours."""
        return {RollupPeriod.HOUR: HOUR // INTERVAL, RollupPeriod.DAY: INTERVALS_PER_DAY}.get(self, 1)

    @property
    def per_day(self) -> int:
        """Return how many of them a day has."""
        return MINUTES_PER_DAY if self is RollupPeriod.MINUTE else INTERVALS_PER_DAY // self.readings

    def start_of(self, start: datetime) -> datetime:
        """Return where the period begins that a reading lies in."""
        if self is RollupPeriod.DAY:
            return day_start(trading_day_of(start))
        return start.replace(minute=0) if self is RollupPeriod.HOUR else start


@dataclass(frozen=True, slots=True)
class Reading:
    """A meter's energy in one interval, or one minute."""

    meter_id: str
    start: datetime
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


def rolled_up(readings: Iterable[Reading], groups: Mapping[str, str], period: RollupPeriod) -> list[Sum]:
    """Return the sums by group and period, in the groups' order and then by time; meters of no group are left out.

    Args:
        readings: At most one for each meter and time; minutes for `Period.MINUTE`, quarter hours otherwise.
        groups: The group of each meter that counts.
        period: What to sum over.
    """
    flows: dict[tuple[str, datetime], list[int]] = {}
    qualities: dict[tuple[str, datetime], Counter[str]] = {}
    for reading in readings:
        group = groups.get(reading.meter_id)
        if group is None:
            continue
        place = (group, period.start_of(reading.start))
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
            absent=members[group] * period.readings - qualities[group, start].total(),
        )
        for group, start in sorted(flows, key=lambda place: (order[place[0]], place[1]))
    ]
