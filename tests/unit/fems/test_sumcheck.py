from datetime import UTC, datetime

import pytest

from services.fems.domain.metering.rollup import Reading
from services.fems.domain.metering.sum_checks import FeederRule, Unbalanced, agrees, unbalanced
from shared.intervals import INTERVAL

START = datetime(2026, 5, 19, 14, 30, tzinfo=UTC)


def a_reading(meter_id: str, import_wh: int, export_wh: int = 0) -> Reading:
    return Reading(meter_id, START, import_wh, export_wh, "measured")


@pytest.mark.parametrize(
    ("feeder_wh", "expected"),
    [
        # 100,000 in and 20,000 out: 80,000 net, of which the line takes 1 %: 80,800. 2 % of the 120,000 that flowed
        # and 10 Wh for rounding may be missing: 2,410.
        (80_800, True),
        (80_800 + 2_410, True),
        (80_800 + 2_411, False),
        (80_800 - 2_410, True),
        (80_800 - 2_411, False),
    ],
)
def test_feeder_agrees_with_its_factories_within_losses_and_tolerance(feeder_wh: int, *, expected: bool) -> None:
    factories = [a_reading("a", 100_000), a_reading("b", 0, 20_000)]

    assert agrees(a_reading("F1", feeder_wh), factories, FeederRule(10_000, 20_000)) is expected


def test_feeder_that_feeds_in_delivers_less_than_its_factories_give() -> None:
    # 50,000 given; the line takes 500 of it.
    factories = [a_reading("a", 0, 50_000)]

    assert agrees(a_reading("F1", 0, 49_500), factories, FeederRule(10_000, 1))
    assert not agrees(a_reading("F1", 0, 50_500), factories, FeederRule(10_000, 1))


def test_factory_whose_meters_say_that_it_consumed_less_than_nothing_is_unbalanced() -> None:
    # 500 Wh out to the grid, and the roof gave 300: 200 Wh from nowhere. With 500 from the roof all is well.
    grid = [Reading("grid", START + n * INTERVAL, 0, 500, "measured") for n in range(3)]
    roof = [Reading("roof", START + n * INTERVAL, 0, wh, "measured") for n, wh in enumerate((300, 500))]

    found = unbalanced([*grid, *roof], {"grid": "factory", "roof": "factory"}, {"grid"})

    # The third interval has no reading of the roof, so nothing can be said.
    assert found == [Unbalanced("factory", START, -200)]


def test_battery_that_charges_from_the_roof_is_balanced() -> None:
    # The roof gives 500, the battery takes 300, 150 go to the grid: the factory consumed 50.
    flows = {"grid": (0, 150), "roof": (0, 500), "ess": (300, 0)}
    given = [Reading(meter_id, START, *flow, "measured") for meter_id, flow in flows.items()]

    assert unbalanced(given, dict.fromkeys(flows, "factory"), {"grid"}) == []
