from datetime import UTC, datetime, timedelta

import pytest

from services.trading_api.batteries.domain import Observed, largest_gap_wh
from shared.intervals import INTERVAL

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)


@pytest.mark.parametrize(("soc_wh", "gap_wh"), [(450_000, 0), (452_000, 2_000), (447_500, 2_500)])
def test_gap_is_measured_from_the_line_between_the_plans_two_ends(soc_wh: int, gap_wh: int) -> None:
    # Half way from 400 kWh to 500 kWh the plan is at 450 kWh.
    planned_wh = {NOON - INTERVAL: 400_000, NOON: 500_000}

    assert largest_gap_wh([Observed(NOON + INTERVAL / 2, soc_wh)], planned_wh) == gap_wh


def test_battery_that_was_not_planned_for_has_no_gap() -> None:
    assert largest_gap_wh([Observed(NOON + timedelta(minutes=1), 1)], {NOON: 500_000}) is None
