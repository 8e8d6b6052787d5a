"""What the forecast service learns beside its run loop, when it serves, and what its forecasts say of it."""

import shutil
import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
import yaml

from services.forecast import handlers, store
from services.forecast.__main__ import learn
from services.forecast.domain.learning import boosting
from services.forecast.domain.solar.physics import Place, Roofs, clear_sky_kw
from services.forecast.handlers.learning import Learner
from services.forecast.store.registry import serving_model
from services.forecast.store.tables import MODELS
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.events.forecast import ForecastIssued, ForecastKind
from shared.intervals import DAY, INTERVAL, INTERVALS_PER_DAY, day_start
from shared.metering import history
from shared.metering.history import MeterReading
from shared.paths import DEMO_COMPLEX
from tests.component.harness import Bench

TODAY = date(2026, 5, 20)
MIDNIGHT = day_start(TODAY)
DAYS = 28
SENTINEL_WH = 65_535_000
NOON = MIDNIGHT - 9 * DAY + 48 * INTERVAL


@pytest.fixture(scope="module")
def small() -> Complex:
    """Return two factories, of which each has a roof."""
    described = yaml.safe_load(DEMO_COMPLEX.read_text())
    described["participants"] = [{**one, "ess": []} for one in described["participants"] if one.get("pv")][:2]
    return Complex.model_validate(described)


def past_of(one: Complex) -> list[MeterReading]:
    """Return what was metered before today."""
    return [reading for reading in made_up(one) if reading.delivery_start < MIDNIGHT]


def made_up(one: Complex) -> list[MeterReading]:
    """Return readings through today: clouds and machines that stay for hours, so that the last hour says much."""
    random = np.random.default_rng(11)
    size = (DAYS + 1) * INTERVALS_PER_DAY
    begin = MIDNIGHT - DAYS * DAY
    starts = pd.date_range(begin, periods=size, freq="15min")
    readings = []
    for factory in one.participants:
        [site] = factory.pv
        place = Place(one.location.latitude, one.location.longitude, one.location.altitude_m)
        roofs = Roofs((site.capacity_kw_ac,), (site.capacity_kw_dc,), (site.tilt_deg,), (site.azimuth_deg,))
        clear_kw = clear_sky_kw(place, roofs, starts, pd.Timedelta(INTERVAL))[:, 0]
        solar_kw = np.nan_to_num(clear_kw) * np.clip(0.6 + 0.25 * lasting(random, size, 0.97), 0.05, 1.0)
        load_kw = np.maximum(400 + 150 * lasting(random, size, 0.98), 10.0)
        for n in range(size):
            start = begin + n * INTERVAL
            out_wh, drawn_wh = round(solar_kw[n] * 250), round(load_kw[n] * 250)
            net_wh = drawn_wh - out_wh
            readings += [
                MeterReading(one.complex_id, factory.grid_meter_id, start, max(net_wh, 0), max(-net_wh, 0)),
                MeterReading(one.complex_id, site.site_id, start, 0, out_wh),
            ]
    return readings


def lasting(random: np.random.Generator, size: int, share: float) -> np.ndarray:
    """Return a series of mean 0 and deviation 1 of which `share` is left after an interval."""
    series = np.zeros(size)
    for n in range(1, size):
        series[n] = share * series[n - 1] + np.sqrt(1 - share**2) * random.normal()
    return series


def a_bench(one: Complex, folder: Path, past: Iterable[MeterReading]) -> Bench:
    """Return the service at midnight, with its first forecasts issued."""
    bench = Bench(handlers.service(Complexes(one)), store.METADATA, folder, MIDNIGHT)
    with bench.engine.begin() as db:
        history.add_readings(db, past)
    bench.run()
    return bench


@pytest.fixture(scope="module")
def taught(small: Complex, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = a_bench(small, tmp_path_factory.mktemp("taught"), past_of(small))
    assert Learner(small).learn_if_due(bench.engine)
    return bench


def copy_of(bench: Bench, one: Complex, folder: Path) -> Bench:
    """Return a service that goes on where another one stands."""
    bench.close()
    shutil.copy(str(bench.engine.url.database), folder)
    return Bench(handlers.service(Complexes(one)), store.METADATA, folder, MIDNIGHT)


def newest(bench: Bench, kind: ForecastKind) -> list[ForecastIssued]:
    issued = [event for event in bench.published(ForecastIssued) if event.kind is kind]
    last = max(event.first_delivery_start for event in issued)
    return [event for event in issued if event.first_delivery_start == last]


def test_what_was_learned_serves_the_next_issue_and_is_named_in_it(taught: Bench, small: Complex) -> None:
    [before, *_] = newest(taught, ForecastKind.LOAD)
    taught.run(MIDNIGHT + 40 * INTERVAL)

    assert (before.model, before.learned_from, before.inputs) == ("seasonal-fading/1", None, None)
    for event in newest(taught, ForecastKind.LOAD):
        # The week's model, of Monday.
        assert event.model == "trees/load/2026-05-18"
        assert (event.learned_from, event.learned_until) == (MIDNIGHT - 28 * DAY, MIDNIGHT - 2 * DAY)
        assert event.inputs is not None
        assert "LightGBM" in event.inputs
        assert event.p50_kw != before.p50_kw
    for event in [*newest(taught, ForecastKind.LOAD), *newest(taught, ForecastKind.PV)]:
        steps = zip(event.p10_kw, event.p50_kw, event.p90_kw, event.mean_kw, strict=True)
        assert all(0 <= low <= middle <= high and low <= mean <= high for low, middle, high, mean in steps)
    for event in newest(taught, ForecastKind.PV):
        site = next(site for one in small.participants for site in one.pv if site.site_id == event.site_id)
        assert max(event.p90_kw) <= site.capacity_kw_ac
        # From 10:00 on, steps 44 to 72 lie between 21:00 and 04:00.
        assert set(event.p90_kw[44:72]) == {0.0}


def test_registry_keeps_how_each_did_on_the_days_held_back(taught: Bench) -> None:
    with taught.engine.connect() as db:
        rows = {row.kind: row for row in db.execute(sa.select(MODELS))}

    assert set(rows) == {"pv", "load"}
    load = rows["load"]
    assert load.is_serving
    assert load.losses["trees"] < load.losses["seasonal"]
    assert load.losses["relative"] < 1.0
    assert load.ranged_until == MIDNIGHT


def test_day_is_judged_once_and_the_next_one_ranges_the_weeks_model_anew(
    taught: Bench, small: Complex, tmp_path: Path
) -> None:
    bench, learner = copy_of(taught, small, tmp_path), Learner(small)
    assert not learner.learn_if_due(bench.engine)
    with bench.engine.begin() as db:
        history.add_readings(db, [one for one in made_up(small) if one.delivery_start >= MIDNIGHT])

    bench.run(MIDNIGHT + DAY)
    assert learner.learn_if_due(bench.engine)
    assert not learner.learn_if_due(bench.engine)

    with bench.engine.connect() as db:
        serving = serving_model(db, small.complex_id, "load")
    assert serving is not None
    assert serving.model_id == "trees/load/2026-05-18"
    assert serving.ranged_until == MIDNIGHT + DAY


def test_nothing_is_learned_before_the_first_issue_or_from_too_little(small: Complex, tmp_path: Path) -> None:
    bench = Bench(handlers.service(Complexes(small)), store.METADATA, tmp_path, MIDNIGHT)
    assert not Learner(small).learn_if_due(bench.engine)
    with bench.engine.begin() as db:
        history.add_readings(db, [one for one in past_of(small) if one.delivery_start >= MIDNIGHT - 6 * DAY])
    bench.run()

    assert Learner(small).learn_if_due(bench.engine)
    bench.run(MIDNIGHT + INTERVAL)

    assert {event.model for event in newest(bench, ForecastKind.LOAD)} == {"seasonal-fading/1"}


def test_readings_of_the_day_itself_change_nothing_of_what_is_learned(
    small: Complex, taught: Bench, tmp_path: Path
) -> None:
    later = [
        replace(one, delivery_start=one.delivery_start + DAY, import_wh=7)
        for one in past_of(small)
        if one.delivery_start >= MIDNIGHT - DAY
    ]
    bench = a_bench(small, tmp_path, [*past_of(small), *later])
    bench.run(MIDNIGHT + 5 * INTERVAL)

    Learner(small).learn_if_due(bench.engine)

    with bench.engine.connect() as db, taught.engine.connect() as other:
        query = sa.select(MODELS.c.losses, MODELS.c.inputs).where(MODELS.c.model_id == "trees/load/2026-05-18")
        assert db.execute(query).one() == other.execute(query).one()


def test_what_cannot_be_believed_is_named_and_not_learned_from(
    small: Complex, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    grid = small.participants[0].grid_meter_id
    wrong = [
        replace(one, import_wh=SENTINEL_WH) if one.meter_id == grid and one.delivery_start == NOON else one
        for one in past_of(small)
    ]
    bench = a_bench(small, tmp_path, wrong)

    Learner(small).learn_if_due(bench.engine)

    said = [record for record in caplog.records if record.message == "readings not learned from"]
    assert small.participants[0].participant_id in {vars(record)["site_id"] for record in said}
    with bench.engine.connect() as db:
        losses = db.scalar(sa.select(MODELS.c.losses).where(MODELS.c.kind == "load"))
    assert losses is not None
    assert losses["trees"] < 1.0


def test_model_of_other_sites_does_not_serve(small: Complex, taught: Bench, tmp_path: Path) -> None:
    fewer = small.model_copy(update={"participants": small.participants[:1]})
    bench = copy_of(taught, fewer, tmp_path)

    bench.run(MIDNIGHT + DAY + INTERVAL)

    assert {event.model for event in newest(bench, ForecastKind.LOAD)} == {"seasonal-fading/1"}


def test_without_the_openmp_runtime_the_season_serves_and_the_log_says_why(
    small: Complex, taught: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(boosting, "lightgbm", None)
    bench, stop = copy_of(taught, small, tmp_path), threading.Event()
    stop.set()

    learn([Learner(small)], bench.engine, stop)
    bench.run(MIDNIGHT + DAY + INTERVAL)

    assert {event.model for event in newest(bench, ForecastKind.LOAD)} == {"seasonal-fading/1"}
    assert any("libgomp1" in record.getMessage() for record in caplog.records)
