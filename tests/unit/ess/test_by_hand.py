import numpy as np
import pytest

from optimizers.ess.case import DemandCharge
from optimizers.ess.schedule import solve
from tests.unit.ess.cases import a_battery, a_case


def test_battery_moves_energy_from_the_cheap_to_the_dear_hour() -> None:
    # Full power both ways: +50 kWh at 100, -50 kWh at 300; lossless. 150*100 + 50*300 = 30,000 against 40,000.
    case = a_case([100, 100], buy=[100, 300], battery=a_battery(soc_initial=0.0))

    schedule = solve(case)

    assert schedule.import_kw.tolist() == [150.0, 50.0]
    assert schedule.soc_kwh.tolist() == [50.0, 0.0]
    assert schedule.cost_krw == pytest.approx(30_000.0)
    assert schedule.cost_without_battery_krw == pytest.approx(40_000.0)
    assert schedule.reasons == ("charge_cheap", "discharge_expensive")
    assert (schedule.status, schedule.solve.method, schedule.solve.gap) == ("optimal", "lp", 0.0)


def test_battery_stays_idle_where_its_losses_cost_more_than_the_spread_earns() -> None:
    # 0.9 * 0.9 = 81 % comes back: a kWh at 100 returns 0.81 kWh worth 97.2 at 120.
    battery = a_battery(soc_initial=0.0, charge_efficiency=0.9, discharge_efficiency=0.9)

    schedule = solve(a_case([100, 100], buy=[100, 120], battery=battery))

    assert schedule.charge_kw.tolist() == [0.0, 0.0]
    assert schedule.reasons == ("idle", "idle")


def test_battery_stays_idle_where_a_cycle_costs_more_than_the_spread_earns() -> None:
    # Lossless, spread 20, cycle cost 21 a kWh discharged.
    battery = a_battery(soc_initial=0.0, cycle_cost_krw_per_kwh=21.0)

    assert not solve(a_case([100, 100], buy=[100, 120], battery=battery)).discharge_kw.any()


def test_stored_energy_pays_both_efficiencies() -> None:
    # 40 kW for an hour at 50 % stores 20 kWh, which at 80 % discharge efficiency is 16 kWh.
    battery = a_battery(soc_initial=0.0, max_charge_kw=40.0, charge_efficiency=0.5, discharge_efficiency=0.8)

    schedule = solve(a_case([100, 100], buy=[10, 1000], battery=battery))

    assert schedule.soc_kwh == pytest.approx([20.0, 0.0])
    assert schedule.discharge_kw == pytest.approx([0.0, 16.0])


def test_battery_shaves_the_peak_down_to_the_prior_one_and_no_further() -> None:
    # Flat price; 1,000 KRW/kW. Load peaks at 160, prior peak 120: 40 kWh out in the peak hour, back in before or after
    # without passing 120 (20 kW of room in each other hour).
    battery = a_battery(soc_final_min=0.5)
    case = a_case([100, 160, 100], buy=[50] * 3, demand_charge_krw_per_kw=1000.0, prior_peak_kw=120.0, battery=battery)

    schedule = solve(case)

    assert schedule.peak_kw == pytest.approx(120.0)
    # 360 kWh at 50, and 120 kW at 1,000.
    assert schedule.cost_krw == pytest.approx(18_000.0 + 120_000.0)
    assert schedule.reasons[1] == "shave_peak"


def test_demand_window_is_the_mean_of_its_steps_and_the_last_one_of_what_it_has() -> None:
    # 5-minute steps, 15-minute windows: (90 + 30 + 0)/3 = 40 and, of the last two steps, (70 + 20)/2 = 45.
    case = a_case([90, 30, 0, 70, 20], buy=[0] * 5, step_minutes=5.0, demand_charge_krw_per_kw=10.0, battery=None)

    schedule = solve(case)

    assert schedule.peak_kw == pytest.approx(45.0)
    assert schedule.cost_krw == pytest.approx(450.0)


def test_steps_longer_than_the_demand_window_are_windows_of_their_own() -> None:
    case = a_case([90, 30], buy=[0, 0], step_minutes=60.0, demand_charge_krw_per_kw=10.0, battery=None)

    assert solve(case).peak_kw == 90.0


def test_surplus_sun_is_stored_and_used_in_the_evening() -> None:
    # 50 kWh of sun left over at noon sells at 30, is worth 100 in the evening.
    battery = a_battery(soc_initial=0.0)

    schedule = solve(a_case([50, 50], pv_kw=[100, 0], buy=[100, 100], sell=30.0, battery=battery))

    assert schedule.import_kw.tolist() == [0.0, 0.0]
    assert schedule.cost_krw == 0.0
    assert schedule.reasons == ("store_sun", "discharge_expensive")


def test_battery_sells_at_a_price_above_its_use_at_home() -> None:
    # 50 kWh stored: worth 100 at home in the first hour, 300 sold in the second, where there is no load.
    schedule = solve(a_case([10, 0], buy=[100, 400], sell=[0, 300], battery=a_battery()))

    assert schedule.export_kw.tolist() == [0.0, 50.0]
    assert schedule.cost_krw == pytest.approx(10 * 100 - 50 * 300)
    assert schedule.reasons == ("hold_for_price", "sell_at_price")


def test_negative_price_fills_the_battery_without_burning_energy_in_it() -> None:
    # Paid 50 to take a kWh. A lossy battery could burn more by charging and discharging at once: that is forbidden, so
    # it can take 50 kW for one hour, 25 kWh of it stored.
    battery = a_battery(soc_initial=0.0, charge_efficiency=0.5, discharge_efficiency=0.5, capacity_kwh=25.0)

    schedule = solve(a_case([10], buy=[-50], battery=battery))

    assert (schedule.charge_kw[0], schedule.discharge_kw[0]) == (50.0, 0.0)
    assert schedule.cost_krw == pytest.approx(-50.0 * 60.0)
    assert schedule.reasons == ("charge_paid",)


def test_full_battery_does_not_burn_energy_at_a_negative_price() -> None:
    # Full: charging is impossible, discharging only saves what would be paid for. Two flows at once could earn.
    battery = a_battery(soc_initial=1.0, soc_final_min=1.0, charge_efficiency=0.5, discharge_efficiency=0.5)

    schedule = solve(a_case([10], buy=[-50], battery=battery))

    assert schedule.cost_krw == pytest.approx(-500.0)
    assert not np.minimum(schedule.charge_kw, schedule.discharge_kw).any()
    assert schedule.solve.method == "milp"


def test_selling_above_buying_does_not_make_power_go_round_in_a_circle() -> None:
    # Import at 10 and export at 100 at once would earn without end. One direction: 20 kW of load is bought.
    schedule = solve(a_case([20], buy=[10], sell=100.0, battery=None))

    assert (schedule.import_kw[0], schedule.export_kw[0]) == (20.0, 0.0)
    assert schedule.cost_krw == pytest.approx(200.0)


def test_negative_sell_price_curtails_only_where_that_is_allowed() -> None:
    # 80 kW of sun, 30 of load: exporting 50 kWh costs 20 each.
    fixed = a_case([30], pv_kw=80.0, buy=[100], sell=-20.0, battery=None)
    curtailable = a_case([30], pv_kw=80.0, buy=[100], sell=-20.0, battery=None, pv_curtailable=True)

    assert solve(fixed).cost_krw == pytest.approx(1_000.0)
    schedule = solve(curtailable)
    assert (schedule.cost_krw, schedule.curtail_kw[0]) == (0.0, 50.0)
    assert schedule.reasons == ("curtail",)


def test_energy_value_is_what_one_more_kwh_of_load_costs() -> None:
    # Half-hour steps. The battery (50 kWh, all used) covers the second step only in part at 300 and is empty after, so
    # another kWh is bought: at 100 in the first step, at 300 in the second.
    case = a_case([100, 200], buy=[100, 300], step_minutes=30.0, battery=a_battery(max_discharge_kw=60.0))

    schedule = solve(case)

    assert schedule.energy_value_krw_per_kwh == pytest.approx([100.0, 300.0])


def test_energy_value_includes_the_demand_charge_of_a_kw_that_sets_the_peak() -> None:
    # One more kWh in an hour is one more kW of peak: 100 + 1,000.
    case = a_case([80, 50], buy=[100, 100], demand_charge_krw_per_kw=1000.0, battery=None)

    assert solve(case).energy_value_krw_per_kwh == pytest.approx([1_100.0, 100.0])


def test_energy_value_holds_the_directions_that_binaries_chose() -> None:
    # Sells above buying: the directions are chosen, then one more kWh of load is bought at 10.
    schedule = solve(a_case([20], buy=[10], sell=100.0, battery=None))

    assert schedule.energy_value_krw_per_kwh == pytest.approx([10.0])


def test_energy_value_is_the_price_of_the_direction_where_selling_above_buying_needs_no_binary() -> None:
    # 30 kW of sun left over can only be sold, at 150; then 20 kW of load without sun can only be bought, at -5.
    schedule = solve(a_case([20, 20], pv_kw=[50, 0], buy=[100, -5], sell=[150.0, 10.0], battery=None))

    assert schedule.energy_value_krw_per_kwh == pytest.approx([150.0, -5.0])
    assert schedule.solve.method == "lp"


def test_plans_of_equal_cost_spread_the_charge_evenly() -> None:
    # 40 kWh must be in store at the end and every hour costs the same: 10 kW throughout moves once, at the start.
    battery = a_battery(soc_initial=0.0, soc_final_min=0.4)

    schedule = solve(a_case([100] * 4, buy=[100] * 4, battery=battery))

    assert schedule.charge_kw == pytest.approx([10.0] * 4)
    assert schedule.reasons == ("reserve",) * 4


def test_lossless_battery_at_equal_prices_does_not_move() -> None:
    battery = a_battery(soc_final_min=0.5)

    schedule = solve(a_case([100] * 6, buy=[100] * 6, sell=100.0, battery=battery))

    assert not schedule.charge_kw.any()
    assert not schedule.discharge_kw.any()


def test_site_without_battery_has_an_idle_schedule() -> None:
    schedule = solve(a_case([10, 20], buy=[100, 100], battery=None))

    assert schedule.soc_kwh.tolist() == [0.0, 0.0]
    assert schedule.cost_krw == schedule.cost_without_battery_krw == pytest.approx(3_000.0)


def test_binding_import_limit_is_a_reason() -> None:
    # Flat price; the limit of 100 makes the battery give 20.
    schedule = solve(a_case([120], buy=[100], import_limit_kw=100.0, battery=a_battery(soc_final_min=0.3)))

    assert schedule.import_kw.tolist() == [100.0]
    assert schedule.reasons == ("limit_binding",)


def test_energy_is_held_for_the_peak_that_it_shaves() -> None:
    # 40 kWh may be used and are worth 50 each in any hour; only in the second do they also save 40 kW at 1,000.
    battery = a_battery(soc_final_min=0.1)
    case = a_case([100, 160], buy=[50, 50], demand_charge_krw_per_kw=1000.0, prior_peak_kw=120.0, battery=battery)

    schedule = solve(case)

    assert schedule.discharge_kw == pytest.approx([0.0, 40.0])
    assert schedule.reasons == ("hold_for_peak", "shave_peak")


def test_step_that_does_not_count_sets_no_peak() -> None:
    # The 160 kW fall in an hour of light load: the peak is the 120 of the second hour, and nothing is worth shaving.
    case = a_case(
        [160, 120],
        buy=[50, 50],
        demand_charge_krw_per_kw=1000.0,
        demand_counts=np.array([False, True]),
        battery=a_battery(soc_initial=0.0),
    )

    schedule = solve(case)

    assert schedule.peak_kw == pytest.approx(70.0)
    # 50 kWh charged in the first hour, 50 discharged in the second: 280 kWh at 50 and 70 kW at 1,000.
    assert schedule.cost_krw == pytest.approx(14_000.0 + 70_000.0)


def test_battery_shaves_as_deep_as_the_months_that_a_peak_counts_in_are_worth() -> None:
    # A cycle costs 300 a kWh. Below 150 kW a kW saves this month's 200 alone, above it also 11 later months' 2,200.
    case = a_case(
        [100, 170],
        buy=[50, 50],
        demand_charge_krw_per_kw=200.0,
        more_demand=(DemandCharge(charge_krw_per_kw=2_200.0, prior_peak_kw=150.0),),
        battery=a_battery(soc_initial=0.5, cycle_cost_krw_per_kwh=300.0, soc_final_min=0.5),
    )

    schedule = solve(case)

    # From 170 to 150 a kW is worth 2,400 > 300; below, 200 < 300. The 20 kWh are bought in the first hour.
    assert [schedule.peak_kw, *schedule.more_peaks_kw] == pytest.approx([150.0, 150.0])
    assert schedule.discharge_kw == pytest.approx([0.0, 20.0])
    assert schedule.peak_value_krw_per_kw == 2_400.0
    assert schedule.peak_without_battery_kw == 170.0
    assert schedule.cost_krw == pytest.approx(270 * 50 + 20 * 300 + 150 * 200 + 150 * 2_200)


def test_peak_of_the_next_month_counts_from_its_first_hour_on() -> None:
    # Two hours of this month (prior 200: nothing to gain), two of the next, whose peak starts at 0.
    case = a_case(
        [150, 150, 100, 160],
        buy=[50] * 4,
        demand_charge_krw_per_kw=1000.0,
        prior_peak_kw=200.0,
        demand_counts=np.array([True, True, False, False]),
        more_demand=(
            DemandCharge(charge_krw_per_kw=1000.0, prior_peak_kw=0.0, counts=np.array([False] * 2 + [True] * 2)),
        ),
        battery=a_battery(soc_initial=0.3, max_discharge_kw=30.0, soc_final_min=0.3),
    )

    schedule = solve(case)

    # 30 kW is all the converter gives: 130 in the last hour; what it costs was stored when it was free to do so.
    assert [schedule.peak_kw, *schedule.more_peaks_kw] == pytest.approx([200.0, 130.0])
    assert schedule.reasons[3] == "shave_peak"


def test_energy_bought_on_the_market_flows_through_the_meter_but_is_not_paid_again() -> None:
    # 60 of 100 kW are bought: 40 kW from the grid at 50, and a demand of 100 kW at 10.
    case = a_case([100], buy=[50], demand_charge_krw_per_kw=10.0, bought_kw=np.array([60.0]), battery=None)

    schedule = solve(case)

    assert (schedule.import_kw[0], schedule.peak_kw) == (40.0, 100.0)
    assert schedule.cost_krw == pytest.approx(40 * 50 + 100 * 10)


def test_more_bought_than_used_is_fed_in_and_only_what_is_used_flows_through_the_meter() -> None:
    case = a_case([100], buy=[50], sell=20.0, demand_charge_krw_per_kw=10.0, bought_kw=np.array([130.0]), battery=None)

    schedule = solve(case)

    assert (schedule.export_kw[0], schedule.peak_kw) == (30.0, 100.0)
    assert schedule.cost_krw == pytest.approx(-30 * 20 + 100 * 10)


def test_energy_sold_must_be_there_as_load_must() -> None:
    case = a_case([100], pv_kw=150.0, buy=[50], sell=20.0, sold_kw=np.array([80.0]), battery=None)

    assert solve(case).import_kw[0] == 30.0


def test_battery_goes_on_as_it_did_before_the_first_step_where_that_costs_nothing() -> None:
    # A flat price and 40 kWh to put in over four hours of at most 20 kW: half the hours would do. From 20 kW before,
    # charging first and stopping once (one ramp of 20) moves less than starting later (20 down, 20 up, 20 down).
    battery = a_battery(soc_initial=0.0, max_charge_kw=20.0, soc_final_min=0.4)

    schedule = solve(a_case([100] * 4, buy=[50] * 4, battery=battery, charge_kw_before=20.0))

    # Ramping evenly to 10 kW and staying is a ramp of 10 only.
    assert float(np.abs(np.diff(schedule.charge_kw, prepend=20.0)).sum()) == pytest.approx(10.0)
