"""JSON text in which decimals keep every digit: `json` would send them through floats."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal


def exact_json(value: object, *, indent: int | None = None) -> str:
    """Write a JSON value; a Decimal becomes a number with its own digits, no more zeros than it needs.

    Args:
        value: Mappings with text keys, sequences, text, numbers, booleans, None.
        indent: Spaces a level for people; None writes one line.
    """
    return _text(value, "\n" if indent else "", " " * (indent or 0))


def _text(value: object, newline: str, step: str) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    inner = newline + step if newline else ""
    comma = "," + inner if newline else ", "
    if isinstance(value, Mapping) and value:
        members = (
            f"{json.dumps(str(key), ensure_ascii=False)}: {_text(item, inner, step)}" for key, item in value.items()
        )
        return "{" + inner + comma.join(members) + newline + "}"
    if isinstance(value, Sequence) and value and not isinstance(value, str):
        return "[" + inner + comma.join(_text(item, inner, step) for item in value) + newline + "]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def plain(number: Decimal) -> str:
    """Write a decimal without exponent and without trailing zeros."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
