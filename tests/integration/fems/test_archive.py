"""Minutes and days: what the gateway keeps of a real connection's readings, and for how long."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import sqlalchemy as sa

from services.fems import store
from services.fems.domain.interval_numbers import number_of
from services.fems.domain.metering.rollup import Reading, RollupPeriod, rolled_up
from services.fems.gateway.archive import day_file, read_day, write_day
from services.fems.gateway.publishing import Metered, publish
from services.fems.gateway.retention import Keeper
from services.fems.gateway.sum_checks import Aftermath
from services.fems.store.tables import MINUTE
from shared.complex.model import Complex
from shared.db.engine import reading
from shared.events.fems import Quality
from shared.intervals import DAY, INTERVAL, day_start, trading_day_of
from shared.paths import ROOT
from simulation.bus import MemoryBus
from tests.integration.fems.field_town import GatewayBench, a_clock, a_port_of_its_own, simulated
from tests.integration.fems.test_gateway import expected
from tests.unit.fems.fields import NOW

STEP = timedelta(seconds=20)
TODAY = trading_day_of(NOW)
TOMORROW = TODAY + timedelta(days=1)


def minutes_of_a_quarter_hour(folder: Path, complex_: Complex) -> list[Reading]:
    """Return the minutes that polling every twenty seconds of one interval, and a little more, comes to."""
    clock, bus = a_clock(), MemoryBus()

    async def run() -> list[Reading]:
        async with simulated(complex_, folder, clock):
            with GatewayBench(complex_, folder, clock, bus) as gateway:
                while clock.now() <= NOW + INTERVAL:
                    await gateway.live.poll()
                    clock.advance(STEP)
                with reading(gateway.engine) as db:
                    return store.minutes_between(db, complex_.complex_id, NOW, NOW + INTERVAL)

    return asyncio.run(run())


def test_minutes_of_each_meter_add_up_to_its_interval(tmp_path: Path) -> None:
    complex_ = a_port_of_its_own(poll_interval_s=20)

    found = minutes_of_a_quarter_hour(tmp_path, complex_)

    groups = {"sunny.grid": "sunny.grid", "plain.grid": "plain.grid", "roof": "roof", "ess": "ess"}
    by_minute = rolled_up(found, groups, RollupPeriod.MINUTE)
    assert len(by_minute) == 15 * len(groups)
    assert {one.absent for one in by_minute} == {0}
    for meter_id, [(_, import_wh, export_wh)] in expected(complex_, 1).items():
        mine = [one for one in found if one.meter_id == meter_id]
        # From the simulated counters at both ends, to the watt hour.
        assert (sum(one.import_wh for one in mine), sum(one.export_wh for one in mine)) == (import_wh, export_wh)
        assert {one.quality for one in mine} == {"measured"}


def a_day_published(
    gateway: GatewayBench, complex_: Complex, day: date, import_wh: int, *, minutes: bool = True
) -> None:
    """Publish a day of one meter, and a minute of it."""
    [meter] = [device for device in complex_.devices if device.device_id == "plain.grid"]
    first = number_of(day_start(day))
    with gateway.engine.begin() as db:
        found = [Metered(number, import_wh, 0, Quality.MEASURED) for number in range(first, first + 96)]
        publish(db, complex_.complex_id, meter, found, now=day_start(day) + DAY)
        if minutes:
            row = {"complex_id": complex_.complex_id, "start": day_start(day), "meter_id": meter.device_id}
            row |= {"import_wh": 7, "export_wh": 0, "quality": "measured"}
            db.execute(sa.insert(MINUTE), [row])


def looked_after(gateway: GatewayBench, complex_: Complex, archive: Path, now: datetime) -> None:
    """Do what the gateway does at an instant, as a process that has just started."""
    Aftermath(complex_, gateway.engine).see_to(now)
    Keeper(complex_.complex_id, gateway.engine, archive_dir=archive).keep(now)


def test_day_that_is_over_is_archived_and_written_again_when_it_is_corrected(tmp_path: Path) -> None:
    complex_, archive = a_port_of_its_own(), tmp_path / "archive"
    path = day_file(archive, complex_.complex_id, TODAY)
    with GatewayBench(complex_, tmp_path, a_clock(), MemoryBus()) as gateway:
        a_day_published(gateway, complex_, TODAY, 1_000)
        looked_after(gateway, complex_, archive, day_start(TOMORROW))
        assert not path.exists(), "its last readings may still come"

        looked_after(gateway, complex_, archive, day_start(TOMORROW) + timedelta(minutes=30))
        first = read_day(path)
        a_day_published(gateway, complex_, TODAY, 2_000, minutes=False)
        looked_after(gateway, complex_, archive, day_start(TOMORROW) + timedelta(hours=1))

    assert {(one.meter_id, one.import_wh, one.quality) for one in first} == {("plain.grid", 1_000, "measured")}
    assert [one.start for one in first] == [day_start(TODAY) + n * INTERVAL for n in range(96)]
    assert {one.import_wh for one in read_day(path)} == {2_000}
    [minute] = read_day(day_file(archive, complex_.complex_id, TODAY, minutes=True))
    assert minute == Reading("plain.grid", day_start(TODAY), 7, 0, "measured")
    # Whoever reads Parquet can.
    assert pq.read_table(path).num_rows == 96


def test_correction_of_a_day_whose_minutes_are_forgotten_keeps_their_file(tmp_path: Path) -> None:
    complex_, archive = a_port_of_its_own(), tmp_path / "archive"
    with GatewayBench(complex_, tmp_path, a_clock(), MemoryBus()) as gateway:
        a_day_published(gateway, complex_, TODAY, 1_000)
        looked_after(gateway, complex_, archive, day_start(TOMORROW) + timedelta(hours=1))
        week_later = day_start(TOMORROW) + 7 * DAY
        looked_after(gateway, complex_, archive, week_later)
        with reading(gateway.engine) as db:
            assert store.minutes_between(db, complex_.complex_id, day_start(TODAY), week_later) == []
        a_day_published(gateway, complex_, TODAY, 2_000, minutes=False)
        looked_after(gateway, complex_, archive, week_later + INTERVAL)

    assert {one.import_wh for one in read_day(day_file(archive, complex_.complex_id, TODAY))} == {2_000}
    assert len(read_day(day_file(archive, complex_.complex_id, TODAY, minutes=True))) == 1


def test_what_is_no_day_of_ours_in_the_archive_stays_and_stops_nothing(tmp_path: Path) -> None:
    complex_, archive = a_port_of_its_own(), tmp_path / "archive"
    own = archive / complex_.complex_id
    old = day_file(archive, complex_.complex_id, date(2010, 1, 1))
    write_day(old, [Reading("plain.grid", day_start(TODAY), 1, 0, "measured")])
    # Folders where a file of an old day and today's should be, and names that come before any date.
    odd = [
        own / "2009-01-01.parquet",
        own / f"{TODAY.isoformat()}.parquet",
        own / "0.parquet",
        own / "20090101.parquet",
    ]
    for path in odd[:2]:
        path.mkdir()
    for path in odd[2:]:
        path.write_bytes(b"no Parquet")
    with GatewayBench(complex_, tmp_path, a_clock(), MemoryBus()) as gateway:
        a_day_published(gateway, complex_, TODAY, 1_000)
        a_day_published(gateway, complex_, TOMORROW, 2_000)
        looked_after(gateway, complex_, archive, day_start(TOMORROW) + 2 * DAY)

        assert {one.import_wh for one in read_day(day_file(archive, complex_.complex_id, TOMORROW))} == {2_000}
        assert [path.exists() for path in odd] == [True, True, True, True]
        assert not old.exists()
        # What could not be written is kept.
        with reading(gateway.engine) as db:
            assert len(store.readings_between(db, complex_.complex_id, day_start(TODAY), day_start(TOMORROW))) == 96


def test_nothing_is_forgotten_that_a_folder_which_is_away_does_not_have(tmp_path: Path) -> None:
    complex_, archive = a_port_of_its_own(), tmp_path / "archive"
    archive.write_text("a file where the folder should be")
    week_later = day_start(TOMORROW) + 7 * DAY
    with GatewayBench(complex_, tmp_path, a_clock(), MemoryBus()) as gateway:
        a_day_published(gateway, complex_, TODAY, 1_000)
        looked_after(gateway, complex_, archive, week_later)
        archive.unlink()
        looked_after(gateway, complex_, archive, week_later + INTERVAL)

    assert len(read_day(day_file(archive, complex_.complex_id, TODAY))) == 96
    assert len(read_day(day_file(archive, complex_.complex_id, TODAY, minutes=True))) == 1


def test_files_go_when_they_are_older_than_is_asked_for(tmp_path: Path) -> None:
    complex_, archive = a_port_of_its_own(), tmp_path / "archive"
    one = Reading("plain.grid", day_start(TODAY), 1, 0, "measured")
    old, kept = (TODAY - timedelta(days=days) for days in (11, 10))
    for day in (old, kept):
        write_day(day_file(archive, complex_.complex_id, day), [one])
        write_day(day_file(archive, complex_.complex_id, day, minutes=True), [one])
    with GatewayBench(complex_, tmp_path, a_clock(), MemoryBus()) as gateway:
        Keeper(complex_.complex_id, gateway.engine, archive_dir=archive, archive=timedelta(days=10)).keep(NOW)

    assert {path.name for path in archive.glob("**/*.parquet")} == {f"{kept}.parquet"}
    assert len(list(archive.glob("**/*.parquet"))) == 2


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from services.fems.gateway.archive import ROWS_AT_ONCE, write_day
from services.fems.domain.metering.rollup import Reading

def readings():
    for n in range(2 * ROWS_AT_ONCE):
        if n > ROWS_AT_ONCE:
            os.kill(os.getpid(), signal.SIGKILL)
        yield Reading("meter", datetime(2026, 5, 20, tzinfo=UTC), n, 0, "measured")

write_day(Path(sys.argv[1]), readings())
"""


def test_process_killed_while_it_writes_a_day_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = day_file(tmp_path, "small", TODAY)
    before = [Reading("meter", day_start(TODAY), 5, 0, "measured")]
    write_day(path, before)

    ended = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=ROOT, env=os.environ, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert read_day(path) == before
    assert json.dumps(sorted(found.suffix for found in path.parent.iterdir())) == '[".draft", ".parquet"]'
    write_day(path, [*before, *before])
    assert read_day(path) == [*before, *before]
