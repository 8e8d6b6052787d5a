"""Books beyond 64 bits take another way through the arithmetic; the answers are the same."""

import numpy as np

from optimizers.clearing.auction import clear_book
from optimizers.clearing.book import PRICE_JEON_PER_KWH_MAX, Allocation, Book
from tests.unit.clearing.books import feeder

SIZE = 30_000
NETWORK = [feeder("F1", limit_wh=300_000, fee_jeon=20), feeder("F2", limit_wh=700_000, export_wh=90_000, fee_jeon=50)]


def a_book(*, factor: int = 1) -> Book:
    """30,000 orders of up to 1 kWh times a factor, prices of both signs, many of them equal."""
    random = np.random.default_rng(20260520)
    return Book(
        is_buy=random.random(SIZE) < 0.5,
        price_jeon_per_kwh=random.integers(-500, 1_500, SIZE),
        quantity_wh=random.integers(1, 1_001, SIZE) * factor,
        node=random.integers(0, 3, SIZE),
    )


def with_outliers(book: Book) -> Book:
    """Add a bid and an ask so bad that they never trade, so far apart that packed sort keys leave 64 bits."""
    return Book(
        is_buy=np.append(book.is_buy, [True, False]),
        price_jeon_per_kwh=np.append(book.price_jeon_per_kwh, [-PRICE_JEON_PER_KWH_MAX, PRICE_JEON_PER_KWH_MAX]),
        quantity_wh=np.append(book.quantity_wh, [1, 1]),
        node=np.append(book.node, [0, 0]),
    )


def prices(answer: Allocation) -> list[int | None]:
    return [answer.price_jeon_per_kwh, *(result.price_jeon_per_kwh for result in answer.feeders)]


def test_quantities_whose_sum_leaves_64_bits_are_cleared_the_same() -> None:
    # 30,000 orders of 500 Wh x 10^12 on average: 1.5 x 10^19 Wh, where int64 ends at 9.2 x 10^18.
    factor = 10**12
    network = [
        feeder(one.feeder_id, limit_wh=(one.import_limit_wh or 0) * factor, fee_jeon=one.wheeling_fee_jeon_per_kwh)
        for one in NETWORK
    ]
    small_network = [
        feeder(one.feeder_id, limit_wh=one.import_limit_wh, fee_jeon=one.wheeling_fee_jeon_per_kwh) for one in NETWORK
    ]

    small, large = clear_book(a_book(), small_network), clear_book(a_book(factor=factor), network)

    assert large.filled_wh.tolist() == [filled_wh * factor for filled_wh in small.filled_wh.tolist()]
    assert large.welfare_jeon_wh == small.welfare_jeon_wh * factor
    assert prices(large) == prices(small)
    assert sum(large.payment_krw.tolist()) == large.fees_krw


def test_prices_too_far_apart_for_packed_keys_are_sorted_the_same() -> None:
    # Packed, a key would reach 6 groups x 10^14 jeon x 30,000 rows = 1.8 x 10^19, where int64 ends at 9.2 x 10^18.
    book = a_book()

    answer, wide = clear_book(book, NETWORK), clear_book(with_outliers(book), NETWORK)

    assert wide.filled_wh.tolist() == [*answer.filled_wh.tolist(), 0, 0]
    assert wide.payment_krw.tolist() == [*answer.payment_krw.tolist(), 0, 0]
    assert prices(wide) == prices(answer)
