"""A factory's connection as a case of `optimizers.ess`: what the grid charges there, for energy and for demand.

The scheduler plans the running day with it and the planner a day of a study, so that both weigh a peak alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from optimizers.ess.case import Battery, Case, DemandCharge
from optimizers.tariff.peaks import PricedPeak
from optimizers.tariff.site import SitePrices
from shared.arrays import Floats
from shared.intervals import INTERVAL
from shared.units import JEON_PER_KRW

STEP_MINUTES = INTERVAL.total_seconds() / 60
NO_PEAK = DemandCharge(charge_krw_per_kw=0.0, prior_peak_kw=0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridConnection:
    """What crosses a factory's boundary is paid for by this.

    Args:
        prices: Of energy, by interval.
        peaks: What a kW of demand costs in these intervals, beyond what is billed anyway.
    """

    prices: SitePrices
    peaks: Sequence[PricedPeak] = ()


def case_at(connection: GridConnection, *, load_kw: Floats, pv_kw: Floats, battery: Battery) -> Case:
    """Return the case of one battery behind a connection, by quarter hours."""
    first, *more = [
        DemandCharge(charge_krw_per_kw=peak.charge_krw_per_kw, prior_peak_kw=peak.prior_peak_kw, counts=peak.counts)
        for peak in connection.peaks
    ] or [NO_PEAK]
    return Case(
        step_minutes=STEP_MINUTES,
        load_kw=load_kw,
        pv_kw=pv_kw,
        price_buy_krw_per_kwh=connection.prices.import_jeon_per_kwh / JEON_PER_KRW,
        price_sell_krw_per_kwh=connection.prices.export_jeon_per_kwh / JEON_PER_KRW,
        demand_charge_krw_per_kw=first.charge_krw_per_kw,
        prior_peak_kw=first.prior_peak_kw,
        demand_counts=first.counts,
        more_demand=tuple(more),
        battery=battery,
    )
