"""The forecast service beside its weather: what it follows, what it says of it, and what it is started with."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from services.forecast import handlers, store
from services.forecast.__main__ import Settings, watch_of
from services.forecast.domain.solar.weather import weather_frame
from services.forecast.handlers.meters import place_of
from services.forecast.store.weather import load_weather, save_weather
from services.forecast.weather.clear_sky import ClearSkySource
from services.forecast.weather.replay import read_replay
from services.forecast.weather.source import SourceName
from services.forecast.weather.watch import Watch
from shared.clock import Clock, WallClock
from shared.complex.complexes import Complexes, load_complexes
from shared.errors import BadInput
from shared.events.forecast import ForecastIssued, ForecastKind
from shared.intervals import INTERVAL
from shared.paths import DEMO_COMPLEX
from shared.runtime.service_main import Context
from simulation.bus import MemoryBus
from tests.component.harness import Bench

# 09:00 in Korea.
MORNING = datetime(2026, 5, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def complexes() -> Complexes:
    return load_complexes([DEMO_COMPLEX])


@pytest.fixture
def bench(complexes: Complexes, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(handlers.service(complexes), store.METADATA, tmp_path, MORNING)
    yield bench
    bench.close()


def a_load(bench: Bench) -> ForecastIssued:
    return [one for one in bench.published(ForecastIssued) if one.kind is ForecastKind.LOAD][-1]


def the_roof(bench: Bench) -> ForecastIssued:
    """Return the newest forecast of one roof."""
    return [one for one in bench.published(ForecastIssued) if one.site_id == "hanbit-roof"][-1]


def test_roofs_follow_the_weather_that_was_available_and_say_whose_it_is(
    complexes: Complexes, bench: Bench, tmp_path: Path
) -> None:
    [one] = complexes.values()
    bench.run()
    clear_sky = the_roof(bench)
    later = MORNING + INTERVAL
    lines = [
        f"{(MORNING + n * HOUR).isoformat()},{(MORNING + (n + 1) * HOUR).isoformat()},{available.isoformat()},sky,{sky}"
        for n in range(26)
        for available, sky in ((MORNING, 4), (later + timedelta(microseconds=1), 1))
    ]
    path = tmp_path / "weather.csv"
    path.write_text("valid_start,valid_end,available_at,variable,value\n" + "\n".join(lines) + "\n")
    place = place_of(one)
    watch = Watch(
        sources={one.complex_id: (read_replay(path),)},
        last_resort={one.complex_id: ClearSkySource(place)},
        clock=bench.clock,
        engine=bench.engine,
        every=timedelta(minutes=10),
    )

    watch.look(one.complex_id, later)
    bench.run(later)
    overcast = the_roof(bench)
    watch.look(one.complex_id, later + INTERVAL)
    bench.run(later + INTERVAL)
    clear = the_roof(bench)

    assert (clear_sky.weather_source, overcast.weather_source, a_load(bench).weather_source) == (
        "clear_sky",
        "csv",
        None,
    )
    # Up to 3 hours ahead nothing changes; from 5 hours on, here 14:15 to 16:15 in Korea, the weather leads.
    near, far = slice(0, 10), slice(20, 28)
    assert overcast.p50_kw[near] == clear_sky.p50_kw[1:11]
    assert sum(overcast.p50_kw[far]) < 0.8 * sum(clear_sky.p50_kw[21:29])
    # What became available a microsecond after the second issue counts in the third.
    assert sum(clear.p50_kw[far]) > sum(overcast.p50_kw[21:29])


def test_roofs_go_their_own_way_when_the_weather_is_old(complexes: Complexes, bench: Bench) -> None:
    [one] = complexes.values()
    rows = [(MORNING + n * HOUR, MORNING + (n + 1) * HOUR, MORNING, "sky", 4.0) for n in range(40)]
    with bench.engine.begin() as db:
        save_weather(db, one.complex_id, MORNING, weather_frame(rows), ("kma_short",), (("csv", "is not there"),))

    bench.run(MORNING + timedelta(hours=5, minutes=45))
    followed = the_roof(bench)
    bench.run(MORNING + timedelta(hours=6))

    assert followed.weather_source == "kma_short"
    assert the_roof(bench).weather_source == "clear_sky"


def a_context(complexes: Complexes, bench: Bench, folder: Path, clock: Clock) -> Context:
    return Context(
        service="forecast",
        complexes=complexes,
        clock=clock,
        engine=bench.engine,
        bus=MemoryBus(),
        heartbeat_file=folder / "forecast.alive",
    )


def test_watch_keeps_what_it_finds_beside_the_loop(complexes: Complexes, bench: Bench, tmp_path: Path) -> None:
    [one] = complexes.values()
    path = tmp_path / "weather.csv"
    path.write_text(
        "valid_start,valid_end,available_at,variable,value\n"
        "2026-05-20T03:00:00Z,2026-05-20T04:00:00Z,2026-05-19T20:00:00Z,ghi,500\n"
    )
    settings = Settings(weather_sources=(SourceName.CSV,), weather_csv=path)
    stop = threading.Event()
    thread = threading.Thread(
        target=watch_of(settings, a_context(complexes, bench, tmp_path, bench.clock)).run, args=(stop,)
    )
    thread.start()
    try:
        found = None
        for _ in range(200):
            with bench.engine.connect() as db:
                found = load_weather(db, one.complex_id, after=MORNING - HOUR, until=MORNING, without=("clear_sky",))
            if found is not None or stop.wait(0.05):
                break
    finally:
        stop.set()
        thread.join()

    assert found is not None
    frame, used = found
    assert used == ("csv",)
    assert frame["value"].tolist() == [500.0]
    assert frame["valid_start"].tolist() == [MORNING + 3 * HOUR]


def test_source_that_lacks_its_key_or_file_is_refused(complexes: Complexes, bench: Bench, tmp_path: Path) -> None:
    context = a_context(complexes, bench, tmp_path, WallClock())

    for source, setting in (
        (SourceName.KMA_SHORT, "FORECAST_WEATHER_KMA_KEY"),
        (SourceName.CSV, "FORECAST_WEATHER_CSV"),
    ):
        with pytest.raises(BadInput, match=f"{setting} must be set for {source.value}"):
            watch_of(Settings(weather_sources=(source,)), context)


def test_live_source_is_refused_on_a_simulated_clock(complexes: Complexes, bench: Bench, tmp_path: Path) -> None:
    settings = Settings(weather_sources=(SourceName.KMA_SHORT,), weather_kma_key=SecretStr("secret"))
    context = a_context(complexes, bench, tmp_path, bench.clock)

    with pytest.raises(BadInput, match="must be csv or clear_sky where SANDAN_CLOCK_FILE is set, was 'kma_short'"):
        watch_of(settings, context)


def test_keys_are_in_no_text_of_the_settings() -> None:
    settings = Settings(weather_kma_key=SecretStr("secret"), weather_open_meteo_key=SecretStr("secret"))

    assert "secret" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_address_that_is_no_web_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="weather_kma_url"):
        Settings(weather_kma_url="file:///etc/passwd")
