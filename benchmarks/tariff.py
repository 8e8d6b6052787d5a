"""Time a site-year of the Korean tariff: 35,040 prices, and twelve bills, without reading files.

Run: .venv/bin/python -m benchmarks.tariff
"""

import json
from collections.abc import Callable
from datetime import datetime
from statistics import median
from time import perf_counter

import numpy as np

from optimizers.tariff.bills import month_bills
from optimizers.tariff.contract import Contract
from optimizers.tariff.meter import MeterReadings
from optimizers.tariff.timeline import energy_prices_jeon
from shared.reference.load import tariff_book

ROUNDS = 21
INTERVALS = 35_040
MONTHS = [f"2025-{month:02}" for month in range(1, 13)]


def milliseconds(run: Callable[[], object]) -> dict[str, float]:
    """Return the median and the worst of some rounds, the first of them left out."""
    took = []
    for _ in range(ROUNDS + 1):
        begun = perf_counter()
        run()
        took.append((perf_counter() - begun) * 1_000)
    return {"median_ms": round(median(took[1:]), 2), "worst_ms": round(max(took[1:]), 2)}


def main() -> None:
    """Print the figures as one JSON object."""
    book = tariff_book()
    contract = Contract(
        tariff_class="industrial_eul", voltage="HV_A", option="II", contract_kw=1_000, power_factor=True
    )
    first = int(datetime(2025, 1, 1, tzinfo=book.tariff.zone).timestamp())
    random = np.random.default_rng(8)
    starts = first + 900 * np.arange(INTERVALS, dtype=np.int64)
    energy_wh, lag_varh, lead_varh = (random.integers(0, 250_000, INTERVALS) for _ in range(3))
    complete = MeterReadings(starts=starts, energy_wh=energy_wh, lag_varh=lag_varh, lead_varh=lead_varh)
    kept = random.random(INTERVALS) > 0.02
    gappy = MeterReadings(starts=starts[kept], energy_wh=energy_wh[kept])
    figures = {
        "prices of a site-year": milliseconds(lambda: energy_prices_jeon(book, contract, starts)),
        "bills of a site-year, with power factor": milliseconds(lambda: month_bills(book, contract, complete, MONTHS)),
        "bills of a site-year, 2 % of it missing": milliseconds(lambda: month_bills(book, contract, gappy, MONTHS)),
    }
    print(json.dumps(figures, indent=2))
    assert all(figure["median_ms"] < 50 for figure in figures.values())


if __name__ == "__main__":
    main()
