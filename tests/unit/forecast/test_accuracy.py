import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.domain.accuracy import running_sums
from services.forecast.domain.accuracy.running_sums import (
    IssuedForInterval,
    figures,
    is_drifting,
    persisted_solar_kw,
    tally,
)
from shared.arrays import Floats

QUARTER = 0.25


def issued(p50: list[list[float]], *, spread: float = 10.0, reference: float = 90.0) -> IssuedForInterval:
    """Return forecasts of one interval, an issue a row, a quarter of an hour apart, the newest last."""
    middle = np.array(p50)
    return IssuedForInterval(
        lead_hours=QUARTER * np.arange(len(middle), 0, -1, dtype=np.float64),
        quantiles=np.stack((middle - spread, middle, middle + spread)),
        reference=np.full_like(middle, reference),
    )


def test_figures_of_one_lead_are_those_worked_by_hand() -> None:
    # 100 kW came. Missed by 5 and inside P10..P90; the reference missed by 10.
    sums = tally(issued([[105.0]]), np.array([100.0]))

    [row] = figures(sums[0], full_kw=200.0)

    # Pinball: P10 95 is 5 below: 0.1 x 5; P50 is 5 above: 0.5 x 5; P90 115 is 15 above: 0.1 x 15; their mean is 1.5.
    assert row == {
        "lead_hours": "0-0.25",
        "forecasts": 1,
        "nmae": 0.025,
        "rmse_kw": 5.0,
        "pinball_kw": 1.5,
        "coverage": 1.0,
        "skill_mae": 0.5,
        "skill_rmse": 0.5,
    }


def test_each_issue_counts_in_its_lead_and_the_sites_together_as_one() -> None:
    # Leads of 30 and 15 minutes; the second site errs the other way, so that together they are right.
    sums = tally(issued([[110.0, 90.0], [110.0, 90.0]]), np.array([100.0, 100.0]))

    names = [row["lead_hours"] for row in figures(sums[2], full_kw=None)]
    together = [row["nmae"] for row in figures(sums[2], full_kw=None)]
    first = [row["nmae"] for row in figures(sums[0], full_kw=None)]

    assert (names, together, first) == (["0-0.25", "0.25-1"], [0.0, 0.0], [0.1, 0.1])


def test_without_a_reference_there_are_figures_and_no_skill() -> None:
    [row] = figures(tally(issued([[105.0]], reference=np.nan), np.array([100.0]))[0], full_kw=200.0)

    assert (row["nmae"], row["skill_mae"], row["skill_rmse"]) == (0.025, None, None)


def test_what_is_not_known_and_a_roofs_night_are_not_counted() -> None:
    night = IssuedForInterval(lead_hours=np.array([QUARTER]), quantiles=np.zeros((3, 1, 2)), reference=np.zeros((1, 2)))

    assert tally(night, np.zeros(2)).sum() == 0
    assert tally(issued([[100.0, 100.0]]), np.array([np.nan, 100.0]))[0].sum() == 0


@given(st.lists(st.floats(0, 500), min_size=2, max_size=6))
def test_sums_of_intervals_add_up(came: list[float]) -> None:
    forecast = issued([[100.0]])
    one_by_one = np.sum([tally(forecast, np.array([kw])) for kw in came], axis=0)

    [row] = figures(one_by_one[0], full_kw=1.0)

    assert row["forecasts"] == len(came)
    assert row["nmae"] == pytest.approx(np.mean([abs(100 - kw) for kw in came]), abs=1e-4)


def test_solar_persists_by_its_share_of_a_clear_sky_seen_before_the_issue() -> None:
    clear = np.array([[100.0], [200.0], [400.0], [500.0]])
    metered = np.array([[50.0], [160.0], [np.nan], [500.0]])

    # Issued when row 1, 2 and 3 began: half of the sky, then 0.8, and 0.8 still as row 2 is not known.
    persisted = persisted_solar_kw(metered, clear, np.array([1_000.0]), [1, 2, 3])

    assert persisted[:, 0].tolist() == pytest.approx([250.0, 400.0, 400.0])


def test_solar_persists_within_the_inverter_and_not_from_nothing() -> None:
    clear = np.array([[0.0], [400.0], [500.0]])
    metered = np.array([[0.0], [440.0], [np.nan]])

    persisted = persisted_solar_kw(metered, clear, np.array([480.0]), [1, 2])

    assert np.isnan(persisted[0, 0])
    assert persisted[1, 0] == 480.0


def test_load_repeats_the_week_before_or_the_day_before() -> None:
    week, day = np.array([10.0, np.nan]), np.array([99.0, 20.0])

    assert running_sums.repeated_load_kw(week, day, 2).tolist() == [[10.0, 20.0], [10.0, 20.0]]


@pytest.mark.parametrize(("factor", "count", "drifts"), [(2.0, 100, True), (1.4, 100, False), (2.0, 10, False)])
def test_drift_is_an_error_much_above_that_of_the_days_before(factor: float, count: int, *, drifts: bool) -> None:
    def day(error_kw: float) -> Floats:
        sums = np.zeros((len(running_sums.LEADS), running_sums.SUMS))
        sums[:, running_sums.COUNT], sums[:, running_sums.ABS] = count, count * error_kw
        return sums

    assert is_drifting(day(10.0 * factor), day(10.0)) is drifts
