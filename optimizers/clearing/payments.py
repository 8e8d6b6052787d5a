"""Exact money: what each order pays, in whole won that add up to the fees."""

from collections.abc import Sequence

import numpy as np

from optimizers.clearing.book import Book, Ints, exact, exact_sum
from shared.units import JEON_WH_PER_KRW, round_half_up


def payments_krw(book: Book, filled_wh: Ints, prices: Sequence[int | None]) -> tuple[Ints, int]:
    """Return each order's payment (buyers positive, sellers negative) and the fees, which are their exact sum.

    The fees are the exact sum of price times fill, rounded once, half up. Payments are rounded down to the won, and
    the won then missing from the fees are added one each to the largest remainders, the earlier order first. The
    prices [jeon/kWh] are those of each node, None only where nothing trades.
    """
    price = np.array([0 if price is None else price for price in prices], dtype=np.int64)
    paid_jeon_wh = signed_jeon_wh(book, price[book.node] if len(price) > 1 else price, filled_wh)
    fees_krw = round_half_up(int(paid_jeon_wh.sum()), JEON_WH_PER_KRW)
    payment_krw = paid_jeon_wh // JEON_WH_PER_KRW
    missing_krw = fees_krw - int(payment_krw.sum())
    if missing_krw:
        remainder = (paid_jeon_wh - payment_krw * JEON_WH_PER_KRW).astype(np.int64)
        claim = remainder * book.size + np.arange(book.size - 1, -1, -1)
        smallest = np.partition(claim, book.size - missing_krw)[book.size - missing_krw]
        payment_krw[claim >= smallest] += 1
    return payment_krw, fees_krw


def signed_jeon_wh(book: Book, price_jeon_per_kwh: Ints, filled_wh: Ints) -> Ints:
    """Return price x fill for each order, buys positive and sells negative, in a type in which their sum is exact."""
    price_max = int(np.abs(price_jeon_per_kwh).max(initial=0))
    signed_wh = exact(np.where(book.is_buy, filled_wh, -filled_wh), bound=price_max * exact_sum(filled_wh))
    return signed_wh * price_jeon_per_kwh
