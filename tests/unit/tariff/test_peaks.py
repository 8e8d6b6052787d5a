from datetime import datetime

import pytest

from optimizers.tariff.peaks import demand_month, site_peaks
from shared.complex.contract import GridContract
from shared.intervals import INTERVAL, KST
from shared.reference.load import tariff_book

# High voltage A, option II: 8,320 KRW a kW and month; 30 % of 1,000 kW is the floor.
GRID = GridContract(tariff_class="industrial_eul", voltage="HV_A", option="II", contract_kw=1000)


def quarters(year: int, month: int, day: int, hour: int = 0) -> list[datetime]:
    return [datetime(year, month, day, hour, tzinfo=KST) + n * INTERVAL for n in range(96)]


def test_peak_of_an_ordinary_month_costs_that_month_alone() -> None:
    # May is no ratchet month: one bill, above 30 % of contract power.
    [peak] = site_peaks(tariff_book(), GRID, quarters(2026, 5, 20), {})

    assert peak.months == ("2026-05",)
    assert peak.charge_krw_per_kw == 8_320.0
    assert peak.prior_peak_kw == 300.0


def test_peak_of_a_ratchet_month_costs_twelve_months() -> None:
    [peak] = site_peaks(tariff_book(), GRID, quarters(2026, 7, 15), {})

    assert (peak.months[0], peak.months[-1], len(peak.months)) == ("2026-07", "2027-06", 12)
    assert peak.charge_krw_per_kw == 12 * 8_320.0


def test_peak_of_last_summer_bounds_what_a_kw_costs_until_it_leaves_the_window() -> None:
    # 500 kW of August 2025 are billed up to July 2026. From August 2026 on this July's own peak counts, above 400 kW so
    # far: eleven more months, August 2026 to June 2027.
    known = {"2025-08": 500.0, "2026-07": 400.0}

    this_month, later = site_peaks(tariff_book(), GRID, quarters(2026, 7, 15), known)

    assert (this_month.prior_peak_kw, this_month.months) == (500.0, ("2026-07",))
    assert (later.prior_peak_kw, later.months[0], len(later.months)) == (400.0, "2026-08", 11)


def test_peaks_of_other_months_than_the_ratchet_ones_are_forgotten() -> None:
    [peak] = site_peaks(tariff_book(), GRID, quarters(2026, 5, 20), {"2026-04": 900.0, "2026-02": 350.0})

    assert peak.prior_peak_kw == 350.0


def test_hours_of_light_load_set_no_peak() -> None:
    # A Wednesday in May: light load from 22:00 to 08:00 in the evening schedule of 2026, on a Sunday all day.
    [wednesday] = site_peaks(tariff_book(), GRID, quarters(2026, 5, 20), {})

    bands = [start for start, counts in zip(quarters(2026, 5, 20), wednesday.counts, strict=True) if counts]
    assert (bands[0].hour, bands[-1].hour) == (8, 21)
    assert site_peaks(tariff_book(), GRID, quarters(2026, 5, 17), {}) == []


def test_turn_of_the_month_has_a_peak_on_either_side() -> None:
    # From noon of 30 June: that afternoon is billed in June alone; 1 July in July and eleven months after it.
    june, july = site_peaks(tariff_book(), GRID, quarters(2026, 6, 30, 12), {"2026-06": 450.0})

    assert (june.months, june.prior_peak_kw) == (("2026-06",), 450.0)
    assert (july.months[0], len(july.months), july.prior_peak_kw) == ("2026-07", 12, 300.0)
    assert not (june.counts & july.counts).any()


def test_low_voltage_is_billed_on_contract_power_so_that_no_peak_costs_anything() -> None:
    grid = GridContract(tariff_class="industrial_gap_1", voltage="low", option="-", contract_kw=100)

    assert site_peaks(tariff_book(), grid, quarters(2026, 5, 20), {}) == []
    assert demand_month(tariff_book(), grid, quarters(2026, 5, 20, 12)[0]) is None


@pytest.mark.parametrize(("hour", "month"), [(3, None), (14, "2026-05")])
def test_interval_belongs_to_its_local_month_unless_its_load_is_light(hour: int, month: str | None) -> None:
    assert demand_month(tariff_book(), GRID, datetime(2026, 5, 20, hour, tzinfo=KST)) == month


def test_past_peaks_of_a_contract_are_a_mapping_in_the_file_and_the_contract_still_a_key() -> None:
    grid = GridContract.model_validate({**GRID.model_dump(), "past_peaks_kw": {"2025-08": 500.0}})

    assert dict(grid.past_peaks_kw) == {"2025-08": 500.0}
    assert len({grid, GRID}) == 2
