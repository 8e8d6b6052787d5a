"""Draw a backtest: what came between P10 and P90 a day ahead, and how accuracy fades with the lead."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from services.forecast.domain.accuracy import scores
from services.forecast.domain.backtest.rolling_origin import Issued
from services.forecast.domain.backtest.run import Backtest

SIZE_INCHES = (11, 8)
DOTS_PER_INCH = 110
DAYS_SHOWN = 7


def draw(made: Backtest, issued: Issued, path: Path, image_format: str) -> None:
    """Write the drawing of a backtest's last week and of its accuracy by lead.

    Args:
        made: The backtest.
        issued: Its forecasts.
        path: File to write.
        image_format: "png" or "svg".
    """
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    FigureCanvasAgg(figure)
    power, accuracy = figure.subplots(2, 1)
    # Of each target the newest forecast, so that the line is what a scheduler saw last.
    shown = issued.target >= issued.target.max() - DAYS_SHOWN * made.timeline.steps_per_day
    order = np.lexsort((issued.lead, issued.target))
    order = order[shown[order]]
    _, newest = np.unique(issued.target[order], return_index=True)
    rows = order[newest]
    _, target = made.instants(issued)
    times = target[rows].tz_localize(None).to_numpy()
    power.fill_between(times, issued.p10[rows], issued.p90[rows], color="steelblue", alpha=0.3, label="P10 to P90")
    power.plot(times, issued.p50[rows], color="steelblue", label="P50")
    known = issued.target[rows] < len(made.timeline.kw)
    came = made.timeline.kw[np.minimum(issued.target[rows], len(made.timeline.kw) - 1)]
    power.plot(times, np.where(known, came, np.nan), color="black", linewidth=0.8, label="metered")
    power.set_ylabel("kW")
    power.set_title(f"{made.site.site}: newest forecast of each interval (UTC)")
    locator = AutoDateLocator()  # type: ignore[no-untyped-call] # matplotlib.dates has no types
    power.xaxis.set_major_locator(locator)
    power.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call] # the same
    power.legend(loc="upper left", ncols=3, fontsize="small")
    figures = scores.by_lead(made.scored(issued), made.full_kw())
    names = [str(row["lead_hours"]) for row in figures]
    accuracy.bar(names, [float(row["nmae"] or 0.0) for row in figures], color="steelblue")
    for place, row in enumerate(figures):
        accuracy.annotate(f"P10-P90 holds {row['coverage_p10_p90']:.0%}", (place, 0.0), ha="center", va="bottom")
    accuracy.set_ylabel("nMAE")
    accuracy.set_xlabel("hours ahead")
    figure.savefig(path, format=image_format, dpi=DOTS_PER_INCH)
