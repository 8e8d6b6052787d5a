"""Each band, season, kind of day, version and discount, against the printed tables."""

from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.tariff.contract import Contract
from optimizers.tariff.quotes import Quote, quote
from optimizers.tariff.timeline import energy_prices_jeon, epochs
from shared.errors import BadInput
from shared.reference.load import tariff_book

KST = ZoneInfo("Asia/Seoul")
EUL = Contract(tariff_class="industrial_eul", voltage="HV_A", option="II", contract_kw=1000)
GAP_2 = Contract(tariff_class="industrial_gap_2", voltage="HV_A", option="I", contract_kw=200)


def at(text: str, contract: Contract = EUL) -> Quote:
    return quote(tariff_book(), contract, datetime.fromisoformat(text).replace(tzinfo=KST))


@pytest.mark.parametrize(
    ("start", "version", "season", "band", "krw_per_kwh"),
    [
        # Weekdays before the reform: high voltage A II as printed for 2025-04-01.
        ("2025-07-15T11:45", "eul_2024-10-24", "summer", "peak", "245.9"),
        ("2025-07-15T12:00", "eul_2024-10-24", "summer", "mid", "163.8"),
        ("2025-07-15T07:59", "eul_2024-10-24", "summer", "light", "110.9"),
        ("2025-10-14T13:00", "eul_2024-10-24", "spring_fall", "peak", "164.1"),
        ("2025-10-14T10:59", "eul_2024-10-24", "spring_fall", "mid", "133.4"),
        ("2025-10-14T22:00", "eul_2024-10-24", "spring_fall", "light", "110.9"),
        ("2025-12-16T09:00", "eul_2024-10-24", "winter", "peak", "221.5"),
        ("2025-12-16T12:00", "eul_2024-10-24", "winter", "mid", "164.0"),
        ("2025-12-16T23:45", "eul_2024-10-24", "winter", "light", "117.9"),
        # Weekdays after it: the peak moves to 15-21, light costs 5.1 more, peak 16.9 (13.2 in spring and fall) less.
        ("2026-07-15T15:00", "eul_2026-04-16", "summer", "peak", "229.0"),
        ("2026-07-15T14:45", "eul_2026-04-16", "summer", "mid", "163.8"),
        ("2026-07-15T20:45", "eul_2026-04-16", "summer", "peak", "229.0"),
        ("2026-07-15T21:00", "eul_2026-04-16", "summer", "mid", "163.8"),
        ("2026-07-15T22:00", "eul_2026-04-16", "summer", "light", "116.0"),
        ("2026-05-20T15:00", "eul_2026-04-16", "spring_fall", "peak", "150.9"),
        ("2026-11-18T18:45", "eul_2026-04-16", "winter", "peak", "204.6"),
        ("2026-11-18T12:00", "eul_2026-04-16", "winter", "mid", "164.0"),
        # The last quarter hour of the old version and the first of the new.
        ("2026-04-15T23:45", "eul_2024-10-24", "spring_fall", "light", "110.9"),
        ("2026-04-16T00:00", "eul_2026-04-16", "spring_fall", "light", "116.0"),
        ("2026-11-18T23:45", "eul_2026-04-16", "winter", "light", "123.0"),
        # The derived history: 16.9 less than 2025 in each cell.
        ("2024-07-16T14:00", "eul_2023-11-09", "summer", "peak", "229.0"),
        ("2024-07-16T12:00", "eul_2023-11-09", "summer", "mid", "146.9"),
        ("2024-07-16T07:45", "eul_2023-11-09", "summer", "light", "94.0"),
        ("2024-04-16T13:00", "eul_2023-11-09", "spring_fall", "peak", "147.2"),
        ("2024-04-16T10:45", "eul_2023-11-09", "spring_fall", "mid", "116.5"),
        ("2024-04-16T22:00", "eul_2023-11-09", "spring_fall", "light", "94.0"),
        ("2024-01-16T09:00", "eul_2023-11-09", "winter", "peak", "204.6"),
        ("2024-01-16T12:00", "eul_2023-11-09", "winter", "mid", "147.1"),
        ("2024-01-16T23:45", "eul_2023-11-09", "winter", "light", "101.0"),
    ],
)
def test_weekday_price_follows_season_band_and_version(
    start: str, version: str, season: str, band: str, krw_per_kwh: str
) -> None:
    found = at(start)

    jeon_per_kwh = int(krw_per_kwh.replace(".", "")) * 10
    assert (found.version, found.season, found.band) == (version, season, band)
    assert found.rate_jeon_per_kwh == found.energy_jeon_per_kwh == jeon_per_kwh
    assert found.discount_factor == 1


@pytest.mark.parametrize(
    ("start", "version", "band", "krw_per_kwh"),
    [
        ("2025-07-15T14:00", "gap2_2024-10-24", "peak", "155.0"),
        ("2025-07-15T12:00", "gap2_2024-10-24", "mid", "121.5"),
        ("2025-07-15T07:45", "gap2_2024-10-24", "light", "95.7"),
        ("2025-10-14T13:00", "gap2_2024-10-24", "peak", "119.7"),
        ("2025-10-14T10:45", "gap2_2024-10-24", "mid", "100.5"),
        ("2025-10-14T22:00", "gap2_2024-10-24", "light", "95.7"),
        ("2025-12-16T09:00", "gap2_2024-10-24", "peak", "149.4"),
        ("2025-12-16T12:00", "gap2_2024-10-24", "mid", "120.0"),
        ("2025-12-16T23:45", "gap2_2024-10-24", "light", "103.1"),
        ("2025-07-19T14:00", "gap2_2024-10-24", "mid", "121.5"),  # a Saturday's peak
        ("2025-07-20T14:00", "gap2_2024-10-24", "light", "95.7"),  # a Sunday
        ("2025-08-15T14:00", "gap2_2024-10-24", "light", "95.7"),  # a holiday
        ("2026-05-31T23:45", "gap2_2024-10-24", "light", "95.7"),  # the last quarter hour of the old bands
        ("2026-06-01T00:00", "gap2_2026-06-01", "light", "95.7"),
        ("2026-07-15T15:00", "gap2_2026-06-01", "peak", "155.0"),
        ("2026-11-18T18:45", "gap2_2026-06-01", "peak", "149.4"),
        # The history: 8.5 less.
        ("2024-07-16T14:00", "gap_2024-01-01", "peak", "146.5"),
    ],
)
def test_class_a_ii_follows_season_band_day_and_version(start: str, version: str, band: str, krw_per_kwh: str) -> None:
    found = at(start, GAP_2)

    assert (found.version, found.band) == (version, band)
    assert found.energy_jeon_per_kwh == int(krw_per_kwh.replace(".", "")) * 10


@pytest.mark.parametrize(
    ("voltage", "option", "jeon_per_kwh"),
    [
        ("HV_A", "I", 23_450),
        ("HV_A", "III", 21_660),
        ("HV_B", "I", 24_290),
        ("HV_B", "II", 23_910),
        ("HV_B", "III", 23_750),
        ("HV_C", "I", 24_270),
        ("HV_C", "II", 23_800),
        ("HV_C", "III", 23_690),
    ],
)
def test_each_voltage_and_option_has_its_price_of_a_summer_peak(voltage: str, option: str, jeon_per_kwh: int) -> None:
    contract = Contract(tariff_class="industrial_eul", voltage=voltage, option=option, contract_kw=1000)

    assert at("2026-07-15T15:00", contract).energy_jeon_per_kwh == jeon_per_kwh


@pytest.mark.parametrize(
    ("start", "day_kind", "band"),
    [
        ("2025-07-19T14:00", "saturday", "mid"),  # a weekday's peak
        ("2025-07-19T09:00", "saturday", "mid"),
        ("2025-07-19T23:00", "saturday", "light"),
        ("2025-07-20T14:00", "sunday", "light"),
        ("2025-08-15T14:00", "holiday", "light"),  # Liberation Day, a Friday
        ("2026-08-15T16:00", "holiday", "light"),  # the same on a Saturday: the holiday rule comes first
        ("2026-08-17T16:00", "holiday", "light"),  # its substitute holiday, a Monday
        ("2025-01-27T10:00", "weekday", "peak"),  # a temporary holiday, a Monday
        ("2025-06-03T14:00", "weekday", "peak"),  # an election called out of turn, a Tuesday
        ("2026-06-03T16:00", "holiday", "light"),  # a regular election, a Wednesday
    ],
)
def test_day_kind_decides_the_band(start: str, day_kind: str, band: str) -> None:
    found = at(start)

    assert (found.day_kind, found.band) == (day_kind, band)


@pytest.mark.parametrize(
    ("start", "rate_jeon", "factor", "paid_jeon"),
    [
        ("2026-04-18T11:15", 13_340, Fraction(1, 2), 6_670),  # Saturday: mid 133.4, half of it 66.7
        ("2026-04-18T10:45", 13_340, Fraction(1), 13_340),  # before the window
        ("2026-04-18T14:00", 13_340, Fraction(1), 13_340),  # after it
        ("2026-04-19T13:45", 11_600, Fraction(1, 2), 5_800),  # Sunday: light 116.0
        ("2026-05-25T12:00", 11_600, Fraction(1, 2), 5_800),  # a substitute holiday, a Monday
        ("2026-05-20T12:00", 13_340, Fraction(1), 13_340),  # a Wednesday
        ("2026-07-18T12:00", 16_380, Fraction(1), 16_380),  # a Saturday in summer
        ("2026-04-11T12:00", 13_340, Fraction(1), 13_340),  # a Saturday before the reform
    ],
)
def test_weekend_discount_halves_the_price_in_its_window(
    start: str, rate_jeon: int, factor: Fraction, paid_jeon: int
) -> None:
    found = at(start)

    assert (found.rate_jeon_per_kwh, found.discount_factor, found.energy_jeon_per_kwh) == (rate_jeon, factor, paid_jeon)


def test_class_a_ii_changes_its_bands_in_june_2026_and_has_no_discount() -> None:
    # 2026-05-29 and 2026-06-12 are Fridays, 2026-05-30 is a Saturday.
    before, after, saturday = (at(text, GAP_2) for text in ("2026-05-29T14:00", "2026-06-12T14:00", "2026-05-30T12:00"))

    assert (before.version, before.band, before.energy_jeon_per_kwh) == ("gap2_2024-10-24", "peak", 11_970)
    assert (after.version, after.band, after.energy_jeon_per_kwh) == ("gap2_2026-06-01", "mid", 12_150)
    assert (saturday.band, saturday.discount_factor) == ("mid", Fraction(1))


def test_class_a_i_has_one_price_in_a_season() -> None:
    contract = Contract(tariff_class="industrial_gap_1", voltage="low")

    assert [at(f"2026-07-15T{hour:02}:00", contract).energy_jeon_per_kwh for hour in (3, 10, 16)] == [11_620] * 3
    assert at("2026-07-19T16:00", contract).energy_jeon_per_kwh == 11_620  # a Sunday
    assert [at(f"2026-{day}T10:00", contract).energy_jeon_per_kwh for day in ("05-20", "11-18")] == [9_440, 11_450]
    assert at("2026-07-15T10:00", contract).band == "flat"


def test_deferred_site_keeps_the_old_package_until_the_end_of_september() -> None:
    contract = Contract(tariff_class="industrial_eul", voltage="HV_A", option="II", contract_kw=1000, deferred=True)

    kept, ended = at("2026-09-30T14:00", contract), at("2026-10-01T15:00", contract)

    assert (kept.version, kept.band, kept.energy_jeon_per_kwh) == ("eul_2024-10-24", "peak", 16_410)
    assert (ended.version, ended.band, ended.energy_jeon_per_kwh) == ("eul_2026-04-16", "peak", 15_090)


@pytest.mark.parametrize(
    ("contract", "field", "given"),
    [
        (Contract(tariff_class="industrial", voltage="HV_A", option="II"), "class", "industrial"),
        (Contract(tariff_class="industrial_eul", voltage="low", option="II"), "voltage", "low"),
        (Contract(tariff_class="industrial_gap_2", voltage="HV_A", option="III"), "option", "III"),
    ],
)
def test_unknown_names_are_bad_input(contract: Contract, field: str, given: str) -> None:
    with pytest.raises(BadInput) as caught:
        at("2026-05-20T12:00", contract)

    assert (caught.value.field, caught.value.value) == (field, given)


@pytest.mark.parametrize(
    "start",
    [
        "2023-11-08T12:00",  # the day before the first version whose end is known
        "2018-05-01T12:00",  # a version began in 2013, but its end is unknown
        "2028-01-01T12:00",  # prices go on, but the holidays are not known
    ],
)
def test_day_without_known_prices_or_holidays_is_bad_input(start: str) -> None:
    with pytest.raises(BadInput, match="must"):
        at(start)


def test_version_without_the_voltage_is_bad_input() -> None:
    contract = Contract(tariff_class="industrial_gap_2", voltage="HV_B", option="I")

    with pytest.raises(BadInput, match="gap_2024-01-01"):
        at("2024-05-01T12:00", contract)


quarter_hours = st.integers(
    int(datetime(2024, 1, 1, tzinfo=KST).timestamp()) // 900,
    int(datetime(2027, 12, 31, tzinfo=KST).timestamp()) // 900,
).map(lambda quarter: quarter * 900)


@given(st.lists(quarter_hours, max_size=20), st.sampled_from([EUL, GAP_2]))
def test_array_of_prices_equals_one_quote_each(starts: list[int], contract: Contract) -> None:
    prices_jeon = energy_prices_jeon(tariff_book(), contract, starts)

    quotes = [quote(tariff_book(), contract, datetime.fromtimestamp(start, tz=KST)) for start in starts]
    assert prices_jeon.tolist() == [found.energy_jeon_per_kwh for found in quotes]


def test_summer_weekday_has_ten_light_eight_mid_and_six_peak_hours() -> None:
    starts = [datetime(2026, 7, 15, hour, 15 * quarter, tzinfo=KST) for hour in range(24) for quarter in range(4)]

    prices_jeon = energy_prices_jeon(tariff_book(), EUL, epochs(starts))

    # 10 h of light (40 quarters), 8 h of mid (8-15, 21-22), 6 h of peak.
    values, counts = np.unique(prices_jeon, return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {11_600: 40, 16_380: 32, 22_900: 24}
