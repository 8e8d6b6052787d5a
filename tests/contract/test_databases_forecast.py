"""Weather and the metered past are kept alike on SQLite and on PostgreSQL, with the schema of the migrations."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from services.forecast.domain.solar.weather import weather_frame
from services.forecast.store.weather import drop_weather_before, load_weather, save_weather
from shared.complex.complexes import Complexes
from shared.complex.model import load_complex
from shared.db.engine import open_engine, service_url
from shared.db.migrating import upgrade
from shared.metering.history import COLUMNS, MeterReading, import_history, readings_since
from shared.paths import DEMO_COMPLEX

NOW = datetime(2026, 5, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def a_frame(ghi: float) -> pd.DataFrame:
    # Two rows in an order that no index would give them, as the later one holds.
    rows = [(NOW + n * MINUTE, NOW + 9 * MINUTE, NOW - n * MINUTE, "ghi", ghi + n / 3) for n in (2, 1)]
    return weather_frame(rows)


def test_newest_weather_comes_back_as_it_was_kept(database_url: str) -> None:
    upgrade(database_url, "forecast")
    engine = open_engine(service_url(database_url, "forecast"))
    window = {"after": NOW - 60 * MINUTE, "until": NOW}
    with engine.begin() as db:
        for at, ghi, used in (
            (NOW - 60 * MINUTE, 100.0, ("kma_short",)),  # the window begins after this
            (NOW - 30 * MINUTE, 200.0, ("kma_short", "open_meteo")),
            (NOW - 10 * MINUTE, 300.0, ("clear_sky",)),
            (NOW + MINUTE, 400.0, ("kma_short",)),
        ):
            save_weather(db, "one", at, a_frame(ghi), used, (("csv", "is stale"),))
        # The same instant again replaces.
        save_weather(db, "one", NOW - 30 * MINUTE, a_frame(250.0), ("kma_short", "open_meteo"), ())

    with engine.begin() as db:
        found = load_weather(db, "one", **window, without=("clear_sky",))
        other = load_weather(db, "other", **window, without=("clear_sky",))
        anything = load_weather(db, "one", **window, without=())
        drop_weather_before(db, "one", NOW)
        after_drop = load_weather(db, "one", **window, without=())
    engine.dispose()

    assert found is not None
    assert found[1] == ("kma_short", "open_meteo")
    expected = a_frame(250.0)
    for name in expected.columns:
        assert found[0][name].tolist() == expected[name].tolist()
    assert anything is not None
    assert anything[1] == ("clear_sky",)
    assert other is None
    assert after_drop is None


def test_a_meter_archive_is_taken_in_once_whatever_the_order_of_its_rows(database_url: str, tmp_path: Path) -> None:
    complex_ = load_complex(DEMO_COMPLEX)
    complexes = Complexes(complex_)
    device = complex_.devices[0]
    starts = [NOW - n * timedelta(minutes=15) for n in range(8)]  # the newest first
    who = (complex_.complex_id, device.device_id, device.participant_id, device.kind.value)
    rows = [(*who, start.isoformat(), str(1_000 + n), "0") for n, start in enumerate(starts)]
    archive = tmp_path / "archive.csv"
    archive.write_text("".join(",".join(row) + "\n" for row in (COLUMNS, *rows)))
    upgrade(database_url, "forecast")
    engine = open_engine(service_url(database_url, "forecast"))

    taken = []
    for _ in range(2):
        with engine.begin() as db:
            taken.append(import_history(db, complexes, archive))
    with engine.begin() as db:
        found = readings_since(db, complex_.complex_id, starts[-1])
    engine.dispose()

    assert taken == [8, 0]
    assert {*found} == {
        MeterReading(complex_.complex_id, device.device_id, start, 1_000 + n, 0) for n, start in enumerate(starts)
    }
