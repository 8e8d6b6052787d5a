"""A planner's study through the running system: asked over HTTP, computed on Dask in the planner's process."""

from datetime import datetime
from pathlib import Path

from shared.intervals import KST
from tests.e2e.town import Sketch, a_town

START = datetime(2026, 5, 20, 10, 40, tzinfo=KST)
SKETCH = Sketch(complex_id="planned", factories=("hanbit-machining", "donghae-springs"))


def test_study_of_a_past_day_is_answered_scenario_by_scenario(tmp_path: Path) -> None:
    wish = {
        "trading_day": "2026-05-19",
        "battery_scales": [0, 1],
        "pv_scales": [1, 2],
        "tariff_options": ["as-is"],
    }

    with a_town(tmp_path, START, SKETCH) as town:
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
