"""A factory that tells its shifts beforehand is forecast better, from the moment it told them and not before."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from typer.testing import CliRunner

from cli.main import app_with

DAYS = 84
FIRST = pd.Timestamp("2026-01-05T00:00:00+09:00")
PLANT = {"site": "plant-1", "kind": "load", "latitude": 34.9, "longitude": 127.7}


def history(*, told_days_ahead: int | None) -> pd.DataFrame:
    """Return a made-up plant that works two shifts of eight hours on days drawn by lot; the plan is its own column."""
    starts = pd.date_range(FIRST, periods=24 * DAYS, freq="h")
    random = np.random.default_rng(21)
    works = np.repeat(random.uniform(size=DAYS) < 0.5, 24) & (np.asarray(starts.hour) >= 6) & (starts.hour < 22)
    table = pd.DataFrame(
        {
            "start_utc": starts.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ"),
            "kw": np.round(50 + 300 * works + random.uniform(0, 20, len(starts)), 1),
        }
    )
    if told_days_ahead is not None:
        known = starts.normalize() - pd.Timedelta(days=told_days_ahead)
        table["shift_plan"] = works.astype(int)
        table["available_at"] = known.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    return table


def far_error(folder: Path, table: pd.DataFrame) -> float:
    """Return the mean absolute error of P50 twelve to twenty-four hours ahead, as a share of the mean load."""
    table.to_csv(folder / "history.csv", index=False)
    (folder / "site.json").write_text(json.dumps(PLANT), encoding="utf-8")
    begin, end = (FIRST + pd.Timedelta(days=n) for n in (DAYS - 14, DAYS - 1))
    arguments = ["forecast", "backtest", str(folder / "history.csv"), "--site", str(folder / "site.json")]
    arguments += ["--from", begin.isoformat(), "--to", end.isoformat(), "--issue-every", "6h"]
    result = CliRunner().invoke(app_with("forecast"), [*arguments, "--out", str(folder / "forecasts.csv")])
    assert result.exit_code == 0, result.output
    by_lead = {row["lead_hours"]: row for row in json.loads(result.stdout)["by_lead_hours"]}
    return float(by_lead["12-24"]["nmae"])


def test_plan_told_beforehand_is_used_and_one_told_afterwards_is_not(tmp_path: Path) -> None:
    without = far_error(tmp_path, history(told_days_ahead=None))
    told_before = far_error(tmp_path, history(told_days_ahead=3))
    told_after = far_error(tmp_path, history(told_days_ahead=-2))

    assert told_before < 0.3 * without
    assert told_after > 0.8 * without
