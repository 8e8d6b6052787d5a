"""Which feeders' limits a study's answer breaks."""

from services.planner.domain.feeders import LimitBroken, limits_broken
from services.planner.domain.scenarios import Outcome
from shared.complex.model import Feeder

NORTH = Feeder(feeder_id="north", import_limit_kw=100, export_limit_kw=60)
SOUTH = Feeder(feeder_id="south")
FEEDER_OF = {"a": "north", "b": "north", "c": "south"}


def test_what_one_factory_leaves_over_flows_to_its_neighbours_before_it_crosses_the_boundary() -> None:
    outcomes = {
        "a": [Outcome(0, (20_000, 26_000, 0), (0, 0, 10_000))],
        "b": [Outcome(0, (5_000, 0, 0), (0, 500, 5_001))],
        "c": [Outcome(0, (90_000, 90_000, 0), (0, 0, 0))],
    }

    # North takes 25 kWh in the first quarter hour, 100 kW as allowed; 25.5 kWh, 102 kW, in the second; and gives
    # 15.001 kWh, 60.004 kW, in the third. South has no limits.
    assert limits_broken([NORTH, SOUTH], FEEDER_OF, outcomes) == (
        (
            LimitBroken("north", "import", limit_w=100_000, highest_w=102_000, intervals=1),
            LimitBroken("north", "export", limit_w=60_000, highest_w=60_004, intervals=1),
        ),
    )


def test_each_scenario_is_held_against_the_limits_by_itself() -> None:
    outcomes = {"a": [Outcome(0, (30_000, 30_000), (0, 0)), Outcome(0, (25_000, 0), (0, 0))]}

    broken, kept = limits_broken([NORTH, Feeder(feeder_id="empty", import_limit_kw=1)], FEEDER_OF, outcomes)

    assert broken == (LimitBroken("north", "import", limit_w=100_000, highest_w=120_000, intervals=2),)
    assert kept == ()
