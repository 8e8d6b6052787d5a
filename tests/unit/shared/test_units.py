from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import units

WH = st.integers(min_value=0, max_value=10**15)
JEON = st.integers(min_value=-(10**9), max_value=10**9)


@pytest.mark.parametrize(
    ("quantity_wh", "price_jeon", "cost_krw"),
    [
        (12_345, 13_025, 1_608),  # 12.345 kWh x 130.25 KRW = 1607.93625
        (1_000, 50, 1),  # 1 kWh x 0.50 KRW = 0.5, half goes away from zero
        (1_000, -50, -1),
        (1_000, 49, 0),
        (0, 13_025, 0),
        (10**15, 10**9, 10**19),  # 10^12 kWh x 10^7 KRW: beyond 64 bits
    ],
)
def test_cost_is_quantity_times_price_in_whole_won(quantity_wh: int, price_jeon: int, cost_krw: int) -> None:
    assert units.cost_krw(quantity_wh, price_jeon) == cost_krw


@given(WH, JEON)
def test_cost_is_off_by_half_a_won_at_most_and_mirrors_with_the_price(quantity_wh: int, price_jeon: int) -> None:
    cost_krw = units.cost_krw(quantity_wh, price_jeon)

    assert 2 * abs(cost_krw * units.JEON_WH_PER_KRW - quantity_wh * price_jeon) <= units.JEON_WH_PER_KRW
    assert units.cost_krw(quantity_wh, -price_jeon) == -cost_krw


@given(st.integers(), st.integers(min_value=1))
def test_round_half_up_is_the_nearest_integer_and_a_tie_goes_up(numerator: int, denominator: int) -> None:
    rounded = units.round_half_up(numerator, denominator)

    assert -denominator < 2 * (rounded * denominator - numerator) <= denominator


@given(st.integers(min_value=-(10**30), max_value=10**30), st.integers(min_value=0, max_value=6))
def test_scaled_integer_reads_back_what_was_scaled(scaled: int, decimals: int) -> None:
    assert units.scaled_integer(Decimal(f"{scaled}E-{decimals}"), decimals) == scaled


@pytest.mark.parametrize(
    ("text", "scaled"),
    [
        ("130.25", 13_025),
        ("130.2500", 13_025),
        ("-0.01", -1),
        ("-0", 0),
        ("1.3E+2", 13_000),
        ("0E+999999", 0),
        ("130.251", None),
        ("1E-400", None),
        ("1E+999999", None),
        ("NaN", None),
        ("-Infinity", None),
    ],
)
def test_scaled_integer_takes_whole_hundredths_only(text: str, scaled: int | None) -> None:
    assert units.scaled_integer(Decimal(text), 2) == scaled


def test_scaled_integer_takes_more_digits_than_python_reads_as_text() -> None:
    assert units.scaled_integer(Decimal("1" * 5_000), 0) == (10**5_000 - 1) // 9


@given(st.integers(min_value=-(10**20), max_value=10**20))
def test_kwh_and_krw_texts_read_back_exactly(scaled: int) -> None:
    assert units.scaled_integer(Decimal(units.kwh_text(scaled)), 3) == scaled
    assert units.scaled_integer(Decimal(units.krw_text(scaled)), 2) == scaled


def test_texts_have_all_their_places() -> None:
    assert [units.kwh_text(wh) for wh in (12_345, 5, 0, -5)] == ["12.345", "0.005", "0.000", "-0.005"]
    assert [units.krw_text(jeon) for jeon in (13_025, -1, 100)] == ["130.25", "-0.01", "1.00"]


def test_energy_and_power_convert_over_the_interval() -> None:
    # 100 kW for a quarter of an hour are 25 kWh.
    assert units.energy_kwh(100.0, timedelta(minutes=15)) == 25.0
    assert units.power_kw(25.0, timedelta(minutes=15)) == 100.0


def test_won_go_to_the_largest_remainders_the_earlier_first() -> None:
    # 3.5 + 2.25 + 1.5 + 0.75 = 8: down to 3, 2, 1 and 0, and the 2 missing go to 0.75 and to the first 0.5.
    exact_krw = [Fraction(7, 2), Fraction(9, 4), Fraction(3, 2), Fraction(3, 4)]

    assert units.whole_shares(8, exact_krw) == [4, 2, 1, 1]


@given(st.lists(st.fractions(-1_000, 1_000), min_size=1))
def test_shares_add_up_to_the_rounded_total_and_are_less_than_a_won_off(exact_krw: list[Fraction]) -> None:
    total = sum(exact_krw)
    total_krw = units.round_half_up(total.numerator, total.denominator)

    shares = units.whole_shares(total_krw, exact_krw)

    assert sum(shares) == total_krw
    assert all(abs(share - exact) < 1 for share, exact in zip(shares, exact_krw, strict=True))
