from datetime import UTC, datetime

from services.fems.domain.metering.rollup import Reading, RollupPeriod, rolled_up
from shared.intervals import INTERVAL

# 23:30 of 19 May in Korea; the Korean day changes at 15:00 UTC.
START = datetime(2026, 5, 19, 14, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 5, 19, 15, tzinfo=UTC)


def readings(meter_id: str, *import_wh: int, quality: str = "measured") -> list[Reading]:
    return [Reading(meter_id, START + n * INTERVAL, wh, 1, quality) for n, wh in enumerate(import_wh)]


def test_days_are_korean_and_say_what_is_absent() -> None:
    found = rolled_up(readings("a", 10, 20, 30), {"a": "A"}, RollupPeriod.DAY)

    assert [(one.start, one.import_wh, one.export_wh, one.absent) for one in found] == [
        (datetime(2026, 5, 18, 15, tzinfo=UTC), 30, 2, 94),
        (MIDNIGHT, 30, 1, 95),
    ]


def test_group_sums_its_meters_and_counts_their_qualities() -> None:
    guesses = readings("b", 5, 6, quality="estimated")

    found = rolled_up([*readings("a", 10, 20), *guesses], {"a": "F1", "b": "F1"}, RollupPeriod.HOUR)

    # 10 + 20 + 5 + 6; half of the hour's eight readings are there.
    [one] = found
    assert (one.import_wh, one.export_wh) == (41, 4)
    assert (one.qualities, one.absent) == ({"estimated": 2, "measured": 2}, 4)


def test_meter_of_no_group_does_not_count() -> None:
    assert rolled_up(readings("roof", 10), {"a": "F1"}, RollupPeriod.QUARTER) == []


def test_sums_come_in_the_groups_order_and_by_time() -> None:
    found = rolled_up([*readings("a", 1, 2), *readings("b", 3)], {"b": "second", "a": "first"}, RollupPeriod.QUARTER)

    assert [(one.group, one.import_wh, one.absent) for one in found] == [
        ("second", 3, 0),
        ("first", 1, 0),
        ("first", 2, 0),
    ]
