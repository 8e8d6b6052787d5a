"""What a day's batteries were worth, and whether they held their plans."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from services.trading_api.domain.shapes import BatteryDayView
from shared.intervals import INTERVAL, interval_of
from shared.units import JEON_WH_PER_KRW, round_half_up


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteInterval:
    """One settled interval of a factory with batteries: what its meters showed, and the grid's two prices."""

    grid_import_wh: int
    grid_export_wh: int
    ess_import_wh: int
    ess_export_wh: int
    import_price_jeon_per_kwh: int
    export_price_jeon_per_kwh: int


@dataclass(frozen=True, slots=True)
class Bill:
    """A day's energy at the grid's prices, without trades: as it was, and as if the batteries had stood idle."""

    with_krw: int
    without_krw: int


def bill_of(intervals: Iterable[SiteInterval]) -> Bill:
    """Add up a day; each sum is rounded once."""
    with_jeon_wh = without_jeon_wh = 0
    for one in intervals:
        net_wh = one.grid_import_wh - one.grid_export_wh
        with_jeon_wh += _cost_jeon_wh(net_wh, one)
        without_jeon_wh += _cost_jeon_wh(net_wh - one.ess_import_wh + one.ess_export_wh, one)
    return Bill(round_half_up(with_jeon_wh, JEON_WH_PER_KRW), round_half_up(without_jeon_wh, JEON_WH_PER_KRW))


def _cost_jeon_wh(net_wh: int, one: SiteInterval) -> int:
    return net_wh * (one.import_price_jeon_per_kwh if net_wh > 0 else one.export_price_jeon_per_kwh)


@dataclass(frozen=True, slots=True)
class Observed:
    """A battery's state of charge at an instant."""

    observed_at: datetime
    soc_wh: int


def without_money(day: BatteryDayView) -> BatteryDayView:
    """Return a day as it is shown to whom a participant's money does not concern."""
    left = {name: None if name.endswith("_krw") else figure for name, figure in day.items()}
    return cast("BatteryDayView", left)


def largest_gap_wh(observed: Sequence[Observed], planned_wh: Mapping[datetime, int]) -> int | None:
    """Return the largest distance of a battery's state of charge from its plan; None where they share no instant.

    Args:
        observed: One observation an interval or fewer.
        planned_wh: What the plan of each interval, by its start, ends that interval with. In between it is a straight
            line.
    """
    gaps = []
    for one in observed:
        start = interval_of(one.observed_at)
        begin_wh, end_wh = planned_wh.get(start - INTERVAL), planned_wh.get(start)
        if begin_wh is not None and end_wh is not None:
            expected_wh = begin_wh + (end_wh - begin_wh) * ((one.observed_at - start) / INTERVAL)
            gaps.append(abs(one.soc_wh - round(expected_wh)))
    return max(gaps, default=None)
