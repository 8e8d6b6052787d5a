"""What meters get wrong, from file to file: found, reported, kept out of training, and never a trace."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cli.main import app_with
from services.forecast.domain.metered.site import Site, SiteKind
from services.forecast.domain.solar.geometry import clear_kw, default_array, place_of, roof_of, sun_over

DAYS, DAY = 24, 96
FIRST = pd.Timestamp("2026-05-01T00:00:00Z")
ROOF: dict[str, Any] = {"site": "roof", "kind": "pv", "latitude": 34.9, "longitude": 127.7, "capacity_kw_ac": 100.0}
PLANT: dict[str, Any] = {"site": "plant", "kind": "load", "latitude": 34.9, "longitude": 127.7}
# In Berlin clocks go forward on 29 March and back on 25 October 2026.
BERLIN: dict[str, Any] = {**ROOF, "latitude": 52.5, "longitude": 13.4, "timezone": "Europe/Berlin"}
SPRING, AUTUMN = pd.Timestamp("2026-03-20T00:00:00Z"), pd.Timestamp("2026-10-15T00:00:00Z")
Spoil = Callable[[pd.DataFrame], pd.DataFrame]


def sunny(site: dict[str, Any], first: pd.Timestamp = FIRST) -> pd.DataFrame:
    """Return a roof's quarter hours, a little below clear sky and never twice the same."""
    starts = pd.date_range(first, periods=DAYS * DAY, freq="15min")
    roof = Site(
        site="roof", kind=SiteKind.PV, latitude=site["latitude"], longitude=site["longitude"], capacity_kw_ac=100
    )
    clear = clear_kw(roof_of(roof, default_array(roof)), sun_over(place_of(roof), starts, pd.Timedelta(minutes=15)))[
        :, 0
    ]
    return pd.DataFrame({"start_utc": starts, "kw": np.round(clear * (0.8 + 0.1 * np.sin(np.arange(len(starts)))), 4)})


def busy() -> pd.DataFrame:
    starts = pd.date_range(FIRST, periods=DAYS * DAY, freq="15min")
    return pd.DataFrame({"start_utc": starts, "kw": np.round(200 + 50 * np.sin(np.arange(len(starts))), 4)})


def put(where: slice, kw: float) -> Spoil:
    def spoil(history: pd.DataFrame) -> pd.DataFrame:
        history.iloc[where, 1] = kw
        return history

    return spoil


def answered(folder: Path, site: dict[str, Any], history: pd.DataFrame) -> tuple[dict[str, Any], bytes]:
    """Backtest the last day but one; return the answer and what was written."""
    last = pd.to_datetime(history.start_utc, utc=True).max().floor("D") - pd.Timedelta(days=1)
    history.to_csv(folder / "history.csv", index=False)
    (folder / "site.json").write_text(json.dumps(site), encoding="utf-8")
    out = folder / "forecasts.csv"
    options = {"--site": folder / "site.json", "--out": out, "--issue-every": "12h", "--horizon": "24h"}
    period = {"--from": last.isoformat(), "--to": (last + pd.Timedelta(days=1)).isoformat()}
    arguments = [str(one) for pair in {**options, **period}.items() for one in pair]
    result = CliRunner().invoke(app_with("forecast"), ["forecast", "backtest", str(folder / "history.csv"), *arguments])
    assert result.exit_code == 0, result.output
    assert result.exception is None
    table = pd.read_csv(out)
    assert len(table) == 2 * DAY
    assert table[["p10", "p50", "p90", "mean"]].notna().all(axis=None)
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer, out.read_bytes()


def rejected(answer: dict[str, Any]) -> dict[str, int]:
    return {one["rule"]: one["intervals"] for one in answer["rejected"]}


def test_clean_histories_are_rejected_nothing(tmp_path: Path) -> None:
    assert rejected(answered(tmp_path, ROOF, sunny(ROOF))[0]) == {}
    assert rejected(answered(tmp_path, PLANT, busy())[0]) == {}


# Each sentinel once, and each at both by `make test-faults`.
SENTINELS = [
    pytest.param(site, kw, marks=[] if (site is ROOF) is (kw < 0) else pytest.mark.matrix)
    for site in (ROOF, PLANT)
    for kw in (-99.0, 6553.5, -9999.0, 65535.0)
]


@pytest.mark.parametrize(("site", "kw"), SENTINELS)
def test_sentinels_are_reported_and_are_as_if_they_were_not_there(
    tmp_path: Path, site: dict[str, Any], kw: float
) -> None:
    # Noon in Korea of the sixth day, two hours of it.
    rows = slice(5 * DAY + 12, 5 * DAY + 20)
    history = sunny(ROOF) if site is ROOF else busy()

    answer, with_sentinels = answered(tmp_path, site, put(rows, kw)(history.copy()))
    _, without_rows = answered(tmp_path, site, history.drop(history.index[rows]))

    assert rejected(answer) == {"sentinel": 8}
    assert answer["rejected"][0]["first_spans"] == [["2026-05-06T03:00:00+00:00", "2026-05-06T05:00:00+00:00"]]
    assert with_sentinels == without_rows


def test_repeated_rows_count_once_and_contradicting_ones_not_at_all(tmp_path: Path) -> None:
    history = busy()
    again, other = history.iloc[100:104], history.iloc[200:203].assign(kw=5.0)

    answer, twice = answered(tmp_path, PLANT, pd.concat([history, again, other], ignore_index=True))
    _, without_rows = answered(tmp_path, PLANT, history.drop(history.index[200:203]))

    assert rejected(answer) == {"duplicate": 7, "duplicate_with_another_value": 3}
    assert twice == without_rows


def test_missing_intervals_are_reported(tmp_path: Path) -> None:
    history = busy()

    answer, _ = answered(tmp_path, PLANT, history.drop(history.index[300:311]))

    assert rejected(answer) == {"missing": 11}
    # 300 quarter hours are three days and three hours.
    assert answer["rejected"][0]["first_spans"] == [["2026-05-04T03:00:00+00:00", "2026-05-04T05:45:00+00:00"]]


def test_negative_power_at_night_is_reported_and_the_night_stays_dark(tmp_path: Path) -> None:
    history = sunny(ROOF)
    hour = history.start_utc.dt.hour
    # 13:00 to 19:00 UTC is 22:00 to 04:00 in Korea: 24 quarter hours a night.
    history.loc[(hour >= 13) & (hour < 19), "kw"] = -0.4

    answer, written = answered(tmp_path, ROOF, history)

    assert rejected(answer) == {"negative_at_night": 24 * DAYS}
    rows = [line.split(",") for line in written.decode().splitlines()[1:]]
    at_night = [row for row in rows if 13 <= int(row[1][11:13]) < 19]
    assert len(at_night) == 48
    assert {float(kw) for row in at_night for kw in row[3:]} == {0.0}


@pytest.mark.parametrize(
    ("site", "history", "rows"),
    # Ten hours of a factory; four of a roof, from noon in Korea on.
    [(PLANT, busy(), slice(500, 540)), (ROOF, sunny(ROOF), slice(5 * DAY + 12, 5 * DAY + 28))],
    ids=["plant", "roof"],
)
def test_stuck_sensor_is_reported_and_kept_out(
    tmp_path: Path, site: dict[str, Any], history: pd.DataFrame, rows: slice
) -> None:
    answer, stuck = answered(tmp_path, site, put(rows, 33.3)(history.copy()))
    _, without_rows = answered(tmp_path, site, history.drop(history.index[rows]))

    assert rejected(answer) == {"stuck": rows.stop - rows.start}
    assert stuck == without_rows


def test_all_zero_week_of_a_roof_is_reported_and_kept_out_and_a_factory_may_stand_still(tmp_path: Path) -> None:
    week = slice(4 * DAY, 11 * DAY)
    roof, plant = sunny(ROOF), busy()

    of_roof, _ = answered(tmp_path, ROOF, put(week, 0.0)(roof.copy()))
    of_plant, _ = answered(tmp_path, PLANT, put(week, 0.0)(plant.copy()))

    assert rejected(of_plant) == {}
    # Of 96 quarter hours in May the sun stands higher than 8 degrees in about 50.
    assert 7 * 40 <= rejected(of_roof)["all_zero"] <= 7 * 56


def test_clock_an_hour_late_is_reported_and_its_days_are_kept_out(tmp_path: Path) -> None:
    history = sunny(ROOF)
    late = slice(8 * DAY, 12 * DAY)
    history.iloc[late, 0] = history.iloc[late, 0] + pd.Timedelta(hours=1)

    answer, _ = answered(tmp_path, ROOF, history)

    found = rejected(answer)
    # Four days were shifted; where they meet the right ones an hour is missing, and an hour comes twice.
    assert found["clock_shift"] > 3 * DAY
    assert found["missing"] == 4
    assert found["duplicate"] == 4


def test_labels_of_summer_time_with_their_offset_are_no_fault(tmp_path: Path) -> None:
    history = sunny(BERLIN, SPRING)
    local = history.assign(start_utc=[one.isoformat() for one in history.start_utc.dt.tz_convert("Europe/Berlin")])

    in_utc, as_utc = answered(tmp_path, BERLIN, history)
    _, as_local = answered(tmp_path, BERLIN, local)

    assert "+02:00" in local.start_utc.iloc[-1]
    assert rejected(in_utc) == {}
    assert as_local == as_utc


def test_summer_time_in_the_labels_is_reported_in_spring(tmp_path: Path) -> None:
    history = sunny(BERLIN, SPRING)
    # A logger that calls Berlin's time UTC+1 all year is an hour late from 29 March, 01:00 UTC on.
    summer = history.start_utc >= pd.Timestamp("2026-03-29T01:00:00Z")
    labels = history.start_utc + pd.to_timedelta(np.where(summer, 1, 0), unit="h")

    answer, _ = answered(tmp_path, BERLIN, history.assign(start_utc=labels))

    found = rejected(answer)
    assert found["missing"] == 4
    assert found["clock_shift"] > 7 * DAY


def test_hour_that_summer_time_labels_twice_is_reported_in_autumn(tmp_path: Path) -> None:
    history = sunny(BERLIN, AUTUMN)
    # The same logger: until 25 October, 01:00 UTC, an hour late; then the hour before comes again.
    summer = history.start_utc < pd.Timestamp("2026-10-25T01:00:00Z")
    labels = history.start_utc + pd.to_timedelta(np.where(summer, 1, 0), unit="h")

    answer, _ = answered(tmp_path, BERLIN, history.assign(start_utc=labels))

    found = rejected(answer)
    assert found["duplicate"] == 4
    assert found["clock_shift"] > 7 * DAY
