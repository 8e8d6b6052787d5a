"""JSON of others is read exactly, or refused with the place and the rule."""

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInput
from shared.strict_json import parse


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("100.10", Decimal("100.10")),
        ("1E1", Decimal("1E+1")),
        ("-0.0", Decimal("-0.0")),
        ("7", 7),
        ("9" * 40, int("9" * 40)),
    ],
)
def test_number_keeps_its_digits(text: str, number: Decimal | int) -> None:
    assert repr(parse(text.encode(), where="case")) == repr(number)


@pytest.mark.parametrize(
    ("text", "number"), [("100.10", 100.1), ("5e-324", 5e-324), ("0." + "1" * 60, 0.1111111111111111)]
)
def test_number_is_a_float_where_that_is_asked_for(text: str, number: float) -> None:
    assert repr(parse(text, where="case", exact=False)) == repr(number)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "line 1 column 2 must be JSON, was 'Expecting property name enclosed in double quotes'"),
        (b'{"a": 1,\n "b" 2}', "line 2 column 6 must be JSON, was \"Expecting ':' delimiter\""),
        (b'"\xff"', "$ must be UTF-8 text, was 'byte 1'"),
        (b"[" * 100_000, "$ must be a flat object, was 'too deeply nested'"),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "$ must be a flat object, was 'too deeply nested'"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "$.a.b must be given once in its object, was 'given again'"),
        (b'[0, {"a": [1, NaN]}]', "$[1].a[1] must be a finite number, was 'NaN'"),
        (b"-Infinity", "$ must be a finite number, was '-Infinity'"),
        (b'{"a": ' + b"9" * 41 + b"}", f"$.a must have at most 40 digits, was '{'9' * 41}'"),
        (b'["a", "\\ud800"]', "$[1] must be Unicode without NUL or lone surrogates, was \"'\\\\ud800'\""),
        (b'{"a": ["\\u0000"]}', "$.a[0] must be Unicode without NUL or lone surrogates, was \"'\\\\x00'\""),
        (
            b'{"a": {"\\udfff": 1}}',
            "$.a must have names that are Unicode without NUL or lone surrogates, was \"'\\\\udfff'\"",
        ),
        # The first of several is named, in the order of the text.
        (b'{"a": [1, NaN], "b": NaN, "a": [NaN]}', "$.a must be given once in its object, was 'given again'"),
        (b'{"b": {"c": NaN}, "a": 1, "a": 2}', "$.b.c must be a finite number, was 'NaN'"),
    ],
)
def test_what_breaks_a_rule_is_named_by_its_path(content: bytes, message: str, *, exact: bool) -> None:
    with pytest.raises(BadInput) as refused:
        parse(content, where="case.json", exact=exact)

    assert str(refused.value) == f"case.json: {message}"


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("1e999999999", "must have an exponent of at most 40"),
        ("1e-999999999", "must have an exponent of at most 40"),
        ("1e99999999999999999999", "must be a finite number"),
        ("0." + "1" * 39, "must have at most 40 digits"),
    ],
)
def test_number_that_no_arithmetic_would_end_with_is_refused(number: str, rule: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(f"[{number}]", where="case")

    assert (refused.value.field, refused.value.rule) == ("$[0]", rule)


def test_float_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match=r"\$ must be a finite number, was '1e999'"):
        parse("1e999", where="case", exact=False)


@given(st.recursive(st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(), st.lists, max_leaves=10))
def test_what_json_writes_is_read_the_same_or_can_not_be_stored(content: Any) -> None:
    text = json.dumps(content)
    if "\\u0000" in text:
        with pytest.raises(BadInput, match="NUL"):
            parse(text, where="case")
    else:
        assert parse(text, where="case") == content


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_and_nothing_else(body: bytes) -> None:
    with contextlib.suppress(BadInput):
        assert parse(body, where="case") == json.loads(body, parse_float=Decimal)
