from datetime import UTC, datetime, timedelta

import pytest

from services.trading_api.domain.batteries import Bill, Observed, SiteInterval, bill_of, largest_gap_wh
from shared.intervals import INTERVAL

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)


def an_interval(*, grid_in: int = 0, grid_out: int = 0, ess_in: int = 0, ess_out: int = 0) -> SiteInterval:
    """Return an interval at 150 KRW/kWh bought and 100 sold."""
    return SiteInterval(
        grid_import_wh=grid_in,
        grid_export_wh=grid_out,
        ess_import_wh=ess_in,
        ess_export_wh=ess_out,
        import_price_jeon_per_kwh=15_000,
        export_price_jeon_per_kwh=10_000,
    )


def test_bill_without_the_battery_takes_its_flows_out_of_what_was_metered() -> None:
    # Charging: 30 kWh drawn at 150 are 4,500, without the battery's 20 kWh only 10 kWh or 1,500.
    # Discharging: 5 kWh drawn are 750, without the battery's 20 kWh 25 kWh or 3,750.
    bill = bill_of([an_interval(grid_in=30_000, ess_in=20_000), an_interval(grid_in=5_000, ess_out=20_000)])

    assert bill == Bill(with_krw=5_250, without_krw=5_250)


def test_bill_sells_at_the_lower_price_what_the_battery_would_have_stored() -> None:
    # 10 kWh of sun go out at 100; without the battery's 20 kWh it would have been 30: -1,000 and -3,000.
    assert bill_of([an_interval(grid_out=10_000, ess_in=20_000)]) == Bill(with_krw=-1_000, without_krw=-3_000)


@pytest.mark.parametrize(("soc_wh", "gap_wh"), [(450_000, 0), (452_000, 2_000), (447_500, 2_500)])
def test_gap_is_measured_from_the_line_between_the_plans_two_ends(soc_wh: int, gap_wh: int) -> None:
    # Half way from 400 kWh to 500 kWh the plan is at 450 kWh.
    planned_wh = {NOON - INTERVAL: 400_000, NOON: 500_000}

    assert largest_gap_wh([Observed(NOON + INTERVAL / 2, soc_wh)], planned_wh) == gap_wh


def test_battery_that_was_not_planned_for_has_no_gap() -> None:
    assert largest_gap_wh([Observed(NOON + timedelta(minutes=1), 1)], {NOON: 500_000}) is None
