"""Which day, quarter hour and price each of many intervals has, as arrays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from optimizers.tariff.contract import Contract
from optimizers.tariff.days import DayPrices, day_prices
from shared.arrays import Integers
from shared.intervals import INTERVAL_S, SECONDS_PER_DAY
from shared.reference.tariffs import TariffBook

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class TariffTimeline:
    """Many intervals placed in a tariff.

    `days` are the distinct local days, `profiles` the distinct priced days. Per interval: `day_of` is its index in
    `days`, `profile_of` its index in `profiles`, `slot_of` its quarter hour of the day (0-95).
    """

    days: tuple[date, ...]
    profiles: tuple[DayPrices, ...]
    day_of: Integers
    profile_of: Integers
    slot_of: Integers


def epochs(starts: Iterable[datetime]) -> Integers:
    """Return aware datetimes as whole seconds since 1970 UTC, the form the arrays here take."""
    return np.fromiter((int(start.timestamp()) for start in starts), dtype=np.int64)


def timeline(book: TariffBook, contract: Contract, starts: Integers | Sequence[int]) -> TariffTimeline:
    """Place intervals, given by their start (seconds since 1970 UTC, in any order), in a tariff.

    Raises:
        BadInput: The tariff knows no such class, voltage, option, or nothing of one of the days.
    """
    local = local_seconds(book.tariff.zone, np.asarray(starts, dtype=np.int64))
    numbers, day_of = np.unique(local // SECONDS_PER_DAY, return_inverse=True)
    days = tuple(EPOCH + timedelta(days=int(number)) for number in numbers)
    priced = day_prices(book, contract, days)
    profiles = tuple({id(prices): prices for prices in priced}.values())
    position = {id(prices): n for n, prices in enumerate(profiles)}
    profile_of_day = np.array([position[id(prices)] for prices in priced], dtype=np.int64)
    return TariffTimeline(
        days=days,
        profiles=profiles,
        day_of=day_of.astype(np.int64, copy=False),
        profile_of=profile_of_day[day_of],
        slot_of=local % SECONDS_PER_DAY // INTERVAL_S,
    )


def energy_prices_jeon(book: TariffBook, contract: Contract, starts: Integers | Sequence[int]) -> Integers:
    """Return what a kWh costs [jeon] in each interval, after the day rules and discounts.

    Climate, fuel, fund, tax and the base charge are not in it. `starts` are seconds since 1970 UTC, in any order.

    Raises:
        BadInput: The tariff knows no such class, voltage, option, or nothing of one of the days.
    """
    placed = timeline(book, contract, starts)
    if not placed.profiles:
        return np.zeros(0, dtype=np.int64)
    table = np.array([prices.paid_jeon() for prices in placed.profiles], dtype=np.int64)
    return table[placed.profile_of, placed.slot_of]


def energy_bases(book: TariffBook, contract: Contract, starts: Integers | Sequence[int]) -> list[str]:
    """Return the basis of each interval's energy: a bill's energy line has those of its own basis.

    Raises:
        BadInput: The tariff knows no such class, voltage, option, or nothing of one of the days.
    """
    placed = timeline(book, contract, starts)
    bases = [prices.bases() for prices in placed.profiles]
    return [bases[profile][slot] for profile, slot in zip(placed.profile_of, placed.slot_of, strict=True)]


def local_seconds(zone: ZoneInfo, starts: Integers) -> Integers:
    """Return the seconds that the local clock shows since 1970, for seconds since 1970 UTC."""
    if starts.size == 0:
        return starts
    first, last = int(starts.min()), int(starts.max())
    # Daylight saving time lasts for weeks: where the offset of every week is the same, it never changed in between.
    weekly = {_offset_s(zone, epoch_s) for epoch_s in (*range(first, last, 7 * SECONDS_PER_DAY), last)}
    if len(weekly) == 1:
        return starts + weekly.pop()
    # Clocks change on the hour of UTC, or at worst on a quarter of it.
    quarters, quarter_of = np.unique(starts // INTERVAL_S, return_inverse=True)
    offsets = np.array([_offset_s(zone, int(quarter) * INTERVAL_S) for quarter in quarters], dtype=np.int64)
    return starts + offsets[quarter_of]


def _offset_s(zone: ZoneInfo, epoch_s: int) -> int:
    offset = datetime.fromtimestamp(epoch_s, tz=UTC).astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101 -- a zone always has one; narrows the type
    return int(offset.total_seconds())
