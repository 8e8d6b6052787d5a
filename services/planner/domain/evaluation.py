"""What one factory's day comes to under each scenario of a study: the unit of work that is handed to Dask."""

from collections.abc import Sequence

import numpy as np

from optimizers.connection import STEP_MINUTES, case_at
from optimizers.ess.case import Battery, Schedule
from optimizers.ess.schedule import Rolling
from services.planner.domain.scenarios import Outcome, Scenario
from services.planner.domain.sites import SiteDay
from services.planner.domain.tariffs import DayTariff
from shared.arrays import Floats
from shared.complex.model import Ess
from shared.units import WH_PER_KWH

WH_PER_KW = WH_PER_KWH * STEP_MINUTES / 60


def evaluate(site: SiteDay, scenarios: Sequence[Scenario]) -> tuple[Outcome, ...]:
    """Return what the site's day would have come to under each scenario, in order.

    Batteries are scheduled with hindsight against the prices of energy and demand, as the scheduler does with
    forecasts, and end the day as full as they began it.
    """
    rolling = Rolling()
    return tuple(_outcome(site, scenario, rolling) for scenario in scenarios)


def _outcome(site: SiteDay, scenario: Scenario, rolling: Rolling) -> Outcome:
    tariff = site.tariffs[scenario.tariff_option]
    battery = scaled_battery(site.batteries, scenario.battery_scale)
    pv_kw = site.pv_kw * scenario.pv_scale
    if battery is None:
        net_kw = site.load_kw - pv_kw
        import_kw, export_kw = np.maximum(net_kw, 0.0), np.maximum(-net_kw, 0.0)
    else:
        schedule = _schedule(rolling, site.load_kw, pv_kw, battery, tariff)
        import_kw, export_kw = schedule.import_kw, schedule.export_kw
    import_wh, export_wh = import_kw * WH_PER_KW, export_kw * WH_PER_KW
    return Outcome(
        cost_krw=tariff.bill_krw(import_wh, export_wh),
        import_wh=tuple(np.rint(import_wh).astype(np.int64).tolist()),
        export_wh=tuple(np.rint(export_wh).astype(np.int64).tolist()),
    )


def scaled_battery(batteries: Sequence[Ess], scale: float) -> Battery | None:
    """Return a factory's batteries as one, scaled in energy and power; None where there is none.

    Fractions and efficiencies are means weighted by capacity.
    """
    capacity_kwh = scale * sum(battery.capacity_kwh for battery in batteries)
    if capacity_kwh == 0:
        return None
    weights = [scale * battery.capacity_kwh / capacity_kwh for battery in batteries]

    def mean(figures: list[float]) -> float:
        return sum(weight * figure for weight, figure in zip(weights, figures, strict=True))

    soc_initial = mean([battery.soc_initial for battery in batteries])
    return Battery(
        capacity_kwh=capacity_kwh,
        max_charge_kw=scale * sum(battery.charge_kw_max for battery in batteries),
        max_discharge_kw=scale * sum(battery.discharge_kw_max for battery in batteries),
        charge_efficiency=mean([battery.charge_efficiency for battery in batteries]),
        discharge_efficiency=mean([battery.discharge_efficiency for battery in batteries]),
        soc_min=mean([battery.soc_min for battery in batteries]),
        soc_max=mean([battery.soc_max for battery in batteries]),
        soc_initial=soc_initial,
        soc_final_min=soc_initial,
        cycle_cost_krw_per_kwh=mean([battery.cycle_cost_krw_per_kwh for battery in batteries]),
    )


def _schedule(rolling: Rolling, load_kw: Floats, pv_kw: Floats, battery: Battery, tariff: DayTariff) -> Schedule:
    return rolling.solve(case_at(tariff.connection, load_kw=load_kw, pv_kw=pv_kw, battery=battery))
