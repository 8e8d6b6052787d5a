"""Numbers between text and scaled integers: every digit kept, the fast way and the exact way the same."""

import json
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cli.decimal_columns import DecimalRule, scaled_column
from cli.exact_json import exact_json

RULE = DecimalRule(decimals=2, least=-(10**14), most=10**14, range_rule="must be within ±10^12")

likely = st.from_regex(r"-?[0-9]{1,16}(\.[0-9]{1,3})?", fullmatch=True)
unlikely = st.text(alphabet="0123456789.-+eE _\u0661", max_size=20)


def _parse(text: str) -> int | str:
    try:
        return RULE.parse(text)
    except ValueError as broken:
        return str(broken)


@settings(deadline=None)
@given(st.lists(likely | unlikely, max_size=20))
@example(["", "-", ".", "1.", ".5", "--1", "1-", "1..2", "1.2.3", "0" * 30, "-0", "+1", " 1 ", "1e2", "1e-3"])
def test_column_holds_what_each_field_says(texts: list[str]) -> None:
    scaled, problems = scaled_column(texts, RULE)

    rules = dict(problems)
    assert [rules.get(position, int(number)) for position, number in enumerate(scaled)] == [*map(_parse, texts)]


@pytest.mark.parametrize(
    ("text", "scaled"),
    [
        ("0.29", 29),
        ("-130.25", -13_025),
        ("1e2", 10_000),
        ("1000000000000.00", 10**14),
        (".5", 50),
        ("7.", 700),
        ("150.0000", 15_000),
    ],
)
def test_field_is_the_number_it_says(text: str, scaled: int) -> None:
    assert RULE.parse(text) == scaled
    assert scaled_column([text], RULE)[0].tolist() == [scaled]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False, places=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(values, st.none() | st.just(2))
def test_json_text_reads_back_digit_for_digit(value: object, indent: int | None) -> None:
    assert json.loads(exact_json(value, indent=indent), parse_float=Decimal) == value


def test_json_numbers_have_no_more_zeros_than_they_need() -> None:
    answer = {
        "a": Decimal("130.250"),
        "b": Decimal("100.00"),
        "c": Decimal("-0.00"),
        "d": Decimal("1E+3"),
        "e": [1, "x"],
    }

    assert exact_json(answer) == '{"a": 130.25, "b": 100, "c": 0, "d": 1000, "e": [1, "x"]}'
    assert exact_json({"a": [], "b": {}}, indent=2) == '{\n  "a": [],\n  "b": {}\n}'
