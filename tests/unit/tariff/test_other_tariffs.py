"""Other tariffs are data: a flat one, and a foreign one with daylight saving time and a price below zero."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from optimizers.tariff.bills import month_bill
from optimizers.tariff.contract import Contract
from optimizers.tariff.meter import MeterReadings, month_starts
from optimizers.tariff.quotes import quote
from optimizers.tariff.surplus import surplus_prices_jeon
from optimizers.tariff.timeline import energy_prices_jeon
from shared.errors import BadInput
from shared.reference.load import sell_back, tariff_book
from tests.unit.tariff.months import a_month, epoch

BERLIN = ZoneInfo("Europe/Berlin")
FLAT = Contract(tariff_class="flat", voltage="low", contract_kw=20)
FOREIGN = Contract(tariff_class="business", voltage="MV", option="base", contract_kw=100)
FOREIGN_TARIFF = Path(__file__).with_name("foreign_tou.yaml")


def test_flat_tariff_has_one_price_and_no_korean_levies() -> None:
    found = month_bill(tariff_book("example_flat"), FLAT, a_month("2026-07", 1_000), "2026-07")

    # 2,976 kWh at 150.25; 20 kW at 1,000; tax 10 % of 467,144.
    assert found.energy_wh == {"flat": 2_976_000}
    assert (found.energy_charge_krw, found.base_charge_krw, found.subtotal_krw) == (447_144, 20_000, 467_144)
    assert (found.climate_krw, found.fuel_krw, found.fund_krw, found.excess_krw) == (0, 0, 0, 0)
    assert (found.vat_krw, found.total_krw) == (46_714, 513_858)
    assert found.notes == ()


def test_tax_is_rounded_half_up_where_the_tariff_says_so() -> None:
    # 0.005 kW at 1,000 are 5 won; a tenth of it is 0.5.
    found = month_bill(
        tariff_book("example_flat"), replace(FLAT, contract_kw=Decimal("0.005")), a_month("2026-07"), "2026-07"
    )

    assert (found.subtotal_krw, found.vat_krw, found.total_krw) == (5, 1, 6)


@pytest.mark.parametrize(
    ("local", "band", "jeon_per_kwh"),
    [
        ("2026-07-15T12:15", "day", 20_000),
        ("2026-07-15T12:30", "surplus", -1_250),
        ("2026-07-15T14:00", "day", 20_000),
        ("2026-07-18T15:00", "night", 9_005),  # Saturday: the day is billed as night
        ("2026-07-18T13:00", "surplus", -1_250),
        ("2026-12-16T13:00", "day", 25_000),
    ],
)
def test_foreign_bands_follow_the_local_clock(local: str, band: str, jeon_per_kwh: int) -> None:
    instant = datetime.fromisoformat(local).replace(tzinfo=BERLIN)

    found = quote(tariff_book(FOREIGN_TARIFF), FOREIGN, instant)

    assert (found.band, found.energy_jeon_per_kwh) == (band, jeon_per_kwh)


def test_prices_of_a_foreign_year_equal_one_quote_each_across_the_clock_changes() -> None:
    book = tariff_book(FOREIGN_TARIFF)
    # Six days around each change: 2026-03-29 02:00 to 03:00, and 2026-10-25 03:00 to 02:00.
    starts = np.concatenate(
        [np.arange(first, first + 6 * 86_400, 900) for first in (epoch("2026-03-26T12:00"), epoch("2026-10-22T12:00"))]
    )

    prices_jeon = energy_prices_jeon(book, FOREIGN, starts)

    assert prices_jeon.tolist() == [
        quote(book, FOREIGN, datetime.fromtimestamp(start, tz=BERLIN)).energy_jeon_per_kwh for start in starts.tolist()
    ]


def test_foreign_month_with_a_missing_hour_has_four_intervals_less() -> None:
    book = tariff_book(FOREIGN_TARIFF)
    starts = month_starts(book, "2026-03")
    readings = MeterReadings(starts=starts, energy_wh=np.full(starts.size, 2_600, dtype=np.int64))

    found = month_bill(book, FOREIGN, readings, "2026-03")

    # 31 * 96 - 4 = 2,972. 2.6 kWh are 10.4 kW, to whole kW 10, at 5,000. Surplus: 31 days of 6 quarter hours.
    assert (starts.size, found.billing_kw, found.base_charge_krw) == (2_972, Decimal(10), 50_000)
    assert found.energy_wh["surplus"] == 186 * 2_600


def test_surplus_price_is_the_dated_one() -> None:
    starts = [epoch("2025-03-31T23:45"), epoch("2025-04-01T00:00"), epoch("2026-05-20T12:00")]

    # 121.24, 124.12, and the 100 assumed since 2026-02.
    assert surplus_prices_jeon(sell_back(), starts).tolist() == [12_124, 12_412, 10_000]


def test_surplus_price_of_an_unknown_day_is_bad_input() -> None:
    with pytest.raises(BadInput, match="known or assumed price"):
        surplus_prices_jeon(sell_back(), [epoch("2025-07-01T12:00")])
