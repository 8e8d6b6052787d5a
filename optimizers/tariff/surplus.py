"""What the grid pays for surplus energy, by interval."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from optimizers.tariff import notes
from optimizers.tariff.timeline import EPOCH, local_seconds
from shared.arrays import Integers
from shared.errors import BadInput
from shared.intervals import SECONDS_PER_DAY
from shared.reference.prices import PriceBook


def surplus_prices_jeon(prices: PriceBook, starts: Integers | Sequence[int]) -> Integers:
    """Return what the grid pays for a kWh [jeon] in each interval; `starts` are seconds since 1970 UTC, in any order.

    Raises:
        BadInput: Nothing is known of one of the days, not even an assumption.
    """
    local = local_seconds(ZoneInfo(prices.timezone), np.asarray(starts, dtype=np.int64))
    numbers, day_of = np.unique(local // SECONDS_PER_DAY, return_inverse=True)
    of_days = [_price_jeon(prices, EPOCH + timedelta(days=int(number))) for number in numbers]
    return np.array(of_days, dtype=np.int64)[day_of]


def surplus_assumptions(prices: PriceBook, days: Iterable[date]) -> list[notes.Note]:
    """Say which of the days' prices for surplus rest on an assumption, or go on beyond what is known."""
    used = {figure.first: figure for day in days if (figure := prices.figure_on(day)) is not None}
    note = notes.figures("surplus price", "잉여전력 단가", used.values())
    later = [day for day in days if day > prices.known_until and _is_open(prices, day)]
    if later:
        text = f"the surplus price of {min(later)} was gathered on {prices.gathered} and is taken to go on"
        text_ko = f"{min(later)}의 잉여전력 단가는 {prices.gathered}에 확인한 값이 계속되는 것으로 봄"
        note.append(notes.Note("surplus_price_goes_on", text, text_ko))
    return note


def _is_open(prices: PriceBook, day: date) -> bool:
    figure = prices.figure_on(day)
    return figure is not None and figure.last is None


def _price_jeon(prices: PriceBook, day: date) -> int:
    figure = prices.figure_on(day)
    if figure is None:
        rule = "must be a day with a known or assumed price"
        raise BadInput(where=f"prices {prices.id}", field="date", rule=rule, value=day)
    return figure.used_jeon
