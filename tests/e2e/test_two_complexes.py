"""Two complexes with the same factories in one deployment: nothing of one is seen in the other."""

from datetime import datetime
from pathlib import Path

from shared.intervals import KST
from tests.e2e.town import Sketch, Town, a_town, quarter

START = datetime(2026, 5, 20, 11, 40, tzinfo=KST)
FIRST = datetime(2026, 5, 20, 12, 15, tzinfo=KST)
INTERVALS = [quarter(FIRST, number) for number in range(4)]
FACTORIES = ("hanbit-machining", "donghae-springs", "bukmyeon-robotics")


def test_two_complexes_side_by_side_see_nothing_of_each_other(tmp_path: Path) -> None:
    trading = Sketch(complex_id="east", factories=FACTORIES)
    quiet = Sketch(complex_id="west", factories=FACTORIES[:2], automatic=False, batteries=False)

    with a_town(tmp_path, START, trading, quiet) as town:
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
