"""Draw a schedule: what the site draws, what the battery does, and why (price and marginal value)."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from optimizers.ess.case import Case, Schedule

SIZE_INCHES = (11, 9)
DOTS_PER_INCH = 110
MINUTES_PER_HOUR = 60


def draw(case: Case, schedule: Schedule, path: Path, image_format: str) -> None:
    """Write the drawing of a schedule.

    Args:
        case: The case.
        schedule: Its schedule.
        path: File to write.
        image_format: "png" or "svg".
    """
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    FigureCanvasAgg(figure)
    power, battery, price = figure.subplots(3, 1, sharex=True)
    edges_h = np.arange(case.steps + 1) * case.step_minutes / MINUTES_PER_HOUR
    _draw_power(power, case, schedule, edges_h)
    _draw_battery(battery, case, schedule, edges_h)
    _draw_prices(price, case, schedule, edges_h)
    figure.savefig(path, format=image_format, dpi=DOTS_PER_INCH)


def _draw_power(axes: Axes, case: Case, schedule: Schedule, edges_h: np.ndarray) -> None:
    axes.stairs(case.load_kw, edges_h, label="load", color="black")
    axes.stairs(case.pv_kw - schedule.curtail_kw, edges_h, label="solar used", color="goldenrod", fill=True, alpha=0.4)
    axes.stairs(schedule.import_kw, edges_h, label="import", color="firebrick")
    axes.stairs(schedule.export_kw, edges_h, label="export", color="seagreen")
    axes.axhline(schedule.peak_kw, label="billed peak", color="firebrick", linestyle=":")
    if case.import_limit_kw is not None:
        axes.axhline(case.import_limit_kw, label="import limit", color="grey", linestyle="--")
    axes.set_ylabel("kW")
    axes.set_title(f"{schedule.status}: {_outcome(case, schedule)}")
    axes.legend(loc="upper left", ncols=6, fontsize="small")


def _outcome(case: Case, schedule: Schedule) -> str:
    """Say what it costs, and what no cost says: with how much less or more the battery ends."""
    cost = f"cost {schedule.cost_krw:,.0f} KRW, without the battery {schedule.cost_without_battery_krw:,.0f} KRW"
    if case.battery is None:
        return cost
    change_kwh = schedule.soc_kwh[-1] - case.battery.soc_initial * case.battery.capacity_kwh
    return f"{cost}; it ends {abs(change_kwh):,.1f} kWh {'fuller' if change_kwh > 0 else 'emptier'}"


def _draw_battery(axes: Axes, case: Case, schedule: Schedule, edges_h: np.ndarray) -> None:
    axes.stairs(schedule.charge_kw, edges_h, label="charge", color="steelblue", fill=True)
    axes.stairs(schedule.discharge_kw, edges_h, baseline=0.0, label="discharge", color="darkorange", fill=True)
    axes.set_ylabel("kW")
    if case.battery is not None:
        stored = axes.twinx()
        stored_kwh = np.concatenate(([case.battery.soc_initial * case.battery.capacity_kwh], schedule.soc_kwh))
        stored.plot(edges_h, stored_kwh, color="black")
        stored.set_ylabel("stored kWh (line)")
        for fraction in (case.battery.soc_min, case.battery.soc_max):
            stored.axhline(fraction * case.battery.capacity_kwh, color="grey", linestyle="--")
        stored.set_ylim(0.0, max(case.battery.capacity_kwh, 1.0))
    axes.legend(loc="upper left", fontsize="small")


def _draw_prices(axes: Axes, case: Case, schedule: Schedule, edges_h: np.ndarray) -> None:
    axes.stairs(case.price_buy_krw_per_kwh, edges_h, baseline=None, label="buy", color="firebrick")
    axes.stairs(case.price_sell_krw_per_kwh, edges_h, baseline=None, label="sell", color="seagreen")
    value_krw_per_kwh = schedule.energy_value_krw_per_kwh
    axes.stairs(value_krw_per_kwh, edges_h, baseline=None, label="value of energy", color="black", linestyle=":")
    axes.set_ylabel("KRW/kWh")
    axes.set_xlabel("hours from the first step")
    axes.legend(loc="upper left", fontsize="small")
