"""Draw what-if studies: how cost and energy from the grid change with batteries, roofs and tariff options."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cli.whatif_files import Summary, Sums

PANEL_INCHES = (4.5, 3.6)
WIDTH_INCHES_MIN = 9.0
DOTS_PER_INCH = 110
KRW_PER_MILLION = 10**6
KWH_PER_MWH = 1_000
MARKERS = "osD^vP*X<>"


def draw(summary: Summary, path: Path, image_format: str) -> None:
    """Write the drawing of a study: a column of panels a tariff option, a line a scale of the roofs.

    Args:
        summary: The study.
        path: File to write.
        image_format: "png" or "svg".
    """
    options = summary.study.tariff_options
    width, height = PANEL_INCHES
    figure = Figure(figsize=(max(width * len(options), WIDTH_INCHES_MIN), 2 * height), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, len(options), sharex=True, sharey="row", squeeze=False)
    for place, option in enumerate(options):
        costs, energies = panels[:, place]
        for number, pv_scale in enumerate(summary.study.pv_scales):
            sums = [total for total in summary.sums if (total.pv_scale, total.tariff_option) == (pv_scale, option)]
            scales = [one.battery_scale for one in sums]
            marker, label = MARKERS[number], f"solar x{pv_scale:g}"
            costs.plot(scales, [_million_krw(one) for one in sums], marker=marker, label=label)
            energies.plot(scales, [_import_mwh(one) for one in sums], marker=marker, label=label)
        costs.set_title(f"tariff option {option}")
        energies.set_xlabel("batteries, 1 is as built")
        energies.set_xticks(summary.study.battery_scales)
    panels[0, 0].set_ylabel("cost, million KRW")
    panels[1, 0].set_ylabel("from the grid, MWh")
    figure.legend(handles=panels[0, 0].get_lines(), loc="outside right upper", fontsize="small")
    _show_plain_numbers(*panels.flat)
    figure.suptitle(_title(summary))
    figure.savefig(path, format=image_format, dpi=DOTS_PER_INCH)


def draw_compared(summaries: Mapping[str, Summary], path: Path, image_format: str) -> None:
    """Write the drawing of several studies: what each combination costs in each of them.

    Args:
        summaries: The studies by the names to show.
        path: File to write.
        image_format: "png" or "svg".
    """
    combinations = dict.fromkeys(total.combination for summary in summaries.values() for total in summary.sums)
    rows = {combination: row for row, combination in enumerate(combinations)}
    figure = Figure(figsize=(WIDTH_INCHES_MIN, 2 + len(rows) / 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for number, (name, summary) in enumerate(summaries.items()):
        places = [rows[total.combination] for total in summary.sums]
        marker = MARKERS[number % len(MARKERS)]
        axes.plot([_million_krw(total) for total in summary.sums], places, marker=marker, linestyle="", label=name)
    labels = [f"battery x{battery:g}, solar x{pv:g}, {option}" for battery, pv, option in rows]
    axes.set_yticks(range(len(rows)), labels)
    axes.invert_yaxis()
    axes.grid(axis="y", alpha=0.3)
    axes.set_xlabel("cost, million KRW")
    axes.legend(fontsize="small")
    _show_plain_numbers(axes, only="x")
    axes.set_title(_title(next(iter(summaries.values()))))
    figure.savefig(path, format=image_format, dpi=DOTS_PER_INCH)


def _show_plain_numbers(*panels: Axes, only: str = "y") -> None:
    """Write whole figures at the ticks instead of an offset beside the axis."""
    for axes in panels:
        axes.ticklabel_format(axis=only, style="plain", useOffset=False)  # type: ignore[arg-type] # "x" or "y"


def _title(summary: Summary) -> str:
    days = sorted(summary.study.days)
    of_days = f"{days[0]}" if len(days) == 1 else f"{len(days)} days, {days[0]} to {days[-1]}"
    return f"{summary.complex_id}: {of_days}{' (simulated meters)' if summary.synthetic else ''}"


def _million_krw(sums: Sums) -> float:
    return sums.cost_krw / KRW_PER_MILLION


def _import_mwh(sums: Sums) -> float:
    return float(sums.grid_import_kwh) / KWH_PER_MWH
