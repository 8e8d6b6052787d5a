"""`sandan forecast backtest` from file to file."""

import csv
import json
from collections.abc import Callable
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from cli import forecast_files
from cli.main import app_with
from shared.errors import BadInput, BadInputs
from shared.intervals import KST

ROOF: dict[str, Any] = {
    "site": "roof-1",
    "kind": "pv",
    "latitude": 34.9,
    "longitude": 127.7,
    "capacity_kw_ac": 100.0,
}
PLANT: dict[str, Any] = {"site": "plant-1", "kind": "load", "latitude": 34.9, "longitude": 127.7}
DAYS = 40
FIRST = pd.Timestamp("2026-03-01T00:00:00Z")
HEADER = "issue_time,target_time,site,p10,p50,p90,mean"


def roof_history() -> pd.DataFrame:
    """Return hourly output of a made-up roof: a bell over the Korean day under clouds that last for hours."""
    starts = pd.date_range(FIRST, periods=24 * DAYS, freq="h")
    hour = np.asarray((starts + pd.Timedelta(hours=9)).hour) + 0.5
    bell = np.maximum(np.cos((hour - 12.3) / 11.5 * np.pi), 0.0)
    clouds = np.convolve(np.random.default_rng(7).uniform(0.2, 1.0, len(starts)), np.ones(4) / 4, mode="same")
    return pd.DataFrame({"start_utc": starts.strftime("%Y-%m-%dT%H:%M:%SZ"), "kw": np.round(90 * bell * clouds, 3)})


def plant_history() -> pd.DataFrame:
    starts = pd.date_range(FIRST, periods=24 * DAYS, freq="h")
    local = starts + pd.Timedelta(hours=9)
    works = (np.asarray(local.hour) >= 8) & (np.asarray(local.hour) < 18) & (np.asarray(local.day_of_week) < 5)
    noise = np.random.default_rng(7).uniform(0, 20, len(starts))
    return pd.DataFrame(
        {"start_utc": starts.strftime("%Y-%m-%dT%H:%M:%SZ"), "kw": np.round(50 + 200 * works + noise, 2)}
    )


def run(
    folder: Path, history: pd.DataFrame, site: dict[str, Any], begin: str, end: str, *more: str
) -> tuple[Result, Path]:
    history.to_csv(folder / "history.csv", index=False)
    (folder / "site.json").write_text(json.dumps(site), encoding="utf-8")
    out = folder / "forecasts.csv"
    arguments = ["forecast", "backtest", str(folder / "history.csv"), "--site", str(folder / "site.json")]
    arguments += ["--from", begin, "--to", end, "--issue-every", "6h", "--horizon", "24h", "--out", str(out), *more]
    return CliRunner().invoke(app_with("forecast"), arguments), out


def test_backtest_of_a_roof_writes_bounded_ordered_forecasts(tmp_path: Path) -> None:
    result, out = run(tmp_path, roof_history(), ROOF, "2026-04-06T00:00:00Z", "2026-04-08T09:00:00+09:00")

    assert result.exit_code == 0, result.output
    assert out.read_text(encoding="utf-8").splitlines()[0] == HEADER
    table = pd.read_csv(out)
    # Two days of issues every 6 hours, 24 hourly intervals each.
    assert len(table) == 8 * 24
    assert table.issue_time[0] == "2026-04-06T00:00:00+00:00"
    assert table.target_time[1] == "2026-04-06T01:00:00+00:00"
    assert (table.p10 >= 0).all()
    assert (table.p10 <= table.p50).all()
    assert (table.p50 <= table.p90).all()
    assert (table.p90 <= 100).all()
    # In April the sun is down at 15:00 UTC (midnight in Korea) and up at 03:00 (noon).
    hour = pd.to_datetime(table.target_time).dt.hour
    assert (table.loc[hour == 15, ["p10", "p50", "p90", "mean"]] == 0).all(axis=None)
    assert (table.loc[hour == 3, "p90"] > 20).all()
    answer = json.loads(result.stdout)
    assert answer["issues"] == 8
    assert answer["notes"] == ["the history's interval is 60 min, and so is that of the forecasts, not 15 min"]


@pytest.mark.parametrize(("site", "history"), [(ROOF, roof_history()), (PLANT, plant_history())])
def test_what_comes_later_changes_no_byte_of_a_forecast(
    tmp_path: Path, site: dict[str, Any], history: pd.DataFrame
) -> None:
    begin, end = "2026-04-06T00:00:00Z", "2026-04-06T07:00:00Z"
    issue = pd.Timestamp("2026-04-06T06:00:00Z")
    _, out = run(tmp_path, history, site, begin, end)
    before = out.read_bytes()
    changed = history.copy()
    later = pd.to_datetime(changed.start_utc) >= issue
    changed.loc[later, "kw"] = 3.0 + 7.0 * np.arange(later.sum()) % 90

    _, out = run(tmp_path, changed, site, begin, end)
    with_other_future = out.read_bytes()
    _, out = run(tmp_path, history[~later], site, begin, end)

    assert with_other_future == before
    assert out.read_bytes() == before


def test_weather_of_later_availability_changes_no_byte_of_a_forecast(tmp_path: Path) -> None:
    history = roof_history()
    starts = pd.to_datetime(history.start_utc)
    history["cloud_cover"] = np.round(np.random.default_rng(3).uniform(0, 100, len(history)), 1)
    history["available_at"] = (starts - pd.Timedelta(hours=5)).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    begin, end = "2026-04-06T00:00:00Z", "2026-04-06T07:00:00Z"
    _, out = run(tmp_path, history, ROOF, begin, end)
    before = out.read_bytes()
    # Available five hours ahead: after the issue of 06:00 come the rows that start after 11:00.
    history.loc[starts > pd.Timestamp("2026-04-06T11:00:00Z"), "cloud_cover"] = 50.0

    _, out = run(tmp_path, history, ROOF, begin, end)

    assert out.read_bytes() == before


def test_history_too_short_to_learn_from_still_gets_wide_forecasts(tmp_path: Path) -> None:
    result, out = run(tmp_path, roof_history()[:30], ROOF, "2026-03-02T00:00:00Z", "2026-03-02T12:00:00Z")

    table = pd.read_csv(out)
    noon = table[pd.to_datetime(table.target_time).dt.hour == 3]
    assert result.exit_code == 0
    assert "too short" in result.stderr
    assert (noon.p90 - noon.p10 > 20).all()


def test_text_in_place_of_power_is_refused_with_its_row(tmp_path: Path) -> None:
    history = plant_history().astype({"kw": object})
    history.loc[4, "kw"] = "many"

    result, out = run(tmp_path, history, PLANT, "2026-04-06", "2026-04-07")

    assert isinstance(result.exception, BadInputs)
    assert "history.csv row 5: kw must be a number or blank, was 'many'" in str(result.exception)
    assert not out.exists()


def test_roof_without_capacity_is_refused(tmp_path: Path) -> None:
    site = {name: given for name, given in ROOF.items() if name != "capacity_kw_ac"}

    result, _ = run(tmp_path, roof_history(), site, "2026-04-06", "2026-04-07")

    assert isinstance(result.exception, BadInput)
    assert "$.capacity_kw_ac must be given" in str(result.exception)


def test_issues_before_the_history_get_wide_forecasts(tmp_path: Path) -> None:
    result, out = run(tmp_path, roof_history(), ROOF, "2026-02-20T00:00:00Z", "2026-02-20T12:00:00Z")

    assert result.exit_code == 0
    # Two issues of 24 hours.
    assert len(pd.read_csv(out)) == 2 * 24


def test_issues_years_from_the_history_are_refused(tmp_path: Path) -> None:
    result, _ = run(tmp_path, roof_history(), ROOF, "2018-02-20", "2018-02-21")

    assert isinstance(result.exception, BadInput)
    assert "--from must lie within a year of the history (2026-03-01 to 2026-04-09)" in str(result.exception)


def test_period_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    result, _ = run(tmp_path, roof_history(), ROOF, "2026-04-06", "2026-04-05")

    assert isinstance(result.exception, BadInput)
    assert "--to must be after --from" in str(result.exception)


def test_roof_in_korea_is_settled_as_if_by_its_day_ahead_forecasts(tmp_path: Path) -> None:
    history = roof_history()
    more = ("--horizon", "39h")

    result, out = run(tmp_path, history, ROOF, "2026-04-02T00:00:00Z", "2026-04-08T00:00:00Z", *more)

    answer = json.loads(result.stdout)
    settled = answer["as_if_settlement"]
    # The rule again, straight from the files: 10:00 and 17:00 of the day before are 14 and 7 hours before midnight.
    came = {
        datetime.fromisoformat(start): float(kw)
        for start, kw in zip(history.start_utc, history.kw.tolist(), strict=True)
    }
    with out.open(newline="") as file:
        p50 = {
            (datetime.fromisoformat(row["issue_time"]), datetime.fromisoformat(row["target_time"])): float(row["p50"])
            for row in csv.DictReader(file)
        }
    issues = sorted({issue for issue, _ in p50})
    paid_krw = hours = 0
    for target in sorted({target for _, target in p50}):
        midnight = datetime.combine(target.astimezone(KST).date(), time(), tzinfo=KST)
        in_time = ([one for one in issues if one <= midnight - timedelta(hours=ago)] for ago in (14, 7))
        first, second = (p50.get((found[-1], target)) if found else None for found in in_time)
        if first is None or second is None or came[target] < 10:
            continue
        hours += 1
        error_kw = abs((first + second) / 2 - came[target])
        paid_krw += int(came[target] * (4 if error_kw <= 4 else 3 if error_kw <= 6 else 0))
    assert settled["hours"] == hours
    assert hours > 30
    assert settled["paid_krw"] == paid_krw
    assert 0 < settled["paid_krw"] < settled["paid_krw_if_perfect"]
    assert settled["status"] == "as-if, uncertain after 2026-03: the payment may have ended"
    assert settled["versions"] == ["2025-06-01"]
    assert answer["as_if_settlement_reason"] is None


@pytest.mark.parametrize(
    ("site", "history", "reason"),
    [
        (PLANT, plant_history(), "it is paid to solar plants in Korea"),
        ({**ROOF, "timezone": "Asia/Tokyo"}, roof_history(), "it is paid to solar plants in Korea"),
        (ROOF, roof_history(), "(--horizon 38h reaches all)"),
    ],
)
def test_what_is_not_settled_says_why(tmp_path: Path, site: dict[str, Any], history: pd.DataFrame, reason: str) -> None:
    result, _ = run(tmp_path, history, site, "2026-04-06T00:00:00Z", "2026-04-07T00:00:00Z", "--horizon", "6h")

    answer = json.loads(result.stdout)
    assert answer["as_if_settlement"] is None
    assert reason in answer["as_if_settlement_reason"]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda table: table, []),
        (
            lambda table: table.assign(kw=table.kw.cumsum()),
            ["kw rises from row to row like a register's reading: it must be the interval's average power"],
        ),
        (
            lambda table: table[table.index % 24 == 0],
            ["rows are 1440 minutes apart: most intervals are unknown"],
        ),
        (
            lambda table: table[(table.index < 480) | (table.index % 2 == 0)],
            ["from 2026-03-21T00:00Z on rows are 120 minutes apart, and elsewhere not"],
        ),
    ],
)
def test_history_that_is_no_power_by_interval_is_named(
    made: Callable[[pd.DataFrame], pd.DataFrame], said: list[str], tmp_path: Path
) -> None:
    made(plant_history()).to_csv(tmp_path / "history.csv", index=False)

    assert forecast_files.doubts(forecast_files.read_history(tmp_path / "history.csv")) == said


def test_forecasts_from_a_register_are_a_wrong_answer(tmp_path: Path) -> None:
    table = plant_history()

    result, _ = run(tmp_path, table.assign(kw=table.kw.cumsum()), PLANT, "2026-04-08T00:00:00Z", "2026-04-08T06:00:00Z")

    assert result.exit_code == 1, result.output
    assert json.loads(result.stdout)["notes"][0].startswith("kw rises from row to row like a register's reading")
    assert f"{tmp_path / 'history.csv'}: kw rises" in result.stderr
