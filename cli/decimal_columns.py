"""Columns of decimals as scaled integers: a fast way for the usual rows, an exact one with reasons for the others."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from shared.arrays import Flags, Integers
from shared.units import scaled_integer

# Longer fields take the exact way: 15 digits, sign and point, scaled by at most 1,000, stay within int64.
_FAST_CHARACTERS = 17
_FAST_DIGITS = 15
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_DIGITS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DecimalRule:
    """What a decimal field may hold.

    Args:
        decimals: At most so many count, zeros behind them do not; the scaled integer is the number times 10**decimals.
        least: Smallest number allowed, in scaled units.
        most: Largest number allowed, in scaled units.
        range_rule: The same for people ("must be > 0 and <= 10^12 kWh").
    """

    decimals: int
    least: int
    most: int
    range_rule: str

    def parse(self, text: str) -> int:
        """Return a field's scaled integer.

        Raises:
            ValueError: It breaks a rule; the message is the rule.
        """
        text = text.strip()
        if not _NUMBER.fullmatch(text) or len(text) > _DIGITS_MAX:
            raise ValueError("must be a decimal number")
        number = Decimal(text)
        scaled = scaled_integer(number, self.decimals)
        exponent = number.as_tuple().exponent
        if scaled is None and isinstance(exponent, int) and -exponent > self.decimals:
            raise ValueError(f"must have at most {self.decimals} decimals")
        if scaled is None or not self.least <= scaled <= self.most:
            raise ValueError(self.range_rule)
        return scaled


def scaled_column(texts: Sequence[str], rule: DecimalRule) -> tuple[Integers, list[tuple[int, str]]]:
    """Return a column's scaled integers, and for each field that breaks a rule its position and that rule."""
    scaled, usual = _usual(texts, rule.decimals)
    usual &= (rule.least <= scaled) & (scaled <= rule.most)
    problems = []
    for position in np.flatnonzero(~usual).tolist():
        try:
            scaled[position] = rule.parse(texts[position])
        except ValueError as broken:
            problems.append((position, str(broken)))
    return scaled, problems


def _usual(texts: Sequence[str], decimals: int) -> tuple[Integers, Flags]:
    """Read all fields at once, a character at a time; the second column says which of them that was right for."""
    short = [text if len(text) <= _FAST_CHARACTERS and text.isascii() else "" for text in texts]
    fields = np.array(short, dtype=np.bytes_)
    characters = np.ascontiguousarray(fields.view(np.uint8).reshape(len(short), fields.dtype.itemsize).T)
    size = len(short)
    number, digits, places = (np.zeros(size, dtype=np.int64) for _ in range(3))
    after_point = np.zeros(size, dtype=np.bool_)
    usual = np.ones(size, dtype=np.bool_)
    negative = characters[0] == ord("-")
    for position, character in enumerate(characters):
        digit = character - ord("0")  # Unsigned: whatever is no digit wraps to 10 or more.
        is_digit = digit <= 9  # noqa: PLR2004 -- the last digit
        is_point = character == ord(".")
        usual &= is_digit | (is_point & ~after_point) | (character == 0) | (negative & (position == 0))
        number = np.where(is_digit, number * 10 + digit, number)
        digits += is_digit
        places += is_digit & after_point
        after_point |= is_point
    usual &= (digits > 0) & (digits <= _FAST_DIGITS) & (places <= decimals)
    scaled = number * 10 ** np.maximum(decimals - places, 0)
    return np.where(negative, -scaled, scaled), usual
