import pytest

from optimizers.ess.case import Violation
from optimizers.ess.schedule import solve
from tests.unit.ess.cases import a_battery, a_case


def test_import_limit_below_the_load_gives_way_by_what_is_missing() -> None:
    # 100 kW asked, 60 allowed, no battery: 40 over in each step, at the price of all 100.
    schedule = solve(a_case([100, 100], buy=[10, 20], import_limit_kw=60.0, battery=None))

    assert schedule.status == "relaxed"
    assert schedule.violations == (
        Violation("import_limit_kw", 0, 40.0, "kW"),
        Violation("import_limit_kw", 1, 40.0, "kW"),
    )
    assert schedule.cost_krw == pytest.approx(3_000.0)
    assert schedule.reasons == ("limit_exceeded", "limit_exceeded")


def test_battery_gives_all_it_has_before_the_import_limit_gives_way() -> None:
    # 30 kWh in store, 2 x 40 kWh over the limit: 50 kWh of violation are left, whatever the price says.
    battery = a_battery(soc_initial=0.3)

    schedule = solve(a_case([100, 100], buy=[10, 1000], import_limit_kw=60.0, battery=battery))

    over_kwh = sum(violation.excess for violation in schedule.violations if violation.limit == "import_limit_kw")
    assert over_kwh == pytest.approx(50.0)
    assert {violation.limit for violation in schedule.violations} == {"import_limit_kw"}
    # Among those, the cheapest: the lossless battery lets the cheap first hour have all of the excess, 110 kW at 10,
    # so that the second keeps its limit: 60 kW at 1,000.
    assert schedule.cost_krw == pytest.approx(61_100.0)


def test_export_limit_gives_way_where_the_sun_cannot_be_curtailed() -> None:
    schedule = solve(a_case([10], pv_kw=100.0, buy=[100], sell=50.0, export_limit_kw=30.0, battery=None))

    assert schedule.violations == (Violation("export_limit_kw", 0, 60.0, "kW"),)
    assert schedule.cost_krw == pytest.approx(-90 * 50.0)


def test_export_limit_holds_where_the_sun_can_be_curtailed() -> None:
    case = a_case([10], pv_kw=100.0, buy=[100], sell=50.0, export_limit_kw=30.0, pv_curtailable=True, battery=None)

    schedule = solve(case)

    assert (schedule.status, schedule.curtail_kw[0]) == ("optimal", 60.0)


def test_export_limit_is_not_kept_by_burning_energy_in_the_battery() -> None:
    # Full battery, no curtailment: charging and discharging at once would burn the surplus, but is forbidden.
    battery = a_battery(soc_initial=1.0, charge_efficiency=0.5, discharge_efficiency=0.5)

    schedule = solve(a_case([0], pv_kw=80.0, buy=[100], export_limit_kw=30.0, battery=battery))

    assert schedule.violations == (Violation("export_limit_kw", 0, 50.0, "kW"),)
    assert (schedule.charge_kw[0], schedule.discharge_kw[0]) == (0.0, 0.0)


def test_start_above_the_band_comes_back_as_fast_as_the_converter_can() -> None:
    # 100 kWh at first, at most 60: 20 kW out an hour leaves 80, 60, then the band holds. Excess 20 kWh after hour one.
    battery = a_battery(soc_initial=1.0, soc_max=0.6, max_discharge_kw=20.0)

    schedule = solve(a_case([100] * 3, buy=[100, 100, 500], battery=battery))

    assert schedule.violations == (Violation("soc_max", 0, 20.0, "kWh"),)
    assert schedule.soc_kwh[:2] == pytest.approx([80.0, 60.0])


def test_start_below_the_band_comes_back_as_fast_as_the_converter_can() -> None:
    # Empty, at least 40 kWh: 30 kW in for an hour leaves 10 short.
    battery = a_battery(soc_initial=0.0, soc_min=0.4, max_charge_kw=30.0)

    schedule = solve(a_case([100] * 2, buy=[500, 100], battery=battery))

    assert schedule.violations == (Violation("soc_min", 0, 10.0, "kWh"),)


def test_final_energy_out_of_reach_is_approached_as_far_as_possible() -> None:
    # Empty, 80 kWh wanted after an hour at 50 kW: 30 short.
    schedule = solve(a_case([100], buy=[100], battery=a_battery(soc_initial=0.0, soc_final_min=0.8)))

    assert schedule.violations == (Violation("soc_final_min", 0, 30.0, "kWh"),)
    assert schedule.charge_kw.tolist() == [50.0]


def test_final_energy_above_the_band_is_weighed_against_the_band() -> None:
    # Quarter hours: a kWh above the band at the last end weighs 0.25, a kWh short of the final energy weighs 1.
    battery = a_battery(soc_initial=0.5, soc_max=0.5, soc_final_min=0.6)

    schedule = solve(a_case([100] * 4, buy=[100] * 4, step_minutes=15.0, battery=battery))

    assert schedule.violations == (Violation("soc_max", 3, 10.0, "kWh"),)


def test_relaxed_case_without_its_battery_is_costed_at_its_own_least_violation() -> None:
    # Without the battery all 100 kW are imported, at 10.
    schedule = solve(a_case([100], buy=[10], import_limit_kw=60.0, battery=a_battery(max_discharge_kw=10.0)))

    assert schedule.cost_without_battery_krw == pytest.approx(1_000.0)
    assert schedule.violations == (Violation("import_limit_kw", 0, 30.0, "kW"),)


def test_limit_kept_exactly_is_not_a_violation() -> None:
    schedule = solve(a_case([60], buy=[10], import_limit_kw=60.0, battery=None))

    assert (schedule.status, schedule.violations) == ("optimal", ())
