"""Draw simulated loads, a panel a factory."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from services.fems.simulator.history import SimulatedHistory
from shared.complex.model import Complex
from shared.intervals import INTERVAL, INTERVALS_PER_HOUR, KST
from shared.units import WH_PER_KWH

PANEL_INCHES = (11, 1.15)
DOTS_PER_INCH = 80
# More would be too small to read.
FACTORIES_SHOWN = 13


def draw(complex_: Complex, made: SimulatedHistory, path: Path, image_format: str) -> None:
    """Write the drawing of a complex's first factories, on Korean time.

    Args:
        complex_: Whose.
        made: What they consumed.
        path: File to write.
        image_format: "png" or "svg".
    """
    shown = complex_.participants[:FACTORIES_SHOWN]
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width, height * len(shown) + 0.8), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    begin = np.datetime64(made.first_start.astimezone(KST).replace(tzinfo=None))
    for panel, owner in zip(panels, shown, strict=True):
        load_kw = made.load_wh[owner.participant_id] * (INTERVALS_PER_HOUR / WH_PER_KWH)
        times = begin + np.arange(len(load_kw)) * np.timedelta64(INTERVAL)
        panel.fill_between(times, load_kw, step="post", color="steelblue", alpha=0.25)
        panel.plot(times, load_kw, drawstyle="steps-post", color="steelblue", linewidth=0.8)
        panel.set_ylim(bottom=0)
        panel.margins(x=0)
        panel.grid(visible=True, alpha=0.3)
        what = owner.load.plant or f"measured: {owner.load.profile}"
        panel.set_title(f"{owner.name.en} ({what})", loc="left", fontsize="small", pad=2)
        panel.set_ylabel("kW", fontsize="small")
        panel.tick_params(labelsize="small")
    locator = AutoDateLocator()  # type: ignore[no-untyped-call] # matplotlib.dates has no types
    panels[-1].xaxis.set_major_locator(locator)
    panels[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call] # the same
    left_out = len(complex_.participants) - len(shown)
    more = f"; {left_out} more factories are not shown" if left_out else ""
    figure.suptitle(f"{complex_.name.en}: simulated loads, Korean time{more}", fontsize="medium")
    figure.savefig(path, format=image_format, dpi=DOTS_PER_INCH)
