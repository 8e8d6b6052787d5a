"""What follows from published readings is the same on SQLite and on PostgreSQL, with the schema of the migrations."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from services.fems import store
from services.fems.domain.interval_numbers import number_of
from services.fems.domain.metering.minutes import Minute
from services.fems.domain.metering.rollup import Reading
from services.fems.domain.setpoints import KnownSetpoints, Setpoint
from services.fems.gateway.archive import day_file, read_day
from services.fems.gateway.publishing import Metered, publish
from services.fems.gateway.retention import Keeper
from services.fems.gateway.sum_checks import Aftermath
from services.fems.store.tables import READING
from shared.complex.model import Complex
from shared.db.engine import open_engine, reading, service_url
from shared.db.migrating import upgrade
from shared.events.fems import Quality
from shared.intervals import DAY, INTERVAL, day_start, trading_day_of
from tests.unit.fems.fields import NOW, a_complex

METER = {"meter_id": "head", "loss": 0, "tolerance": 0.02}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    upgrade(database_url, "fems")
    opened = open_engine(service_url(database_url, "fems"))
    yield opened
    opened.dispose()


def a_metered_complex() -> Complex:
    content = a_complex().model_dump(mode="json")
    return Complex.model_validate(content | {"feeders": [{"feeder_id": "F1", "meter": METER}]})


def published(engine: Engine, complex_: Complex, energies_wh: dict[str, int]) -> None:
    """Publish one interval of some meters."""
    devices = {device.device_id: device for device in complex_.field_devices}
    with engine.begin() as db:
        for meter_id, import_wh in energies_wh.items():
            metered = Metered(number_of(NOW), import_wh, 0, Quality.MEASURED)
            publish(db, complex_.complex_id, devices[meter_id], [metered], now=NOW)


def feeder_flags(engine: Engine, complex_: Complex) -> tuple[int, tuple[str, ...]]:
    Aftermath(complex_, engine).see_to(NOW)
    with reading(engine) as db:
        found = store.published_readings(db, complex_.complex_id, "head", [NOW])[NOW]
        assert store.changed_intervals(db, complex_.complex_id, 10) == {}
    return found.reading_version, found.flags


def test_feeder_is_flagged_when_its_last_factory_is_in_and_cleared_by_a_correction(engine: Engine) -> None:
    complex_ = a_metered_complex()

    published(engine, complex_, {"head": 10_000, "sunny.grid": 6_000})
    incomplete = feeder_flags(engine, complex_)
    published(engine, complex_, {"plain.grid": 3_000})
    contradicted = feeder_flags(engine, complex_)
    published(engine, complex_, {"plain.grid": 4_000})
    corrected = feeder_flags(engine, complex_)

    assert [incomplete, contradicted, corrected] == [(1, ()), (2, ("sum_check",)), (3, ())]


def test_held_set_point_is_kept_in_the_way_of_older_ones_until_it_is_done(engine: Engine) -> None:
    setpoint = Setpoint(
        setpoint_id="s",
        delivery_start=NOW + INTERVAL,
        expires_at=NOW + 2 * INTERVAL,
        issued_at=NOW,
        setpoint_w=-7,
        charge_w_max=10,
        discharge_w_max=10,
    )
    command = store.Command("ess", "sunny", setpoint)
    with engine.begin() as db:
        store.save_setpoint(db, "small", command, store.PENDING)

        moved = store.move_setpoint(db, "small", "s", store.HELD)
        waiting = store.pending_setpoints(db, "small")
        known = store.known_setpoints(db, "small", "ess", setpoint)
        done = store.move_setpoint(db, "small", "s", store.CONFIRMED)
        again = store.move_setpoint(db, "small", "s", store.REFUSED)

        assert (moved, done, again) == (True, True, False)
        assert waiting == [replace(command, held=True)]
        assert known == KnownSetpoints(repeated=True, newest_issued_at=NOW)
        assert store.pending_setpoints(db, "small") == []


def test_day_and_its_minutes_are_archived_and_then_forgotten(engine: Engine, tmp_path: Path) -> None:
    complex_, day = a_metered_complex(), trading_day_of(NOW)
    published(engine, complex_, {"plain.grid": 3_000})
    with engine.begin() as db:
        store.save_minutes(db, complex_.complex_id, [("plain.grid", Minute(NOW, 7, 1, guessed=True))])
    Aftermath(complex_, engine).see_to(NOW)

    Keeper(complex_.complex_id, engine, archive_dir=tmp_path).keep(day_start(day) + DAY + timedelta(hours=1))
    Keeper(complex_.complex_id, engine, archive_dir=tmp_path).keep(day_start(day) + 5 * DAY)

    assert read_day(day_file(tmp_path, complex_.complex_id, day)) == [Reading("plain.grid", NOW, 3_000, 0, "measured")]
    minutes = read_day(day_file(tmp_path, complex_.complex_id, day, minutes=True))
    assert minutes == [Reading("plain.grid", NOW, 7, 1, "estimated")]
    with reading(engine) as db:
        assert store.unarchived_days(db, complex_.complex_id) == []
        assert store.newest_minute(db, complex_.complex_id) is None
        assert db.scalar(sa.select(sa.func.count()).select_from(READING)) == 1
