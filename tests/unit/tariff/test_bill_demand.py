"""What a month's demand costs: which peak is billed, the ratchet, the floor, excess, and the power factor.

At 8,320 KRW per kW; 30 % of a contract of 300 kW is 90 kW, 748,800 KRW.
"""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from optimizers.tariff.bills import month_bills
from optimizers.tariff.contract import Contract
from optimizers.tariff.demand import excess_demand
from optimizers.tariff.meter import MeterReadings
from shared.reference.load import tariff_book
from tests.unit.tariff.months import a_month, bill, codes, eul


@pytest.mark.parametrize(
    ("month", "at", "billing_kw"),
    [
        ("2026-07", "2026-07-15T16:00", 240),  # weekday peak
        ("2026-07", "2026-07-15T09:00", 240),  # weekday mid
        ("2026-07", "2026-07-15T03:00", 90),  # weekday light: the floor of 90 kW stays
        ("2026-07", "2026-07-18T16:00", 240),  # Saturday: peak priced as mid, still counts
        ("2026-07", "2026-07-19T16:00", 90),  # Sunday: all light
        ("2026-07", "2026-07-17T16:00", 90),  # holiday: all light
        ("2025-01", "2025-01-27T10:00", 240),  # temporary holiday: an ordinary Monday
        ("2026-06", "2026-06-15T16:00", 240),  # June is no ratchet month, but the month billed counts
    ],
)
def test_demand_counts_outside_the_light_band_only(month: str, at: str, billing_kw: int) -> None:
    # 60 kWh in a quarter hour are 240 kW.
    found = bill(a_month(month, at={at: 60_000}), month)

    assert found.billing_kw == billing_kw
    assert found.highest_kw == 240
    assert found.base_charge_krw == billing_kw * 8_320
    assert ("excluded_band_peak" in codes(found)) == (billing_kw == 90)


def test_ratchet_takes_the_highest_ratchet_month_of_the_eleven_before() -> None:
    past_peaks_kw: dict[str, Decimal | int] = {
        "2025-06": 900,
        "2025-08": 120,
        "2025-12": Decimal("110.5"),
        "2026-03": 800,
        "2026-06": 500,
    }

    found = bill(a_month("2026-07"), "2026-07", eul(contract_kw=333, past_peaks_kw=past_peaks_kw))

    # March and June are no ratchet months, June 2025 is 13 months ago; the floor is 0.3 * 333 = 99.9 kW.
    assert (found.billing_kw, found.billing_basis, found.base_charge_krw) == (Decimal(120), "ratchet", 998_400)
    notes = {note.code: note.en for note in found.notes}
    assert notes["past_peaks_unknown"].endswith("not given: 2026-02, 2026-01, 2025-09")
    assert notes["past_peaks_ignored"].endswith("2025-06")


@pytest.mark.parametrize(
    ("past", "billing_kw"),
    [
        # Billed: October 2026. December to February and July to September count, of the eleven months before.
        ("2025-10", 90),
        ("2025-11", 90),
        ("2025-12", 200),
        ("2026-01", 200),
        ("2026-02", 200),
        ("2026-03", 90),
        ("2026-04", 90),
        ("2026-05", 90),
        ("2026-06", 90),
        ("2026-07", 200),
        ("2026-08", 200),
        ("2026-09", 200),
    ],
)
def test_each_month_of_the_year_before_is_a_ratchet_month_or_none(past: str, billing_kw: int) -> None:
    assert bill(a_month("2026-10"), "2026-10", eul(past_peaks_kw={past: 200})).billing_kw == billing_kw


@pytest.mark.parametrize(("past", "billing_kw"), [("2025-08", 200), ("2025-07", 90)])
def test_ratchet_window_reaches_eleven_months_back(past: str, billing_kw: int) -> None:
    # Billed: July 2026, twelve months after July 2025.
    assert bill(a_month("2026-07"), "2026-07", eul(past_peaks_kw={past: 200})).billing_kw == billing_kw


def test_fractional_demand_is_billed_unrounded_and_noted() -> None:
    # 25.0005 kWh would be finer than a Wh; 25.001 kWh are 100.004 kW: 832,033.28 won.
    found = bill(a_month("2026-07", at={"2026-07-15T16:00": 25_001}), "2026-07")

    assert (found.billing_kw, found.base_charge_krw) == (Decimal("100.004"), 832_033)
    assert "billing_kw_not_rounded" in codes(found)


def test_class_a_i_at_low_voltage_is_billed_on_contract_power() -> None:
    contract = Contract(tariff_class="industrial_gap_1", voltage="low", contract_kw=100)

    # 200 kW are drawn once; 100 kW at 5,550 are billed, and the excess rule is for demand customers.
    found = bill(a_month("2026-07", at={"2026-07-15T16:00": 50_000}), "2026-07", contract)

    assert (found.billing_kw, found.billing_basis, found.base_charge_krw) == (Decimal(100), "contract", 555_000)
    assert (found.energy_charge_krw, found.excess_krw) == (5_810, 0)  # 50 kWh at 116.2
    assert "prices_not_sure" in codes(found)


@pytest.mark.parametrize(
    ("highest_kw", "multiplier"),
    [
        ("1000.001", "1.5"),
        ("1199.999", "1.5"),
        ("1200", "2.0"),
        ("1300", "2.5"),
        ("1400", "3.0"),
        ("1500", "3.5"),
        ("1600", "4.0"),
        ("9999", "4.0"),
    ],
)
def test_excess_tiers_include_their_lower_bound(highest_kw: str, multiplier: str) -> None:
    rule = tariff_book().tariff.excess
    assert rule is not None

    found = excess_demand(rule, eul(contract_kw=1_000), "2026-07", Decimal(highest_kw))

    assert found is not None
    assert found.multiplier == Decimal(multiplier)


def test_demand_at_contract_power_is_no_excess() -> None:
    rule = tariff_book().tariff.excess
    assert rule is not None
    assert excess_demand(rule, eul(contract_kw=1_000), "2026-07", Decimal(1_000)) is None


@pytest.mark.parametrize(
    ("contract", "excess_krw", "code"),
    [
        (eul(), 0, "excess_notice"),  # no earlier excess known: the first month is a notice
        (eul(past_peaks_kw={"2026-05": 300}), 0, "excess_notice"),  # at contract power, not above
        (eul(past_peaks_kw={"2026-05": 301}), 998_400, "excess_charged"),
        (eul(excess_noticed=True), 998_400, "excess_charged"),
        (eul(past_peaks_kw={"2026-05": 301}, excess_noticed=False), 0, "excess_notice"),
    ],
)
def test_excess_counts_every_band_and_is_charged_from_the_second_month(
    contract: Contract, excess_krw: int, code: str
) -> None:
    # 90 kWh at night are 360 kW: 60 kW above 300, ratio 0.2: 60 * 8,320 * 2.0.
    found = bill(a_month("2026-07", at={"2026-07-15T03:00": 90_000}), "2026-07", contract)

    assert found.excess_krw == excess_krw
    assert code in codes(found)


@pytest.mark.parametrize(
    ("active_wh", "lag_varh", "lead_varh", "power_factor_krw"),
    [
        (8, 6, 0, 17_971),  # 8/10: 12 points below 92, 2.4 % of 748,800 = 17,971.2
        (12, 5, 0, -461),  # 12/13 = 92.3077 %: 0.3077 points above, 0.0615 % = 460.8
        (24, 7, 0, -5_990),  # 24/25 = 96 %: 0.8 % = 5,990.4
        (8, 0, 0, -7_488),  # 100 % counts as 97: 1 %
        (3, 4, 0, 47_923),  # 60 %: 6.4 % = 47,923.2
        (5, 12, 0, 47_923),  # 38.5 % counts as 60
        (8, 0, 6, 14_976),  # leading: by day 100 %, so -1 %; at night 80 %, 15 points below 95, +3 %
        (3, 0, 4, 44_928),  # leading at the floor of 60 %: -1 % + 7 % = 44,928
        (0, 0, 0, 0),  # nothing to average
        (0, 5, 0, 47_923),  # reactive energy alone: factor 0 counts as 60
    ],
)
def test_power_factor_moves_the_base_charge(
    active_wh: int, lag_varh: int, lead_varh: int, power_factor_krw: int
) -> None:
    readings = a_month("2026-07", active_wh, lag_varh=lag_varh, lead_varh=lead_varh)

    found = bill(readings, "2026-07", eul(power_factor=True))

    assert found.base_charge_krw == 748_800
    assert found.power_factor_krw == power_factor_krw
    assert ("power_factor_notice" in codes(found)) == (power_factor_krw > 0)


def test_power_factor_is_metered_over_half_hours() -> None:
    readings = a_month("2026-07", 8, lag_varh=0, lead_varh=0)
    lag_varh = np.where(np.arange(readings.starts.size) % 2 == 0, 12, 0).astype(np.int64)

    found = bill(replace(readings, lag_varh=lag_varh), "2026-07", eul(power_factor=True))

    # Each half hour has 16 active and 12 reactive: 80 %. Quarter hours would give the mean of 55.5 (60) and 100 %.
    assert found.power_factor_krw == 17_971


def test_power_factor_without_reactive_meter_is_deemed_and_free() -> None:
    found = bill(a_month("2026-07", 8), "2026-07", eul(power_factor=True))

    assert found.power_factor_krw == 0
    assert "power_factor_deemed" in codes(found)


def test_estimated_half_hours_do_not_count_for_the_power_factor() -> None:
    # All is metered at 80 %, but the missing quarter hour has no reactive reading, which would look like 100 %.
    readings = a_month("2026-07", 8, missing=("2026-07-15T10:00",), lag_varh=6, lead_varh=0)

    assert bill(readings, "2026-07", eul(power_factor=True)).power_factor_krw == 17_971


def test_one_kind_of_reactive_energy_alone_counts_and_is_noted() -> None:
    # 80 % leading at night: 15 points below 95, +3 % of 748,800; by day 100 %, -1 %.
    found = bill(a_month("2026-07", 8, lead_varh=6), "2026-07", eul(power_factor=True))

    assert found.power_factor_krw == 14_976
    assert "reactive_column_missing" in codes(found)


def test_consecutive_months_carry_their_peaks_and_their_notice() -> None:
    # August 2025 peaks at 400 kW (weekday 14:00), 100 above contract: a notice; October draws 340 kW: 40 above, ratio
    # 0.133, charged 40 * 8,320 * 1.5; both are billed on 400 kW.
    august, september, october = (
        a_month(month, at=at)
        for month, at in (
            ("2025-08", {"2025-08-12T14:00": 100_000}),
            ("2025-09", {}),
            ("2025-10", {"2025-10-14T14:00": 85_000}),
        )
    )
    series = MeterReadings(
        starts=np.concatenate([august.starts, september.starts, october.starts]),
        energy_wh=np.concatenate([august.energy_wh, september.energy_wh, october.energy_wh]),
    )

    bills = month_bills(tariff_book(), eul(), series, ["2025-08", "2025-09", "2025-10"])

    assert [found.billing_kw for found in bills] == [400, 400, 400]
    assert [found.excess_krw for found in bills] == [0, 0, 499_200]
