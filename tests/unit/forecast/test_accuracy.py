"""The load forecast against a measured factory (infra/profiles) as it would have been issued: only the past is seen."""

import csv
from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from services.forecast.domain import outlook
from services.forecast.domain.horizon import HISTORY_DAYS, Horizon
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, day_start
from shared.paths import INFRA

Floats = NDArray[np.float64]

# The profile's first row is the first quarter hour of 2018 in Korea.
FIRST_DAY = date(2018, 1, 1)
# Public holidays of the half year after its first four weeks.
HOLIDAYS = frozenset(
    date(2018, month, day) for month, day in [(2, 15), (2, 16), (3, 1), (5, 7), (5, 22), (6, 6), (6, 13)]
)
ISSUE_SLOTS = (0, 36, 56)
QUARTERS_PER_WEEK = 7 * INTERVALS_PER_DAY


@pytest.fixture(scope="module")
def metered_kw() -> Floats:
    """Return the factory's consumption by quarter hour."""
    with (INFRA / "profiles" / "gwangyang-2018.csv").open(newline="") as file:
        return np.array([4 * float(row["energy_kwh"]) for row in csv.DictReader(file)])


def test_measured_factory_is_forecast_better_than_by_last_week_and_within_its_band(metered_kw: Floats) -> None:
    by_day = metered_kw.reshape(-1, INTERVALS_PER_DAY, 1)
    contract_kw = np.array([metered_kw.max()])
    ours, last_weeks, inside = [], [], []

    for day in range(HISTORY_DAYS, len(by_day) - 1, 5):
        midnight = day_start(FIRST_DAY + timedelta(days=day))
        history = by_day[day - HISTORY_DAYS : day]
        learned = outlook.learn_load(Horizon(midnight).history, history, contract_kw, HOLIDAYS)
        for slot in ISSUE_SLOTS:
            near = by_day[day - 1 : day + 2].copy()
            near.reshape(-1)[INTERVALS_PER_DAY + slot :] = np.nan
            band = outlook.load(Horizon(midnight + slot * INTERVAL), learned, near, HOLIDAYS)
            first = day * INTERVALS_PER_DAY + slot
            came = metered_kw[first : first + INTERVALS_PER_DAY]
            ours.append(np.abs(band.p50[:, 0] - came))
            last_weeks.append(np.abs(metered_kw[first - QUARTERS_PER_WEEK :][:INTERVALS_PER_DAY] - came))
            inside.append((band.p10[:, 0] <= came) & (came <= band.p90[:, 0]))

    # Last week's error on this plant is about half of its mean load; the forecast's must stay a fifth below it.
    assert np.mean(ours) < 0.8 * np.mean(last_weeks)
    # A quarter hour ahead the last hours help: better than a day ahead.
    assert np.mean([one[0] for one in ours]) < 0.85 * np.mean(ours)
    # Between P10 and P90 should lie four fifths; a plant that changes its shifts costs some of it.
    assert 0.72 <= np.mean(inside) <= 0.88
