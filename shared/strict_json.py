"""Read JSON that others wrote, strictly: each name once, no number or text that nothing here could hold."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from shared.errors import BadInput, json_path

# More than any quantity has, and few enough that no arithmetic with such a number takes long.
DIGITS_MAX = 40

Location = tuple[int | str, ...]


@dataclass(frozen=True)
class _Broken:
    """What stands in a document where it breaks a rule, until its path is known."""

    rule: str
    given: str


def parse(content: bytes | str, *, where: str, exact: bool = True) -> Any:
    """Return what JSON text says.

    Args:
        content: The text, as bytes in UTF-8.
        where: What it is ("case.json", "the body"), for errors.
        exact: Numbers with a point or an exponent are Decimals with each of their digits; else they are floats.

    Raises:
        BadInput: It is no JSON, is nested too deep, gives a name twice, or has NaN, endless numbers or text with NUL or
            lone surrogates; the field is the JSON path, or the line and column.
    """
    reader = _Reader(exact=exact)
    try:
        text = content if isinstance(content, str) else content.decode()
        document = reader.read(text)
        # Text has what no database holds only by an escape, so that most documents need no second look.
        if reader.found_broken or "\\u" in text:
            for location, broken in _broken_in(document):
                raise BadInput(where=where, field=json_path(location), rule=broken.rule, value=broken.given)
    except UnicodeDecodeError as error:
        raise BadInput(where=where, field="$", rule="must be UTF-8 text", value=f"byte {error.start}") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise BadInput(where=where, field=place, rule="must be JSON", value=error.msg) from None
    except RecursionError:
        raise BadInput(where=where, field="$", rule="must be a flat object", value="too deeply nested") from None
    return document


def is_storable(text: str) -> bool:
    """Say whether both databases hold a text: Unicode without NUL and without lone surrogates."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


class _Reader:
    """Decodes one document, and leaves a mark where a rule is broken: only from outside a place has a path."""

    def __init__(self, *, exact: bool) -> None:
        self._exact = exact
        self.found_broken = False

    def read(self, text: str) -> Any:
        return json.loads(
            text,
            object_pairs_hook=self._once,
            parse_float=self._decimal if self._exact else self._float,
            parse_int=self._integer,
            parse_constant=self._constant,
        )

    def _broken(self, rule: str, given: str) -> _Broken:
        self.found_broken = True
        return _Broken(rule, given)

    def _once(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            fields[twice] = self._broken("must be given once in its object", "given again")
        return fields

    def _decimal(self, digits: str) -> Decimal | _Broken:
        if len(digits) > DIGITS_MAX:
            return self._broken(f"must have at most {DIGITS_MAX} digits", digits)
        try:
            number = Decimal(digits)
        except InvalidOperation:
            return self._broken("must be a finite number", digits)
        if abs(number.adjusted()) > DIGITS_MAX:
            return self._broken(f"must have an exponent of at most {DIGITS_MAX}", digits)
        return number

    def _float(self, digits: str) -> float | _Broken:
        number = float(digits)
        return number if isfinite(number) else self._broken("must be a finite number", digits)

    def _integer(self, digits: str) -> int | _Broken:
        if len(digits) > DIGITS_MAX:
            return self._broken(f"must have at most {DIGITS_MAX} digits", digits)
        return int(digits)

    def _constant(self, name: str) -> _Broken:
        return self._broken("must be a finite number", name)


def _broken_in(document: Any) -> Iterator[tuple[Location, _Broken]]:
    """Yield what is broken with its path, in the order of the text."""
    rule = "must be Unicode without NUL or lone surrogates"
    ahead: list[tuple[Location, Any]] = [((), document)]
    while ahead:
        location, found = ahead.pop()
        if isinstance(found, _Broken):
            yield location, found
        elif isinstance(found, str) and not is_storable(found):
            yield location, _Broken(rule, ascii(found))
        elif isinstance(found, dict):
            odd = next((name for name in found if not is_storable(name)), None)
            if odd is not None:
                yield location, _Broken(f"must have names that are {rule.removeprefix('must be ')}", ascii(odd))
            ahead += [((*location, name), inner) for name, inner in reversed(found.items())]
        elif isinstance(found, list):
            ahead += [((*location, place), inner) for place, inner in reversed(list(enumerate(found)))]
