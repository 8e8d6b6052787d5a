"""Two complexes with the same factories in one deployment: each trades, and is studied, as if it were alone."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from shared.intervals import KST
from tests.e2e.town import Sketch, Town, a_town, quarter

START = datetime(2026, 5, 20, 11, 40, tzinfo=KST)
FIRST = datetime(2026, 5, 20, 12, 15, tzinfo=KST)
INTERVALS = [quarter(FIRST, number) for number in range(4)]
FACTORIES = ("hanbit-machining", "donghae-springs", "bukmyeon-robotics")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Both complexes on one deployment, the clock standing until a test lets it run."""
    trading = Sketch(complex_id="east", factories=FACTORIES)
    quiet = Sketch(complex_id="west", factories=FACTORIES[:2], automatic=False, batteries=False)
    with a_town(tmp_path_factory.mktemp("two"), START, trading, quiet) as town:
        yield town


def test_study_of_a_past_day_is_answered_scenario_by_scenario(town: Town) -> None:
    wish = {
        "trading_day": "2026-05-19",
        "battery_scales": [0, 1],
        "pv_scales": [1, 2],
        "tariff_options": ["as-is"],
    }

    study = town.call("POST", "/studies", "planner", wish)

    def found() -> str:
        status = str(town.call("GET", f"/studies/{study['study_id']}", "planner")["status"])
        assert status != "failed"
        return status

    town.wait_for(lambda: found() == "completed", found)
    results = town.call("GET", f"/studies/{study['study_id']}/results", "planner")["items"]

    cost_krw = {(float(one["battery_scale"]), float(one["pv_scale"])): int(one["cost_krw"]) for one in results}
    assert set(cost_krw) == {(0, 1), (0, 2), (1, 1), (1, 2)}
    # A plan with the battery may always leave it idle, and more sun is never dearer at positive prices.
    assert cost_krw[1, 1] <= cost_krw[0, 1]
    assert cost_krw[0, 2] < cost_krw[0, 1]


def test_two_complexes_side_by_side_see_nothing_of_each_other(town: Town) -> None:
    town.let_time_pass(240)
    town.wait_until_settled(*INTERVALS)
    town.wait_until_reported(len(INTERVALS))
    east, west = Seen(town, "east"), Seen(town, "west")

    assert volume_wh(town, "east") > 0
    assert volume_wh(town, "west") == 0, "nobody submitted an order there"
    assert east.factories == set(FACTORIES)
    assert west.factories == set(FACTORIES[:2])
    assert east.devices == {"hanbit-roof", "hanbit-ess", "bukmyeon-roof", "bukmyeon-ess"} | grid_meters(FACTORIES)
    assert west.devices == {"hanbit-roof"} | grid_meters(FACTORIES[:2])
    assert east.trades > 0
    assert west.trades == 0
    assert ledger_sums(town) == {"east": 0, "west": 0}


class Seen:
    """What an operator's key of one complex shows."""

    def __init__(self, town: Town, complex_id: str) -> None:
        def items(path: str) -> list[dict[str, str]]:
            found: list[dict[str, str]] = town.call("GET", path, "operator", complex_id=complex_id)["items"]
            return found

        self.devices = {item["device_id"] for item in items("/devices?limit=200")}
        self.factories = {item["participant_id"] for item in items("/devices?limit=200")}
        self.trades = len(items("/trades?limit=200"))


def grid_meters(factories: tuple[str, ...]) -> set[str]:
    return {f"{factory}.grid" for factory in factories}


def volume_wh(town: Town, complex_id: str) -> int:
    rows = town.rows("market", f"select volume_wh from auction where complex_id = '{complex_id}'")
    return sum(row["volume_wh"] for row in rows)


def ledger_sums(town: Town) -> dict[str, int]:
    query = "select complex_id, sum(debit_krw) - sum(credit_krw) as surplus_krw from ledger_line group by complex_id"
    return {row["complex_id"]: row["surplus_krw"] for row in town.rows("settlement", query)}
