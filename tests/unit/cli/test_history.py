"""`sandan history`: what it writes is what the verbs that read it take."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cli import forecast_files
from cli.main import app_with
from services.fems.simulator.history import history
from shared.complex.complexes import Complexes
from shared.complex.model import load_complex
from shared.errors import BadInput
from shared.intervals import INTERVALS_PER_DAY, day_start
from shared.metering.history import read_history
from shared.paths import DEMO_COMPLEX

DAY = date(2026, 5, 20)


def written(out: Path, *options: str, first: str = "2026-05-20", last: str = "2026-05-20") -> Path:
    arguments = ["history", "--from", first, "--to", last, "--out", str(out), *options]
    result = CliRunner().invoke(app_with("history"), arguments, catch_exceptions=False)
    assert json.loads(result.stdout)["synthetic"] is True
    return out


@pytest.mark.parametrize("name", ["archive.parquet", "archive.csv"])
def test_archive_holds_what_the_simulated_meters_show(name: str, tmp_path: Path) -> None:
    complex_ = load_complex(DEMO_COMPLEX)

    readings = read_history(written(tmp_path / name), Complexes(complex_))

    meters = history(complex_, day_start(DAY), INTERVALS_PER_DAY).meters
    shown = {
        (device.device_id, day_start(DAY) + n * timedelta(minutes=15)): (import_wh, export_wh)
        for device in complex_.devices
        for n, (import_wh, export_wh) in enumerate(
            zip(*(part.tolist() for part in meters[device.device_id]), strict=True)
        )
    }
    assert {(one.meter_id, one.delivery_start): (one.import_wh, one.export_wh) for one in readings} == shown


@pytest.mark.parametrize("name", ["load.parquet", "load.csv"])
@pytest.mark.parametrize(("site", "kind"), [("masan-bus-depot", "load"), ("hanbit-roof", "pv")])
def test_one_sites_history_and_its_site_file_are_taken_by_the_backtest(
    name: str, site: str, kind: str, tmp_path: Path
) -> None:
    out = written(tmp_path / name, "--site", site, last="2026-05-21")

    rows, facts = forecast_files.read_history(out), forecast_files.read_site(out.with_suffix(".json"))

    made = history(load_complex(DEMO_COMPLEX), day_start(DAY), 2 * INTERVALS_PER_DAY)
    energy_wh = made.load_wh[site] if kind == "load" else made.meters[site][1]
    assert (facts.site, facts.kind, facts.zone) == (site, kind, "Asia/Seoul")
    assert rows.start_minute[0] == int(day_start(DAY).timestamp()) // 60
    # 250 Wh in a quarter hour are 1 kW.
    np.testing.assert_allclose(rows.kw, energy_wh / 250)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ("--site", "hanbit-roff"),
            "--site must be a factory or a roof of changwon-demo, was 'hanbit-roff' (did you mean hanbit-roof?)",
        ),
        (("--to", "2026-05-19"), "--to must be the first day or one of the 1099 after it, was '2026-05-19'"),
        (("--to", "yesterday"), "--to must be YYYY-MM-DD, was 'yesterday'"),
        (
            ("--from", "2021-05-20", "--to", "2021-05-20"),
            "must lie within the days whose holidays are known (2023-11-01 to",
        ),
    ],
)
def test_what_cannot_be_made_is_named(options: tuple[str, ...], told: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        written(tmp_path / "history.csv", *options)

    assert told in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_last_day_of_the_known_holidays_is_written(tmp_path: Path) -> None:
    complex_ = load_complex(DEMO_COMPLEX)
    out = written(tmp_path / "last.parquet", first="2027-12-31", last="2027-12-31")

    ends = max(one.delivery_start for one in read_history(out, Complexes(complex_)))

    assert ends == datetime.fromisoformat("2027-12-31T23:45+09:00")
