"""Read JSON from strangers exactly: decimals keep their digits, and nothing that JSON does not have gets in."""

import json
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from services.trading_api.db.sql import is_storable

DIGITS_MAX = 40


class BadJson(Exception):  # noqa: N818 -- it says what the body is
    """A body is not JSON, or has numbers or text that no request needs; the text is the rule."""


def parse(body: bytes) -> object:
    """Return what a JSON body says, its fractions as Decimal.

    Raises:
        BadJson: It is no JSON, is nested too deep, repeats a name, or has NaN, endless numbers or broken text.
    """
    try:
        return json.loads(
            body.decode(),
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_no_constant,
            object_pairs_hook=_once,
        )
    except RecursionError:
        raise BadJson("it is nested too deep") from None
    except UnicodeDecodeError:
        raise BadJson("it must be UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadJson(f"{error.msg} at line {error.lineno} column {error.colno}") from None


def _decimal(digits: str) -> Decimal:
    if len(digits) > DIGITS_MAX:
        raise BadJson(f"a number may have at most {DIGITS_MAX} digits")
    try:
        number = Decimal(digits)
    except InvalidOperation:
        raise BadJson(f"{digits} is no number") from None
    if abs(number.adjusted()) > DIGITS_MAX:
        raise BadJson(f"a number's exponent may be at most {DIGITS_MAX}")
    return number


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise BadJson(f"a number may have at most {DIGITS_MAX} digits")
    return int(digits)


def _no_constant(name: str) -> NoReturn:
    raise BadJson(f"{name} is not JSON")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadJson("a name may occur once in an object")
    for text in (part for pair in pairs for part in pair if isinstance(part, str)):
        if not is_storable(text):
            raise BadJson("text must be Unicode without NUL or lone surrogates")
    return found
