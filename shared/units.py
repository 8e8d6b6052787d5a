"""Exact quantities and the only conversions between them.

Inside the domain traded energy is integer Wh, a price is integer jeon (0.01 KRW) per kWh, and money is integer won.
At the edges (JSON, CSV, HTTP) they are decimals with the unit in the name: `quantity_kwh: "12.345"`.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

WH_PER_KWH = 1_000
JEON_PER_KRW = 100
PERMILLE = 1_000
# jeon/kWh x Wh -> won: divide by 100 (jeon per won) and by 1,000 (Wh per kWh).
JEON_WH_PER_KRW = JEON_PER_KRW * WH_PER_KWH
SECONDS_PER_HOUR = 3_600


def round_half_up(numerator: int, denominator: int) -> int:
    """Return numerator / denominator as the nearest integer; a tie goes towards plus infinity."""
    return (2 * numerator + denominator) // (2 * denominator)


def cost_krw(quantity_wh: int, price_jeon_per_kwh: int) -> int:
    """Return what a quantity of energy costs, rounded once to the won (half away from zero)."""
    product = quantity_wh * price_jeon_per_kwh
    magnitude = round_half_up(abs(product), JEON_WH_PER_KRW)
    return magnitude if product >= 0 else -magnitude


def whole_shares(total: int, exact: Sequence[Fraction]) -> list[int]:
    """Return exact sums of won or Wh as whole ones that add up to their rounded total, by largest remainder.

    Each is rounded down, and the units then missing go one each to the largest remainders, the earlier one first.
    """
    shares = [one.numerator // one.denominator for one in exact]
    missing = total - sum(shares)
    if not 0 <= missing <= len(shares):
        raise ValueError(f"the parts must come to {total} but for rounding, came to {sum(exact)}")
    by_remainder = sorted(range(len(shares)), key=lambda n: shares[n] - exact[n])
    for n in by_remainder[:missing]:
        shares[n] += 1
    return shares


def scaled_integer(number: Decimal, decimals: int) -> int | None:
    """Return number * 10**decimals if that is a whole number, else None (also for NaN and infinity)."""
    if not number.is_finite():
        return None
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 -- finite numbers have one; narrows the type
    shift = exponent + decimals
    coefficient = int(Decimal((0, digits, 0)))
    if coefficient == 0:
        return 0
    if shift >= 0:
        if shift > 1_000:  # noqa: PLR2004 -- "1e999999999" must not eat the memory
            return None
        magnitude = coefficient * int(10**shift)
    else:
        magnitude, rest = divmod(coefficient, 10 ** min(-shift, len(digits) + 1))
        if rest:
            return None
    return -magnitude if sign else magnitude


def kwh_text(quantity_wh: int) -> str:
    """Write Wh as a decimal string in kWh with three places ("12.345")."""
    return _decimal_text(quantity_wh, 3)


def krw_text(price_jeon: int) -> str:
    """Write jeon as a decimal string in KRW with two places ("130.25")."""
    return _decimal_text(price_jeon, 2)


def _decimal_text(scaled: int, decimals: int) -> str:
    whole, rest = divmod(abs(scaled), 10**decimals)
    return f"{'-' if scaled < 0 else ''}{whole}.{rest:0{decimals}d}"


def energy_kwh(power_kw: float, duration: timedelta) -> float:
    """Return the energy of an average power over a duration."""
    return power_kw * duration.total_seconds() / SECONDS_PER_HOUR


def power_kw(quantity_kwh: float, duration: timedelta) -> float:
    """Return the average power that makes an energy over a duration."""
    return quantity_kwh * SECONDS_PER_HOUR / duration.total_seconds()
