"""A month's meter readings, completed by the estimate rule where intervals are missing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time

import numpy as np

from optimizers.tariff.timeline import TariffTimeline
from shared.arrays import Flags, Integers
from shared.errors import BadInput
from shared.intervals import INTERVAL_S, INTERVALS_PER_DAY
from shared.reference.tariffs import TariffBook

# 1 GWh in a quarter hour is 4 GW, more than any complex draws; it keeps every sum exact in 64 bits and in a float.
ENERGY_WH_MAX = 1_000_000_000

MONTH = re.compile(r"(?:19[7-9]\d|2\d{3})-(?:0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReadings:
    """Energy drawn from the grid in quarter hours, in rising order, possibly with gaps.

    Args:
        starts: Start of each interval, seconds since 1970 UTC.
        energy_wh: Energy drawn [Wh].
        demand_wh: Energy that the demand is taken from [Wh], or None where that is energy_wh.
        lag_varh: Lagging reactive energy [varh], or None without such a meter.
        lead_varh: Leading reactive energy [varh], or None without such a meter.
        metered_over_s: How long the meter's own intervals are. Where that is longer than a quarter hour, `demand_wh`
            is their mean: the demand was at least that, and is not known.
    """

    starts: Integers
    energy_wh: Integers
    lag_varh: Integers | None = None
    lead_varh: Integers | None = None
    demand_wh: Integers | None = None
    metered_over_s: int = INTERVAL_S

    def __post_init__(self) -> None:
        if (self.starts % INTERVAL_S).any() or (np.diff(self.starts) <= 0).any():
            raise ValueError("meter readings must start on rising quarter hours, each once")
        for name in ("energy_wh", "lag_varh", "lead_varh", "demand_wh"):
            column: Integers | None = getattr(self, name)
            if column is None:
                continue
            if column.shape != self.starts.shape:
                raise ValueError(f"{name} must have one number an interval: {column.shape} for {self.starts.shape}")
            if column.size and not 0 <= int(column.min()) <= int(column.max()) <= ENERGY_WH_MAX:
                raise ValueError(f"{name} must lie in [0, {ENERGY_WH_MAX}], was {column.min()} to {column.max()}")

    def between(self, first: int, end: int) -> "MeterReadings":
        """Return the readings of [first, end), seconds since 1970 UTC."""
        part = slice(*np.searchsorted(self.starts, [first, end]).tolist())
        return replace(
            self,
            starts=self.starts[part],
            energy_wh=self.energy_wh[part],
            lag_varh=None if self.lag_varh is None else self.lag_varh[part],
            lead_varh=None if self.lead_varh is None else self.lead_varh[part],
            demand_wh=None if self.demand_wh is None else self.demand_wh[part],
        )


def spread_evenly(readings: MeterReadings, interval_s: int) -> MeterReadings:
    """Return a meter's longer intervals as quarter hours: their energy is kept to the Wh, their demand is a mean.

    Args:
        readings: Named by the starts of the meter's intervals, which do not overlap.
        interval_s: How long those are; a whole number of quarter hours.
    """
    quarters = interval_s // INTERVAL_S
    later = np.arange(quarters)

    def shared(column: Integers | None) -> Integers | None:
        if column is None:
            return None
        each, left = np.divmod(column, quarters)
        spread: Integers = (each[:, None] + (later < left[:, None])).ravel()
        return spread

    energy_wh = shared(readings.energy_wh)
    assert energy_wh is not None  # noqa: S101 -- a column that is there; narrows the type
    return MeterReadings(
        starts=(readings.starts[:, None] + later * INTERVAL_S).ravel(),
        energy_wh=energy_wh,
        demand_wh=np.repeat(readings.energy_wh // quarters, quarters),
        lag_varh=shared(readings.lag_varh),
        lead_varh=shared(readings.lead_varh),
        metered_over_s=interval_s,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteMonth:
    """Every quarter hour of a month; where `measured` is False, energy is estimated and reactive energy is 0."""

    starts: Integers
    energy_wh: Integers
    demand_wh: Integers
    lag_varh: Integers | None
    lead_varh: Integers | None
    measured: Flags
    metered_over_s: int

    @property
    def demand_known(self) -> bool:
        """Say whether the month's highest demand can be told: at least half of its quarter hours were measured."""
        return self.metered_over_s == INTERVAL_S and 2 * int(self.measured.sum()) >= self.measured.size


def parse_month(month: str) -> date:
    """Return the first day of a month written as YYYY-MM.

    Raises:
        BadInput: It is something else.
    """
    if not MONTH.fullmatch(month):
        raise BadInput(where="month", field="month", rule="must be YYYY-MM, from 1970 to 2999", value=month)
    return date.fromisoformat(f"{month}-01")


def next_month(first: date) -> date:
    """Return the first day of the month after the one that begins on `first`."""
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def month_bounds(book: TariffBook, month: str) -> tuple[int, int]:
    """Return where a local month begins and ends (half-open), in seconds since 1970 UTC."""
    first = parse_month(month)
    begin, end = (
        int(datetime.combine(day, time(), tzinfo=book.tariff.zone).timestamp()) for day in (first, next_month(first))
    )
    return begin, end


def month_starts(book: TariffBook, month: str) -> Integers:
    """Return the start of every quarter hour of a local month."""
    return np.arange(*month_bounds(book, month), INTERVAL_S, dtype=np.int64)


def completed(readings: MeterReadings, starts: Integers, placed: TariffTimeline) -> CompleteMonth:
    """Fill the gaps of a month by the estimate rule.

    A missing quarter hour takes the mean of the same quarter hour on the month's other days of its kind (weekday,
    Saturday, Sunday, holiday); where none was measured, on all its days; else the mean of all that was measured.

    Args:
        readings: All of them inside the month, at least one.
        starts: The month's quarter hours.
        placed: The same in the tariff.
    """
    position = np.searchsorted(starts, readings.starts)
    measured = np.zeros(starts.size, dtype=np.bool_)
    measured[position] = True
    energy_wh = _spread(readings.energy_wh, position, starts.size)
    missing = np.flatnonzero(~measured)
    if missing.size:
        kinds = [prices.kind for prices in placed.profiles]
        kind_of = np.array([sorted(set(kinds)).index(kind) for kind in kinds], dtype=np.int64)[placed.profile_of]
        means = [
            _group_means(energy_wh, measured, groups)[missing]
            for groups in (
                kind_of * INTERVALS_PER_DAY + placed.slot_of,
                placed.slot_of,
                np.zeros_like(placed.slot_of),
            )
        ]
        energy_wh[missing] = _first_known(means)
    demand_wh = energy_wh if readings.demand_wh is None else energy_wh.copy()
    if readings.demand_wh is not None:
        demand_wh[position] = readings.demand_wh
    return CompleteMonth(
        starts=starts,
        energy_wh=energy_wh,
        demand_wh=demand_wh,
        lag_varh=None if readings.lag_varh is None else _spread(readings.lag_varh, position, starts.size),
        lead_varh=None if readings.lead_varh is None else _spread(readings.lead_varh, position, starts.size),
        measured=measured,
        metered_over_s=readings.metered_over_s,
    )


def _spread(column: Integers, position: Integers, size: int) -> Integers:
    spread = np.zeros(size, dtype=np.int64)
    spread[position] = column
    return spread


def _group_means(energy_wh: Integers, measured: Flags, groups: Integers) -> Integers:
    """Return each interval's mean over the measured ones of its group, half up to the Wh; -1 where there are none."""
    counts = np.bincount(groups, weights=measured).astype(np.int64)
    sums = np.bincount(groups, weights=np.where(measured, energy_wh, 0)).astype(np.int64)
    means = np.where(counts > 0, (2 * sums + counts) // np.maximum(2 * counts, 1), -1)
    chosen: Integers = means[groups]
    return chosen


def _first_known(candidates: Sequence[Integers]) -> Integers:
    chosen = candidates[0]
    for candidate in candidates[1:]:
        chosen = np.where(chosen >= 0, chosen, candidate)
    return chosen
