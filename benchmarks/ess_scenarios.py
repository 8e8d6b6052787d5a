"""Does planning for several futures pay? The demo's batteries over days that were not seen, against the median's plan.

Every hour each battery is planned anew for a day from quantiles of the four weeks before (load by quarter hour of the
week, sun by quarter hour of the day), and the first hour of the plan meets what the demo's factories and sky really do.
Costs are energy, wear and billed peaks; what is left in store counts at the mean price.
"""

import sys
import time
from datetime import datetime

import numpy as np

from optimizers.ess.case import Case
from optimizers.ess.scenarios import CarefulSolver, Quantiles
from optimizers.ess.schedule import Rolling
from optimizers.tariff.peaks import site_peaks
from optimizers.tariff.site import site_prices
from services.fems.domain.interval_numbers import number_of
from services.fems.domain.simulated.field import Field
from services.fems.simulator.load_sources import sources_of
from services.scheduler import domain
from shared.arrays import Floats, Integers
from shared.complex.model import Complex, Ess, Participant, load_complex
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, KST
from shared.paths import DEMO_COMPLEX
from shared.reference.load import sell_back, tariff_book

# A month of its own bill alone, and one of the ratchet.
FIRST_DAYS = (datetime(2026, 5, 18, tzinfo=KST), datetime(2026, 7, 13, tzinfo=KST))
# Ordinary days; at weekends the grid pays more than it charges, and every plan of five futures needs binaries.
DAYS, WEEKS, STEPS_AN_HOUR = 3, 4, 4
KW_PER_WH = 0.004  # over a quarter hour


class Site:
    """A factory with a battery, as it was and will be."""

    def __init__(self, complex_: Complex, field: Field, participant: Participant, first: datetime) -> None:
        self.participant = participant
        self.ess: Ess = participant.ess[0]
        self._complex = complex_
        self.first = first
        self.past = WEEKS * 7 * INTERVALS_PER_DAY
        count = self.past + (DAYS + 1) * INTERVALS_PER_DAY
        energies = field.energies(number_of(first) - self.past, count)[participant.participant_id]
        self.load_kw: Floats = np.asarray(energies.load_wh * KW_PER_WH, dtype=np.float64)
        self.pv_kw: Floats = np.zeros(count)
        for made_wh in energies.pv_wh.values():
            self.pv_kw = self.pv_kw + made_wh * KW_PER_WH

    def truth(self, step: int, count: int) -> tuple[Floats, Floats]:
        """Return load and sun as they come."""
        part = slice(self.past + step, self.past + step + count)
        return self.load_kw[part], self.pv_kw[part]

    def forecast(self, step: int) -> tuple[Quantiles, Quantiles]:
        """Return a day's quantiles of load and sun, from what was before the day."""
        known = (step // INTERVALS_PER_DAY) * INTERVALS_PER_DAY + self.past
        ahead = self.past + step + np.arange(INTERVALS_PER_DAY)
        weekly = [ahead - n * 7 * INTERVALS_PER_DAY for n in range(1, WEEKS + 1)]
        nearby = [at + shift for at in weekly for shift in (-2, -1, 0, 1, 2)]
        daily = [ahead - n * INTERVALS_PER_DAY for n in range(2, 16)]
        return _quantiles(self.load_kw, nearby, known), _quantiles(self.pv_kw, daily, known)

    def case(self, step: int, soc_kwh: float, peak_kw: float) -> Case:
        """Return the case of the median."""
        starts = [self.first + (step + n) * INTERVAL for n in range(INTERVALS_PER_DAY)]
        grid = self.participant.contract
        prices = site_prices(tariff_book(), sell_back(self._complex.sell_back), grid, starts)
        peaks = site_peaks(tariff_book(), grid, starts, {f"{self.first:%Y-%m}": peak_kw})
        load, pv = self.forecast(step)
        outlook = domain.Outlook(load=load, pv=pv)
        return domain.ess_case(self.ess, outlook, prices, domain.Standing(soc_kwh=soc_kwh, peaks=peaks))


def _quantiles(series: Floats, places: list[Integers], known: int) -> Quantiles:
    seen = np.stack([series[np.minimum(at, known - 1)] for at in places])
    low, middle, high = np.quantile(seen, (0.1, 0.5, 0.9), axis=0)
    return Quantiles(p10_kw=low, p50_kw=middle, p90_kw=high)


def realised_krw(site: Site, caution: float | None) -> float:
    """Return what the days cost when every hour is planned anew; None plans by the median alone."""
    rolling, careful = Rolling(), CarefulSolver(caution=caution or 0.0, tied_steps=STEPS_AN_HOUR)
    soc_kwh = site.ess.soc_initial * site.ess.capacity_kwh
    # The month's peak so far: what the factory drew in the weeks before, which the battery did not shave.
    peak_kw = float(np.max((site.load_kw - site.pv_kw)[site.past - 14 * INTERVALS_PER_DAY : site.past])) * 0.9
    spent = 0.0
    for step in range(0, DAYS * INTERVALS_PER_DAY, STEPS_AN_HOUR):
        case = site.case(step, soc_kwh, peak_kw)
        schedule = rolling.solve(case) if caution is None else careful.solve(case, *site.forecast(step))
        load_kw, pv_kw = site.truth(step, STEPS_AN_HOUR)
        now = slice(0, STEPS_AN_HOUR)
        net_kw = load_kw - pv_kw + schedule.charge_kw[now] - schedule.discharge_kw[now]
        energy_krw = case.price_buy_krw_per_kwh[now] @ np.maximum(net_kw, 0.0)
        energy_krw -= case.price_sell_krw_per_kwh[now] @ np.maximum(-net_kw, 0.0)
        worn_krw = site.ess.cycle_cost_krw_per_kwh * float(schedule.discharge_kw[now].sum())
        spent += case.step_h * (float(energy_krw) + worn_krw)
        counted = np.ones(STEPS_AN_HOUR, bool) if case.demand_counts is None else case.demand_counts[now]
        reached_kw = float(np.max(net_kw * counted))
        for peak in case.demand_charges:
            spent += peak.charge_krw_per_kw * max(0.0, reached_kw - peak.prior_peak_kw)
        peak_kw = max(peak_kw, reached_kw)
        soc_kwh = float(schedule.soc_kwh[STEPS_AN_HOUR - 1])
    left_kwh = soc_kwh - site.ess.soc_initial * site.ess.capacity_kwh
    return spent - left_kwh * float(np.mean(case.price_buy_krw_per_kwh))


def main() -> int:
    """Print each setting's cost relative to the median's plan."""
    complex_ = load_complex(DEMO_COMPLEX)
    field = Field(complex_, sources_of(complex_))
    for first in FIRST_DAYS:
        sites = [Site(complex_, field, one, first) for one in complex_.participants if one.ess]
        median = [realised_krw(site, None) for site in sites]
        print(f"ess  {first:%Y-%m-%d}, {DAYS} days: the median's plans cost {sum(median):,.0f} KRW")
        for caution in (0.0, 0.5, 1.0):
            began = time.perf_counter()
            costs = [realised_krw(site, caution) for site in sites]
            gains = [before - after for before, after in zip(median, costs, strict=True)]
            shown = ", ".join(f"{gain:+,.0f}" for gain in gains)
            seconds = time.perf_counter() - began
            print(f"ess  caution {caution:.1f}: saves {sum(gains):+,.0f} KRW ({shown}), {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
