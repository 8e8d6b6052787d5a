"""What the grid pays for surplus energy, by interval."""

from collections.abc import Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from optimizers.tariff.timeline import EPOCH, SECONDS_PER_DAY, Integers, local_seconds
from shared.dated import PriceBook
from shared.errors import BadInput


def surplus_prices_jeon(prices: PriceBook, starts: Integers | Sequence[int]) -> Integers:
    """Return what the grid pays for a kWh [jeon] in each interval; `starts` are seconds since 1970 UTC, in any order.

    Raises:
        BadInput: Nothing is known of one of the days, not even an assumption.
    """
    local = local_seconds(ZoneInfo(prices.timezone), np.asarray(starts, dtype=np.int64))
    numbers, day_of = np.unique(local // SECONDS_PER_DAY, return_inverse=True)
    of_days = [_price_jeon(prices, EPOCH + timedelta(days=int(number))) for number in numbers]
    return np.array(of_days, dtype=np.int64)[day_of]


def _price_jeon(prices: PriceBook, day: date) -> int:
    figure = prices.figure_on(day)
    if figure is None:
        rule = "must be a day with a known or assumed price"
        raise BadInput(where=f"prices {prices.id}", field="date", rule=rule, value=day)
    return figure.used_jeon
