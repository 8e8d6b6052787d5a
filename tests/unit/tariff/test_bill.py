"""A month's bill against sums worked by hand; what demand costs is in test_bill_demand.py.

July 2026 has 22 weekdays, 4 Saturdays, 4 Sundays and Constitution Day (a Friday). In quarter hours: light
22*40 + 4*40 + 5*96 = 1,520; mid 22*32 + 4*56 = 928; peak 22*24 = 528; together 31*96 = 2,976.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.tariff.bills import month_bill
from optimizers.tariff.meter import MeterReadings
from optimizers.tariff.quotes import quote
from shared.errors import BadInput
from shared.reference.load import tariff_book
from shared.units import round_half_up
from tests.unit.tariff.months import KST, a_month, bill, codes, epoch, eul


def test_whole_bill_adds_up_as_worked_by_hand() -> None:
    found = bill(a_month("2026-07", 10_000), "2026-07")

    # 10 kWh in each quarter hour: 15,200 kWh at 116.0, 9,280 at 163.8, 5,280 at 229.0.
    assert found.energy_wh == {"light": 15_200_000, "mid": 9_280_000, "peak": 5_280_000, "flat": 0}
    assert found.energy_charge_krw == 1_763_200 + 1_520_064 + 1_209_120
    # 40 kW are drawn, but 30 % of 300 kW are billed: 90 * 8,320.
    assert (found.billing_kw, found.billing_basis, found.base_charge_krw) == (Decimal(90), "floor", 748_800)
    # 29,760 kWh at 9.0; the fuel adjustment is unknown and 0.
    assert (found.climate_krw, found.fuel_krw) == (267_840, 0)
    assert (found.weekend_discount_krw, found.power_factor_krw, found.excess_krw) == (0, 0, 0)
    # 748,800 + 4,492,384 + 267,840; 10 % of it is 550,902.4; 2.7 % is 148,743.6, down to 10 won.
    assert (found.subtotal_krw, found.vat_krw, found.fund_krw) == (5_509_024, 550_902, 148_740)
    # 6,208,666 down to 10 won.
    assert found.total_krw == 6_208_660
    assert found.versions == ("eul_2026-04-16",)
    assert {"climate_charge_assumed", "fuel_adjustment_assumed", "past_peaks_unknown"} == codes(found)


def test_month_with_two_versions_prices_each_day_by_its_own() -> None:
    # 16:00 is peak under both: 164.1 on the 15th, 150.9 on the 16th; 10 kWh each.
    found = bill(a_month("2026-04", at={"2026-04-15T16:00": 10_000, "2026-04-16T16:00": 10_000}), "2026-04")

    assert found.versions == ("eul_2024-10-24", "eul_2026-04-16")
    assert found.energy_charge_krw == 1_641 + 1_509
    assert found.base_charge_krw == 748_800
    assert "versions_in_month" in codes(found)


def test_base_price_of_two_versions_counts_by_days() -> None:
    book = tariff_book()
    old, new = (
        version for version in book.tariff.versions if version.id.startswith("eul_202") and "2023" not in version.id
    )
    dearer = new.rates["HV_A"]["II"].model_copy(update={"base_jeon_per_kw": 1_132_000})
    changed = new.model_copy(update={"rates": {"HV_A": {"II": dearer}}})
    tariff = book.tariff.model_copy(update={"versions": (old, changed)})

    found = month_bill(replace(book, tariff=tariff), eul(), a_month("2026-04"), "2026-04")

    # 15 days at 8,320 and 15 at 11,320: 9,820 per kW, times 90 kW.
    assert found.base_charge_krw == 883_800


def test_weekend_discount_is_half_the_band_price_on_its_own_line() -> None:
    # 100 kWh on Saturday 2026-05-16: at 12:00 mid 133.4 with discount, at 16:00 (a weekday's peak) mid without;
    # on Sunday the 17th at 11:00 light 116.0 with discount.
    readings = a_month(
        "2026-05", at={"2026-05-16T12:00": 100_000, "2026-05-16T16:00": 100_000, "2026-05-17T11:00": 100_000}
    )

    found = bill(readings, "2026-05")

    assert found.energy_charge_krw == 13_340 + 13_340 + 11_600
    assert found.weekend_discount_krw == 6_670 + 5_800
    assert {(line.band, line.discount_factor, line.energy_wh) for line in found.energy_lines} == {
        ("mid", Fraction(1, 2), 100_000),
        ("mid", Fraction(1), 100_000),
        ("light", Fraction(1, 2), 100_000),
    }


@pytest.mark.parametrize(
    ("month", "vat_krw", "fund_krw", "total_krw"),
    [
        # The base charge alone, 748,800: 3.7 % is 27,705.6, 3.2 % is 23,961.6, 2.7 % is 20,217.6.
        ("2024-06", 74_880, 27_700, 851_380),
        ("2025-06", 74_880, 23_960, 847_640),
        ("2025-07", 74_880, 20_210, 843_890),
    ],
)
def test_fund_changes_with_the_date(month: str, vat_krw: int, fund_krw: int, total_krw: int) -> None:
    found = bill(a_month(month), month)

    assert (found.vat_krw, found.fund_krw, found.total_krw) == (vat_krw, fund_krw, total_krw)


@pytest.mark.parametrize(
    ("month", "given", "fuel_krw", "noted"),
    [
        ("2026-03", None, 148_800, False),  # 29,760 kWh at the dated 5.0
        ("2026-07", None, 0, True),  # unknown
        ("2026-07", Decimal("-2.5"), -74_400, False),
        ("2026-07", 0, 0, False),
    ],
)
def test_fuel_adjustment_is_the_contracts_or_the_dated_one(
    month: str, given: Decimal | int | None, fuel_krw: int, noted: bool
) -> None:
    found = bill(a_month(month, 10_000), month, replace(eul(), fuel_adjustment_krw_per_kwh=given))

    assert found.fuel_krw == fuel_krw
    assert ("fuel_adjustment_assumed" in codes(found)) == noted


def test_gap_is_estimated_from_days_of_its_kind_and_named() -> None:
    # 22 weekdays, one missing: 20 have 10,000 Wh at 10:00 and one 10,022, mean 10,001.05. Other kinds have 10,000 too.
    readings = a_month(
        "2026-07", 10_000, at={"2026-07-14T10:00": 10_022}, missing=("2026-07-15T10:00", "2026-07-15T10:15")
    )

    found = bill(readings, "2026-07")

    # 2,976 * 10,000 + 22 (metered) + 1 (estimated at 10:00); 10:15 is estimated at 10,000.
    assert sum(found.energy_wh.values()) == 29_760_023
    assert found.intervals_estimated == 2
    [note] = [note.en for note in found.notes if note.code == "intervals_estimated"]
    assert "2 of 2976" in note
    assert note.endswith("20.001 kWh: 2026-07-15T10:00+09:00 to 2026-07-15T10:30+09:00")


def test_gap_on_every_saturday_takes_the_mean_of_all_days() -> None:
    # At 10:00 the 27 other days have 9,000 Wh but two with 9,027: mean 9,002; four Saturdays are estimated at that.
    saturdays = tuple(f"2026-07-{day:02}T10:00" for day in (4, 11, 18, 25))
    others = {f"2026-07-{day:02}T10:00": 9_000 for day in range(1, 32)}

    found = bill(
        a_month("2026-07", at={**others, "2026-07-01T10:00": 9_027, "2026-07-02T10:00": 9_027}, missing=saturdays),
        "2026-07",
    )

    assert sum(found.energy_wh.values()) == 25 * 9_000 + 2 * 9_027 + 4 * 9_002


def test_single_reading_stands_for_the_whole_month_and_says_so() -> None:
    one = MeterReadings(
        starts=np.array([epoch("2026-07-15T10:00")], dtype=np.int64), energy_wh=np.array([10_000], dtype=np.int64)
    )

    found = bill(one, "2026-07")

    assert sum(found.energy_wh.values()) == 29_760_000
    assert found.intervals_estimated == 2_975


@pytest.mark.parametrize(
    ("starts", "energy_wh", "lag_varh"),
    [
        ([0, 901], [1, 1], None),  # off the quarter hour
        ([900, 0], [1, 1], None),  # falling
        ([900, 900], [1, 1], None),  # twice the same
        ([0, 900], [1, -1], None),
        ([0, 900], [1, 1_000_000_001], None),
        ([0, 900], [1], None),
        ([0, 900], [1, 1], [0, -1]),
    ],
)
def test_readings_that_are_none_cannot_be_built(
    starts: list[int], energy_wh: list[int], lag_varh: list[int] | None
) -> None:
    with pytest.raises(ValueError, match="must"):
        MeterReadings(
            starts=np.array(starts, dtype=np.int64),
            energy_wh=np.array(energy_wh, dtype=np.int64),
            lag_varh=None if lag_varh is None else np.array(lag_varh, dtype=np.int64),
        )


def test_readings_outside_the_month_or_none_are_bad_input() -> None:
    with pytest.raises(BadInput, match="must lie in 2026-07"):
        bill(a_month("2026-06"), "2026-07")
    with pytest.raises(BadInput, match="must have readings in 2026-07"):
        bill(a_month("2026-06").between(0, 0), "2026-07")


def test_month_that_begins_before_the_first_prices_is_bad_input() -> None:
    with pytest.raises(BadInput, match="known prices"):
        bill(a_month("2023-11"), "2023-11")


def test_contract_outside_its_class_is_billed_and_noted() -> None:
    assert "contract_outside_class" in codes(bill(a_month("2026-07"), "2026-07", eul(contract_kw=299)))
    assert "contract_outside_class" not in codes(bill(a_month("2026-07"), "2026-07", eul(contract_kw=300)))


def test_temporary_holiday_is_noted() -> None:
    assert "temporary_holiday" in codes(bill(a_month("2025-06"), "2025-06"))


@settings(max_examples=5, deadline=None)
@given(
    month=st.sampled_from(["2025-02", "2026-04", "2026-05"]),
    seed=st.integers(0, 2**32 - 1),
    contract_kw=st.integers(1, 2_000),
)
def test_bill_equals_a_quote_for_each_interval_and_its_own_lines(month: str, seed: int, contract_kw: int) -> None:
    empty = a_month(month)
    energy_wh = np.random.default_rng(seed).integers(0, 500_000, empty.starts.size)
    contract = eul(contract_kw=contract_kw)

    found = bill(replace(empty, energy_wh=energy_wh), month, contract)

    # Jeon times Wh; the two lines are rounded apart, so their difference may be off by a won.
    paid = sum(
        energy * quote(tariff_book(), contract, _local(start)).energy_jeon_per_kwh
        for start, energy in zip(empty.starts.tolist(), energy_wh.tolist(), strict=True)
    )
    assert abs(found.energy_charge_krw - found.weekend_discount_krw - round_half_up(paid, 100_000)) <= 1
    assert sum(found.energy_wh.values()) == energy_wh.sum()
    assert found.subtotal_krw == (
        found.base_charge_krw
        + found.power_factor_krw
        + found.energy_charge_krw
        - found.weekend_discount_krw
        + found.climate_krw
        + found.fuel_krw
        + found.excess_krw
    )
    assert 0 <= found.subtotal_krw + found.vat_krw + found.fund_krw - found.total_krw < 10


def _local(epoch_s: int) -> datetime:
    return datetime.fromtimestamp(epoch_s, tz=KST)
