"""What a kW of demand costs in the intervals ahead, over all the months that would be billed on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from optimizers.tariff.contract import Contract, contract_of, rate_of, version_on
from optimizers.tariff.demand import billed_on_contract
from optimizers.tariff.timeline import TariffTimeline, epochs, timeline
from shared.arrays import Flags, Integers
from shared.complex.contract import GridContract
from shared.reference.tariffs import DemandRule, TariffBook
from shared.units import JEON_PER_KRW

MONTHS_PER_YEAR = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PricedPeak:
    """A peak as some months' bills see it.

    Args:
        charge_krw_per_kw: What a kW of it costs, over all those months.
        prior_peak_kw: What is billed anyway: up to there a kW costs nothing more.
        counts: The intervals that can set it.
        months: The months (YYYY-MM) whose bills it is in, unless a later peak is higher.
    """

    charge_krw_per_kw: float
    prior_peak_kw: float
    counts: Flags
    months: tuple[str, ...]


def site_peaks(
    book: TariffBook, grid: GridContract, delivery_starts: Sequence[datetime], known_peaks_kw: Mapping[str, float]
) -> list[PricedPeak]:
    """Return the peaks that a factory pays for, the running month's first; none where it is billed on contract power.

    A peak of a ratchet month is billed in its own month and in the window's months after it, as far as nothing higher
    is. Months that are billed alike are one peak.

    Args:
        book: The tariff.
        grid: The contract.
        delivery_starts: The intervals ahead, in order.
        known_peaks_kw: Highest billable demand of past months and of the running one so far, by YYYY-MM.

    Raises:
        BadInput: The tariff knows no such class, voltage, option, or nothing of one of the days.
    """
    contract = contract_of(grid)
    rule = book.tariff.demand
    if rule is None or billed_on_contract(book, contract):
        return []
    placed = timeline(book, contract, epochs(delivery_starts))
    first, last = placed.days[0], placed.days[-1]
    found: dict[tuple[bytes, float], PricedPeak] = {}
    for billed in range(_number(first.year, first.month), _number(last.year, last.month) + rule.window_months):
        peak = _billed_peak(book, contract, placed, known_peaks_kw, billed)
        if not peak.counts.any():
            continue
        key = (peak.counts.tobytes(), peak.prior_peak_kw)
        before = found.get(key)
        if before is not None:
            charge_krw_per_kw = before.charge_krw_per_kw + peak.charge_krw_per_kw
            peak = replace(peak, charge_krw_per_kw=charge_krw_per_kw, months=(*before.months, *peak.months))
        found[key] = peak
    return list(found.values())


def month_peak(
    book: TariffBook, contract: Contract, placed: TariffTimeline, known_peaks_kw: Mapping[str, float]
) -> PricedPeak | None:
    """Return the peak as the bill of the running month alone sees it; None where that is on contract power.

    Args:
        book: The tariff.
        contract: Whose bill.
        placed: Intervals of one month.
        known_peaks_kw: As for `site_peaks`.
    """
    if billed_on_contract(book, contract):
        return None
    first = placed.days[0]
    return _billed_peak(book, contract, placed, known_peaks_kw, _number(first.year, first.month))


def _billed_peak(
    book: TariffBook, contract: Contract, placed: TariffTimeline, known_peaks_kw: Mapping[str, float], billed: int
) -> PricedPeak:
    """Return the peak that one month is billed on, at the base price of the first interval's day."""
    rule = book.tariff.demand
    assert rule is not None  # noqa: S101 -- callers have asked `billed_on_contract`; narrows the type
    known = {_number(int(month[:4]), int(month[5:])): peak_kw for month, peak_kw in known_peaks_kw.items()}
    earlier = [peak_kw for month, peak_kw in known.items() if _counts_in(rule, np.array([month]), billed)[0]]
    month_of = np.array([_number(day.year, day.month) for day in placed.days])[placed.day_of]
    base_jeon_per_kw = rate_of(book, contract, version_on(book, contract, placed.days[0])).base_jeon_per_kw
    return PricedPeak(
        charge_krw_per_kw=base_jeon_per_kw / JEON_PER_KRW,
        prior_peak_kw=max(float(rule.contract_floor * contract.contract_kw), *earlier, 0.0),
        counts=may_set_demand(rule, placed) & _counts_in(rule, month_of, billed),
        months=(_name(billed),),
    )


def demand_month(book: TariffBook, grid: GridContract, delivery_start: datetime) -> str | None:
    """Return the local month (YYYY-MM) whose peak an interval can set; None where its demand is not billed.

    Raises:
        BadInput: The tariff knows no such class, voltage, option, or nothing of the day.
    """
    contract, rule = contract_of(grid), book.tariff.demand
    if rule is None or billed_on_contract(book, contract):
        return None
    placed = timeline(book, contract, epochs([delivery_start]))
    return f"{placed.days[0]:%Y-%m}" if may_set_demand(rule, placed)[0] else None


def may_set_demand(rule: DemandRule, placed: TariffTimeline) -> Flags:
    """Return which intervals lie in a band whose demand is billed."""
    counts = np.array([[band not in rule.excluded_bands for band in prices.bands] for prices in placed.profiles])
    found: Flags = counts[placed.profile_of, placed.slot_of]
    return found


def _counts_in(rule: DemandRule, months: Integers, billed: int) -> Flags:
    """Return which months' peaks are in the bill of one: its own, and the ratchet months of the window before it."""
    ratchet = np.isin(months % MONTHS_PER_YEAR + 1, rule.ratchet_months)
    inside = (months < billed) & (months > billed - rule.window_months)
    found: Flags = (months == billed) | (ratchet & inside)
    return found


def _number(year: int, month: int) -> int:
    return year * MONTHS_PER_YEAR + month - 1


def _name(number: int) -> str:
    return f"{number // MONTHS_PER_YEAR:04}-{number % MONTHS_PER_YEAR + 1:02}"
