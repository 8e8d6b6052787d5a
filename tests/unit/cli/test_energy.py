"""`sandan devices energy` on a deployment's database."""

import json
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from cli.main import app_with
from services.fems import store
from services.fems.domain.metering.minutes import Minute
from shared.complex.model import load_complex
from shared.db.engine import open_engine, service_url
from shared.db.migrating import upgrade
from shared.errors import BadInput
from shared.events.fems import IntervalMetered, MeterKind, Quality
from shared.intervals import delivery_starts
from shared.paths import DEMO_COMPLEX

DAY = date(2026, 5, 20)


def a_deployment(folder: Path) -> Path:
    """Return a folder with a day of the demo's grid meters: 1 kWh an interval for each; the very last is absent."""
    base_url = f"sqlite:///{folder / 'data'}"
    (folder / "data").mkdir()
    upgrade(base_url, "fems")
    (folder / "data" / "market.db").touch()
    complex_ = load_complex(DEMO_COMPLEX)
    meters = [device for device in complex_.devices if device.kind is MeterKind.GRID]
    engine = open_engine(service_url(base_url, "fems"))
    with engine.begin() as db:
        store.save_readings(
            db,
            (
                IntervalMetered(
                    complex_id=complex_.complex_id,
                    meter_id=meter.device_id,
                    participant_id=meter.participant_id,
                    meter_kind=meter.kind,
                    delivery_start=start,
                    import_wh=1_000,
                    export_wh=0,
                    quality=Quality.MEASURED,
                )
                for start in delivery_starts(DAY)
                for meter in meters
                if (meter, start) != (meters[-1], delivery_starts(DAY)[-1])
            ),
        )
    engine.dispose()
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app_with("devices"), ["devices", "energy", *arguments])


def test_day_by_feeder_is_the_sum_of_its_factories_and_says_what_is_absent(tmp_path: Path) -> None:
    folder = a_deployment(tmp_path)
    complex_ = load_complex(DEMO_COMPLEX)
    factories = {feeder.feeder_id: 0 for feeder in complex_.feeders}
    for participant in complex_.participants:
        factories[participant.feeder_id] += 1
    last = complex_.participants[-1].feeder_id

    ended = run("--from", DAY.isoformat(), "--by", "feeder", "--per", "day", "--folder", str(folder))

    answer = json.loads(ended.stdout)
    assert (ended.exit_code, answer["complete"]) == (1, False)
    for one in answer["sums"]:
        absent = 1 if one["group"] == last else 0
        # 96 kWh a factory and day.
        assert one["import_kwh"] == f"{96 * factories[one['group']] - absent}.000"
        assert one["absent"] == absent


def test_every_reading_is_in_the_days_parquet_file(tmp_path: Path) -> None:
    folder = a_deployment(tmp_path)

    run("--from", DAY.isoformat(), "--folder", str(folder), "--parquet", str(tmp_path / "archive"))

    table = pq.read_table(tmp_path / "archive" / "changwon-demo" / f"{DAY.isoformat()}.parquet").to_pydict()
    assert len(table["meter_id"]) == 96 * 12 - 1
    assert set(table["quality"]) == {"measured"}
    assert min(table["start_utc"]) == delivery_starts(DAY)[0]


def test_archive_says_what_the_database_says(tmp_path: Path) -> None:
    folder = a_deployment(tmp_path)
    asked = ("--from", DAY.isoformat(), "--by", "factory", "--per", "hour")
    from_database = run(*asked, "--folder", str(folder), "--parquet", str(tmp_path / "archive"))

    from_archive = run(*asked, "--archive", str(tmp_path / "archive"))

    assert json.loads(from_archive.stdout) == json.loads(from_database.stdout)


def test_minutes_are_summed_by_feeder_and_say_what_is_absent(tmp_path: Path) -> None:
    folder = a_deployment(tmp_path)
    complex_ = load_complex(DEMO_COMPLEX)
    meters = [one.grid_meter_id for one in complex_.participants if one.feeder_id == "F1"]
    start = delivery_starts(DAY)[0]
    engine = open_engine(service_url(f"sqlite:///{folder / 'data'}", "fems"))
    with engine.begin() as db:
        store.save_minutes(db, complex_.complex_id, [(meter_id, Minute(start, 20, 1)) for meter_id in meters[1:]])
    engine.dispose()

    ended = run("--from", DAY.isoformat(), "--by", "feeder", "--per", "1min", "--folder", str(folder))

    [one] = json.loads(ended.stdout)["sums"]
    assert (ended.exit_code, one["group"], one["start_utc"]) == (1, "F1", start.isoformat())
    # 20 Wh for each of the feeder's factories but the first.
    assert one["import_kwh"] == f"{0.02 * (len(meters) - 1):.3f}"
    assert (one["readings"], one["absent"]) == ({"measured": len(meters) - 1}, 1)


def test_archive_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "changwon-demo").mkdir()
    (tmp_path / "changwon-demo" / f"{DAY.isoformat()}.parquet").write_text("half a file")

    ended = run("--from", DAY.isoformat(), "--archive", str(tmp_path))

    assert isinstance(ended.exception, BadInput)
    assert f"{DAY.isoformat()}.parquet: file must be a file that the gateway wrote" in str(ended.exception)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (("--from", "20 May"), "--from must be a day such as 2026-05-20, was '20 May'"),
        (("--from", "2026-05-20", "--to", "2026-05-19"), "--to must be the day of --from or later"),
        (("--from", "2026-05-20", "--per", "1min", "--parquet", "p"), "--parquet must go without --per 1min"),
        (("--from", "2026-05-20", "--archive", "/nowhere"), "--archive must be a folder, was '/nowhere'"),
    ],
)
def test_days_that_are_none_are_refused(tmp_path: Path, arguments: tuple[str, ...], rule: str) -> None:
    ended = run(*arguments, "--folder", str(tmp_path))

    assert isinstance(ended.exception, BadInput)
    assert rule in str(ended.exception)
