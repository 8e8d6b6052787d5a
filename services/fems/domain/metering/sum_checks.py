"""Sum checks: meters that measure the same energy in different places must agree."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.fems.domain.metering.rollup import Reading

PPM = 1_000_000
# Meters round, and their clocks differ by seconds.
TOLERANCE_WH = 10


@dataclass(frozen=True, slots=True)
class FeederRule:
    """How a feeder's meter and its factories' meters belong together: losses and tolerance in millionths."""

    loss_ppm: int
    tolerance_ppm: int


def agrees(feeder: Reading, factories: Sequence[Reading], rule: FeederRule) -> bool:
    """Say whether a feeder's meter shows what its factories' grid meters show together, and what the line takes."""
    net_wh = sum(factory.import_wh - factory.export_wh for factory in factories)
    moved_wh = sum(factory.import_wh + factory.export_wh for factory in factories)
    expected_wh = net_wh + abs(net_wh) * rule.loss_ppm // PPM
    off_wh = abs(feeder.import_wh - feeder.export_wh - expected_wh)
    return off_wh <= moved_wh * rule.tolerance_ppm // PPM + TOLERANCE_WH


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
        place = (owners[reading.meter_id], reading.start)
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
