"""A factory's day under scenarios: worked examples on real prices, and laws."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.planner.domain.evaluation import evaluate, scaled_battery
from services.planner.domain.scenarios import Scenario
from services.planner.domain.sites import SiteDay
from services.planner.domain.tariffs import DayTariff, day_tariff
from shared.complex.contract import GridContract
from shared.complex.model import Ess
from shared.errors import BadInput
from shared.intervals import INTERVALS_PER_DAY
from shared.reference.load import sell_back, tariff_book

WEDNESDAY = date(2026, 5, 20)
SUNDAY = date(2026, 5, 17)
CONTRACT = GridContract(tariff_class="industrial_eul", voltage="HV_A", option="II", contract_kw=1000)
ESS = Ess(
    device_id="ess",
    capacity_kwh=100,
    charge_kw_max=50,
    discharge_kw_max=50,
    charge_efficiency=1,
    discharge_efficiency=1,
    soc_min=0,
    soc_max=1,
    soc_initial=0,
    cycle_cost_krw_per_kwh=0,
)


def a_tariff(option: str | None = None, day: date = WEDNESDAY, contract: GridContract = CONTRACT) -> DayTariff:
    return day_tariff(tariff_book(), sell_back(), contract, option=option, day=day)


def a_site(load_kw: float, pv_kw: float = 0.0, batteries: tuple[Ess, ...] = ()) -> SiteDay:
    return SiteDay(
        participant_id="p",
        load_kw=np.full(INTERVALS_PER_DAY, load_kw),
        pv_kw=np.full(INTERVALS_PER_DAY, pv_kw),
        batteries=batteries,
        tariffs={"as-is": a_tariff(), "III": a_tariff("III")},
    )


def test_steady_day_costs_its_bands_and_a_days_share_of_the_base_charge() -> None:
    [outcome] = evaluate(a_site(100.0), [Scenario(1.0, 1.0, "as-is")])

    # Option II, HV_A, spring, weekday: light 22-08 (10 h) at 116.0, mid 08-15 and 21-22 (8 h) at 133.4, peak 15-21
    # (6 h) at 150.9. 100 kW x (1160 + 1067.2 + 905.4) = 313,260 KRW.
    # Base: 8,320 KRW/kW a month of 31 days, on 30 % of 1000 kW (above the peak of 100 kW): 300 x 8320 / 31 = 80,516.1.
    assert outcome.cost_krw == 313_260 + 80_516
    assert outcome.grid_import_wh == 2_400_000
    assert outcome.grid_export_wh == 0


def test_base_charge_follows_a_peak_above_the_floor() -> None:
    [outcome] = evaluate(a_site(400.0), [Scenario(1.0, 1.0, "as-is")])

    # 4 x 313,260 for the energy; 400 x 8320 / 31 = 107,354.8 for the demand.
    assert outcome.cost_krw == 1_253_040 + 107_355


def test_night_demand_sets_no_base_charge() -> None:
    tariff = a_tariff()
    import_wh = np.zeros(INTERVALS_PER_DAY)
    import_wh[0] = 200_000  # 800 kW at midnight, in the light band

    # 200 kWh x 116.0 = 23,200; the base charge stays at the floor's 80,516.
    assert tariff.bill_krw(import_wh, np.zeros_like(import_wh)) == 23_200 + 80_516


def test_another_option_changes_energy_and_base_prices() -> None:
    [outcome] = evaluate(a_site(100.0), [Scenario(1.0, 1.0, "III")])

    # Option III: 100 x (10 x 115.1 + 8 x 132.1 + 6 x 142.6) = 306,340; 300 x 9810 / 31 = 94,935.48.
    assert outcome.cost_krw == 306_340 + 94_935


def test_solar_scaled_beyond_the_load_is_sold_at_the_sell_back_price() -> None:
    _, doubled = evaluate(a_site(50.0, pv_kw=40.0), [Scenario(1.0, 1.0, "as-is"), Scenario(1.0, 2.0, "as-is")])

    # 80 kW made, 50 kW used, 30 kW x 24 h = 720 kWh sold at 100 KRW (the file's assumption for 2026-05).
    assert doubled.grid_export_wh == 720_000
    assert doubled.grid_import_wh == 0
    assert doubled.cost_krw == -72_000 + 80_516


def test_lossless_battery_moves_its_capacity_from_the_light_to_the_peak_band() -> None:
    without, with_battery = evaluate(
        a_site(100.0, batteries=(ESS,)), [Scenario(0.0, 1.0, "as-is"), Scenario(1.0, 1.0, "as-is")]
    )

    # 100 kWh bought at 116.0 before 08:00 instead of at 150.9 between 15 and 21: 3,490 KRW. Mid at 133.4 lies between
    # and adds nothing to a full battery; after 22:00 nothing dearer follows. Each interval is rounded to the Wh once,
    # which is at most 48 Wh a day, or 8 KRW.
    assert without.cost_krw - with_battery.cost_krw == pytest.approx(3_490, abs=8)
    assert with_battery.grid_import_wh == pytest.approx(2_400_000, abs=48)


def test_battery_of_scale_zero_and_no_battery_are_the_same() -> None:
    assert scaled_battery((ESS,), 0.0) is None
    assert scaled_battery((), 3.0) is None


def test_two_batteries_count_as_one_with_means_by_capacity() -> None:
    small = ESS.model_copy(update={"charge_efficiency": 0.9, "soc_initial": 0.5})
    large = ESS.model_copy(update={"capacity_kwh": 300.0, "charge_kw_max": 70.0})

    one = scaled_battery((small, large), 2.0)

    assert one is not None
    # 2 x (100 + 300) kWh, 2 x (50 + 70) kW; a quarter of 0.9 and three of 1.0; a quarter of 0.5.
    assert (one.capacity_kwh, one.max_charge_kw) == (800.0, 240.0)
    assert one.charge_efficiency == pytest.approx(0.975)
    assert one.soc_initial == one.soc_final_min == pytest.approx(0.125)


@given(load_kw=st.floats(0, 500), pv_kw=st.floats(0, 500), scale=st.floats(0, 10))
@settings(max_examples=30, deadline=None)
def test_energy_balance_holds_without_a_battery(load_kw: float, pv_kw: float, scale: float) -> None:
    [outcome] = evaluate(a_site(load_kw, pv_kw), [Scenario(1.0, scale, "as-is")])

    # Each of 96 intervals is rounded to the Wh once.
    net_wh = 24_000 * (load_kw - scale * pv_kw)
    assert outcome.grid_import_wh - outcome.grid_export_wh == pytest.approx(net_wh, abs=48.001)
    assert outcome.grid_import_wh == 0 or outcome.grid_export_wh == 0


def test_sunday_sets_no_demand_at_all() -> None:
    tariff = a_tariff(day=SUNDAY)

    assert not tariff.sets_demand.any()
    assert tariff.base_jeon_per_kw == Decimal(832_000) / 31


def test_option_that_the_contract_cannot_have_is_named() -> None:
    with pytest.raises(BadInput, match="option must be one of I, II, III"):
        a_tariff("IX")
