"""What an interval's imbalance costs by the complex's rule."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from optimizers.settlement.interval import Prices
from shared.complex.imbalance import ImbalanceRule
from shared.units import round_half_up


def imbalance_prices(rule: ImbalanceRule, grid: Prices, auction_jeon_per_kwh: int | None) -> Prices:
    """Return the grid's prices with those that the rule makes of its reference, rounded half up to the jeon.

    A negative reference is made worse, too: by a share of its magnitude.

    Args:
        rule: In force on the interval's day.
        grid: What the grid charges and pays.
        auction_jeon_per_kwh: The price of the interval's auction; None where nothing was traded.
    """
    if rule.is_grid:
        return grid
    short, long = grid.import_jeon_per_kwh, grid.export_jeon_per_kwh
    if rule.reference == "auction" and auction_jeon_per_kwh is not None:
        short = long = auction_jeon_per_kwh
    return replace(
        grid,
        short_jeon_per_kwh=short + _share(rule.short_markup, short),
        long_jeon_per_kwh=long - _share(rule.long_markdown, long),
    )


def _share(share: Decimal, price_jeon_per_kwh: int) -> int:
    exact = Fraction(share) * abs(price_jeon_per_kwh)
    return round_half_up(exact.numerator, exact.denominator)
