"""What is lost on the way between factories. The buyer bears it: it draws that from the grid beside what it bought."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction

from optimizers.settlement.interval import SettledTrade
from shared.units import round_half_up, whole_shares


def losses_wh(
    trades: Iterable[SettledTrade], feeder_of: Mapping[str, str], loss_fraction_of: Mapping[str, Decimal]
) -> dict[str, int]:
    """Return what each buyer's energy lost in an interval, in whole Wh by largest remainder.

    As with the wheeling fee, what crosses a feeder's boundary loses that feeder's fraction, in or out: a trade from one
    feeder to another loses both, a trade within one feeder nothing.

    Args:
        trades: Of the interval.
        feeder_of: By participant.
        loss_fraction_of: By feeder.
    """
    exact_wh: defaultdict[str, Fraction] = defaultdict(Fraction)
    for trade in trades:
        feeders = {feeder_of[trade.buyer_id], feeder_of[trade.seller_id]}
        lost = (
            sum((Fraction(loss_fraction_of[feeder]) for feeder in feeders), Fraction())
            if len(feeders) > 1
            else Fraction()
        )
        if lost:
            exact_wh[trade.buyer_id] += trade.quantity_wh * lost
    buyers = sorted(exact_wh)
    total_wh = sum(exact_wh.values(), Fraction())
    whole_wh = round_half_up(total_wh.numerator, total_wh.denominator)
    return dict(zip(buyers, whole_shares(whole_wh, [exact_wh[buyer] for buyer in buyers]), strict=True))
