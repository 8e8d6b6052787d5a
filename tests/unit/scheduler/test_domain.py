"""The scheduler's arithmetic, worked by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from optimizers.ess.schedule import Rolling
from optimizers.tariff.site import SitePrices
from services.scheduler import domain
from services.scheduler.domain import Measured, Outlook, Position, Standing, certain
from shared.complex.model import Ess

NOON = datetime(2026, 5, 20, 3, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
BATTERY = Ess(
    device_id="e",
    capacity_kwh=1000,
    charge_kw_max=250,
    discharge_kw_max=250,
    charge_efficiency=0.96,
    discharge_efficiency=0.96,
    soc_min=0.1,
    soc_max=0.9,
    soc_initial=0.4,
    cycle_cost_krw_per_kwh=5,
)


def an_outlook(load_kw: float, pv_kw: float) -> Outlook:
    """Return a day that is the same all along."""
    return Outlook(load=certain(np.full(96, load_kw)), pv=certain(np.full(96, pv_kw)))


def test_a_forecast_issued_earlier_is_shifted_and_its_end_repeats_the_day_before() -> None:
    series = [float(n) for n in range(96)]

    moved = domain.aligned(series, NOON, NOON + 2 * QUARTER)

    # From the third quarter hour on; the two that are missing at the end are those of the day before.
    assert moved.tolist() == [*series[2:], 0.0, 1.0]
    assert domain.aligned(series, NOON, NOON).tolist() == series


@pytest.mark.parametrize(
    ("told_w", "minutes", "soc_kwh"),
    [
        ({}, 15, 400.0),
        ({NOON: 240_000}, 15, 438.4),  # 240 kW for the last 10 minutes: 40 kWh, of which 96 % get in
        ({NOON: -96_000}, 15, 400 - 16 / 0.96),  # 16 kWh out cost 16.67 kWh of store
        ({NOON: 240_000, NOON + QUARTER: -96_000}, 30, 413.4),  # + 38.4, then 24 kWh out cost 25
        ({NOON - QUARTER: 240_000, NOON + QUARTER: 240_000}, 15, 400.0),  # neither runs between 12:05 and 12:15
        ({NOON: 10_000_000}, 15, 1000.0),  # full
        ({NOON: -10_000_000}, 15, 0.0),  # empty
    ],
)
def test_charge_at_delivery_follows_what_the_converter_was_told(
    told_w: dict[datetime, int], minutes: int, soc_kwh: float
) -> None:
    now_w = told_w.get(NOON, 0)
    measured = Measured(NOON + timedelta(minutes=5), 400.0, charge_w=max(0, now_w), discharge_w=max(0, -now_w))

    expected_kwh = domain.soc_kwh_at(NOON + timedelta(minutes=minutes), measured, told_w, BATTERY)

    assert expected_kwh == pytest.approx(soc_kwh)


def test_charge_measured_after_the_delivery_began_is_taken_as_it_is() -> None:
    soc_kwh = domain.soc_kwh_at(NOON, Measured(NOON + QUARTER, 123.0), {NOON: 250_000}, BATTERY)

    assert soc_kwh == 123.0


def test_what_was_traded_is_fixed_in_the_first_interval_of_the_case() -> None:
    prices = SitePrices(np.full(96, 13_340), np.full(96, 10_000))
    outlook = an_outlook(load_kw=140.0, pv_kw=40.0)

    position = Position(bought_wh=10_000, sold_wh=25_000)

    case = domain.ess_case(BATTERY, outlook, prices, Standing(soc_kwh=450.0, position=position))

    # 25 kWh in a quarter of an hour are 100 kW that must be there, 10 kWh are 40 kW that come in: 140 - 40 + 100 - 40.
    assert case.residual_load_kw[:2].tolist() == [160.0, 100.0]
    assert case.traded_kw[:2].tolist() == [-60.0, 0.0]
    assert np.asarray(case.price_buy_krw_per_kwh)[0] == 133.4
    assert np.asarray(case.price_sell_krw_per_kwh)[0] == 100.0
    assert case.battery is not None
    assert (case.battery.soc_initial, case.battery.soc_final_min) == (0.45, 0.4)


def test_a_battery_s_plan_is_load_and_sun_for_the_next_one_and_watts_for_its_converter() -> None:
    nothing = Rolling().solve(domain.idle_case(BATTERY, domain.idle_outlook()))
    schedule = replace(nothing, charge_kw=np.array([0.0, 12.3456]), discharge_kw=np.array([250.0, 0.0]))
    outlook = Outlook(load=certain(np.array([100.0, 100.0])), pv=certain(np.array([0.0, 50.0])))

    after = domain.with_schedule(outlook, schedule)

    assert (after.load_kw.tolist(), after.pv_kw.tolist()) == ([100.0, 112.3456], [250.0, 50.0])
    assert domain.setpoint_w(schedule) == -250_000  # discharges
    assert domain.watts(schedule.charge_kw) == (0, 12_346)
    assert domain.setpoint_w(nothing) == 0
