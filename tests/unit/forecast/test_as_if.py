"""The Korean forecast settlement by hand, at its bounds, and from forecasts to submissions."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from services.forecast.domain.accuracy.kr_forecast_incentive import Hour, day_ahead_hours, settled
from shared.reference.load import forecast_settlement

RULES = forecast_settlement()
# A plant of 1 MW: a per cent is 10 kWh.
CAPACITY_WH = 1_000_000
OLD, NEW, UNCERTAIN, BEFORE = date(2025, 5, 31), date(2025, 6, 1), date(2026, 4, 1), date(2021, 9, 30)


def hour(day: date, first_wh: int, second_wh: int, actual_wh: int) -> Hour:
    return Hour(day=day, submitted_wh=(first_wh, second_wh), actual_wh=actual_wh)


@pytest.mark.parametrize(
    ("day", "error_wh", "paid_krw"),
    [
        # 500 kWh at 4 or 3 won. Until May 2025 up to and with 6 and 8 %, 60 and 80 kWh; from June 4 and 6 %.
        (OLD, 60_000, 2000),
        (OLD, 60_001, 1500),
        (OLD, 80_000, 1500),
        (OLD, 80_001, 0),
        (NEW, 40_000, 2000),
        (NEW, 40_001, 1500),
        (NEW, 60_000, 1500),
        (NEW, 60_001, 0),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_error_at_its_bound_earns_the_tier_and_a_wh_more_does_not(
    day: date, error_wh: int, paid_krw: int, sign: int
) -> None:
    forecast_wh = 500_000 + sign * error_wh

    assert settled([hour(day, forecast_wh, forecast_wh, 500_000)], CAPACITY_WH, RULES).paid_krw == paid_krw


def test_forecast_is_the_mean_of_the_two_submissions() -> None:
    # 400 and 600 kWh are 500; 400 and 600.001 are half a Wh too many for nothing, and 40,000.5 Wh too many for 4 won.
    exact = settled([hour(NEW, 400_000, 600_000, 500_000)], CAPACITY_WH, RULES)
    half_a_wh_over = settled([hour(NEW, 540_000, 540_001, 500_000)], CAPACITY_WH, RULES)

    assert (exact.paid_krw, exact.error_share_sum) == (2000, 0.0)
    assert half_a_wh_over.paid_krw == 1500


def test_hour_counts_from_a_tenth_of_capacity_on() -> None:
    result = settled([hour(NEW, 0, 0, 99_999), hour(NEW, 100_000, 100_000, 100_000)], CAPACITY_WH, RULES)

    assert (result.hours, result.hours_left_out) == (1, 1)
    assert result.paid_krw == 400


def test_each_hour_is_rounded_down_and_the_best_is_told_beside() -> None:
    # 4 x 123.999 kWh = 495.996; 3 x 200.333 = 600.999, at best 4 x 200.333 = 801.332; nothing of 300 kWh, at best 1200.
    result = settled(
        [
            hour(NEW, 123_999, 123_999, 123_999),
            hour(NEW, 250_333, 250_333, 200_333),
            hour(NEW, 400_000, 400_000, 300_000),
        ],
        CAPACITY_WH,
        RULES,
    )

    assert (result.paid_krw, result.paid_krw_max) == (495 + 600, 495 + 801 + 1200)
    assert result.actual_wh == 624_332
    # 0, 5 and 10 % of capacity.
    assert result.error_share_sum == pytest.approx(0.15)


def test_rule_has_its_dates_and_says_where_it_is_uncertain() -> None:
    before = settled([hour(BEFORE, 500_000, 500_000, 500_000)], CAPACITY_WH, RULES)
    both = settled([hour(day, 500_000, 500_000, 500_000) for day in (OLD, NEW)], CAPACITY_WH, RULES)
    uncertain = settled([hour(UNCERTAIN, 500_000, 500_000, 500_000)], CAPACITY_WH, RULES)

    assert (before.hours, before.hours_left_out, before.versions) == (0, 1, ())
    assert [one.first for one in both.versions] == [date(2021, 10, 1), date(2025, 6, 1)]
    assert not both.is_uncertain
    assert uncertain.is_uncertain
    assert RULES.is_uncertain_on(date(2026, 3, 31)) is False


def forecasts(issues: dict[str, float], hours_ahead: int) -> pd.DataFrame:
    """Return quarter-hourly forecasts of a constant power from each issue (Korean time) on."""
    rows = [
        (issue, issue + n * timedelta(minutes=15), kw)
        for issue, kw in ((datetime.fromisoformat(f"{text}+09:00").astimezone(UTC), kw) for text, kw in issues.items())
        for n in range(4 * hours_ahead)
    ]
    frame = pd.DataFrame(rows, columns=["issue", "target", "kw"])
    return frame.assign(
        issue=pd.to_datetime(frame["issue"], utc=True), target=pd.to_datetime(frame["target"], utc=True)
    )


def metered(days: int) -> pd.Series:
    # From 20 May 00:00 in Korea.
    starts = pd.date_range("2026-05-19T15:00Z", periods=96 * days, freq="15min")
    return pd.Series(np.full(len(starts), 100.0), index=starts)


def test_submissions_are_the_last_forecasts_before_ten_and_five_of_the_day_before() -> None:
    issues = {
        "2026-05-19T09:45": 1.0,
        "2026-05-19T10:00": 2.0,
        "2026-05-19T10:15": 3.0,
        "2026-05-19T16:30": 4.0,
        "2026-05-19T17:15": 5.0,
    }

    hours, beyond = day_ahead_hours(forecasts(issues, 48), metered(1), 15, RULES)

    assert [one.submitted_wh for one in hours] == [(2_000, 4_000)] * 24
    assert {one.day for one in hours} == {date(2026, 5, 20)}
    assert {one.actual_wh for one in hours} == {100_000}
    assert beyond == 0


def test_hours_that_a_forecast_does_not_reach_are_counted_and_not_settled() -> None:
    issues = {"2026-05-19T10:00": 2.0, "2026-05-19T17:00": 4.0}

    hours, beyond = day_ahead_hours(forecasts(issues, 24), metered(1), 15, RULES)

    # From 10:00 of the day before 24 hours reach to 10:00.
    assert len(hours) == 10
    assert beyond == 14


def test_hour_with_an_unknown_quarter_is_not_settled() -> None:
    came = metered(1)
    came.iloc[5] = np.nan

    hours, beyond = day_ahead_hours(forecasts({"2026-05-19T10:00": 2.0}, 48), came, 15, RULES)

    assert len(hours) == 23
    assert beyond == 0
