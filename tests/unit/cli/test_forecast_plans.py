"""`sandan forecast backtest --plans`: a factory that states its shutdown is forecast better, from then on."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cli.forecast_plans import read_plans
from cli.main import app_with
from shared.errors import BadInput
from shared.events.records import PlanKind

FIRST = pd.Timestamp("2026-02-16T00:00:00+09:00")
DAYS = 42
PLANT = {"site": "plant-1", "kind": "load", "latitude": 35.2, "longitude": 128.7}
HEADER = "plan_id,kind,begin,end,expected_kw,stated_at,withdrawn"
# Thursday and Friday of the fifth week, of a plant that never stood still before.
SHUT = (31, 33)


def a_file(folder: Path, *rows: str) -> Path:
    path = folder / "plans.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def shutdown(stated_days: int, plan_id: str = "shut", withdrawn: str = "") -> str:
    begin, end = (FIRST + pd.Timedelta(days=day) for day in SHUT)
    stated = FIRST + pd.Timedelta(days=stated_days)
    return f"{plan_id},shutdown,{begin.isoformat()},{end.isoformat()},,{stated.isoformat()},{withdrawn}"


def errors_kw(folder: Path, *rows: str) -> pd.Series:
    """Return the absolute errors of P50 on the days of the shutdown, twelve hours ahead and more."""
    starts = pd.date_range(FIRST, periods=24 * DAYS, freq="h")
    day = (starts - FIRST).days
    works = (starts.day_of_week < 5) & (starts.hour >= 7) & (starts.hour < 19) & ~((day >= SHUT[0]) & (day < SHUT[1]))
    kw = np.round(40 + 150 * works + np.random.default_rng(2).uniform(0, 15, len(starts)), 1)
    history = pd.DataFrame({"start_utc": starts.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ"), "kw": kw})
    history.to_csv(folder / "history.csv", index=False)
    (folder / "site.json").write_text(json.dumps(PLANT), encoding="utf-8")
    begin, end = (FIRST + pd.Timedelta(days=one) for one in (SHUT[0] - 1, SHUT[1]))
    arguments = ["forecast", "backtest", str(folder / "history.csv"), "--site", str(folder / "site.json")]
    arguments += ["--from", begin.isoformat(), "--to", end.isoformat(), "--issue-every", "6h"]
    arguments += ["--out", str(folder / "forecasts.csv"), "--plans", str(a_file(folder, *rows))]
    result = CliRunner().invoke(app_with("forecast"), arguments)
    assert result.exit_code == 0, result.output
    issued = pd.read_csv(folder / "forecasts.csv", parse_dates=["issue_time", "target_time"])
    issued["came"] = issued.target_time.map(pd.Series(kw, index=starts.tz_convert("UTC")))
    issued["day"] = (issued.target_time - FIRST).dt.days
    far = issued.target_time - issued.issue_time >= pd.Timedelta(hours=12)
    rows_of = issued[far & (issued.day >= SHUT[0]) & (issued.day < SHUT[1])]
    return (rows_of.p50 - rows_of.came).abs()


def test_shutdown_that_was_stated_is_forecast_and_one_stated_afterwards_is_not(tmp_path: Path) -> None:
    unsaid = errors_kw(tmp_path)
    stated_before = errors_kw(tmp_path, shutdown(28))
    stated_after = errors_kw(tmp_path, shutdown(SHUT[1]))
    withdrawn = errors_kw(tmp_path, shutdown(28), shutdown(29, withdrawn="true"))

    assert stated_before.mean() < 0.4 * unsaid.mean()
    assert stated_after.tolist() == unsaid.tolist()
    assert withdrawn.tolist() == unsaid.tolist()


def test_rows_of_one_plan_are_its_versions_in_the_order_of_their_statement(tmp_path: Path) -> None:
    plans = read_plans(a_file(tmp_path, shutdown(29, withdrawn="yes"), shutdown(28), shutdown(27, "other")))

    assert [(one.plan_id, one.version, one.is_withdrawn) for one in plans] == [
        ("other", 1, False),
        ("shut", 1, False),
        ("shut", 2, True),
    ]
    assert {one.kind for one in plans} == {PlanKind.SHUTDOWN}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,shutdwn,2026-05-20,2026-05-21,,2026-05-19,", "row 2: kind must be one of"),
        ("a,shift,2026-05-20,2026-05-21,,2026-05-19,", "row 2: expected_kw must be given for a shift"),
        ("a,shift,2026-05-20,2026-05-21,many,2026-05-19,", "row 2: expected_kw must be a number of kW"),
        ("a,shift,2026-05-20,2026-05-20,10,2026-05-19,", "row 2: end must be after begin, by at most 31 days"),
        ("a,shift,2026-05-20T00:05Z,2026-05-21,10,2026-05-19,", "row 2: begin must be the start of a quarter hour"),
        ("a,shift,2026-05-20,2026-05-21,10,yesterday,", "row 2: stated_at must be ISO 8601"),
        (",shift,2026-05-20,2026-05-21,10,2026-05-19,", "row 2: plan_id must be given"),
        ("a,shift,2026-05-20,2026-05-21,10,2026-05-19,perhaps", "row 2: withdrawn must be true, false or blank"),
    ],
)
def test_row_that_breaks_a_rule_is_refused_with_its_field(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_plans(a_file(tmp_path, row))
