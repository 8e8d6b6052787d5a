"""What a backtest measures is what the service serves: the same readings give the same figures at the same issue."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

from services.forecast import handlers, store
from services.forecast.domain.backtest.run import Backtest, History, Period
from services.forecast.domain.metered.site import Site, SiteKind
from services.forecast.handlers.learning import Learner
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.events.commands import LoadPlanStated
from shared.events.forecast import ForecastIssued, ForecastKind
from shared.events.records import LoadPlan, PlanKind
from shared.intervals import DAY, INTERVAL, INTERVALS_PER_DAY, day_start
from shared.metering import history
from shared.metering.history import MeterReading
from shared.paths import DEMO_COMPLEX
from shared.reference.load import holidays
from tests.component.forecast.test_learning import TODAY, lasting
from tests.component.harness import Bench

MIDNIGHT = day_start(TODAY)
ISSUE = MIDNIGHT + 41 * INTERVAL


@pytest.fixture(scope="module")
def one_factory() -> Complex:
    """Return one factory with one roof."""
    described = yaml.safe_load(DEMO_COMPLEX.read_text())
    described["participants"] = [{**one, "ess": []} for one in described["participants"] if one.get("pv")][:1]
    return Complex.model_validate(described)


def metered_wh(days: int) -> tuple[list[datetime], np.ndarray, np.ndarray]:
    """Return starts, a factory's consumption and its roof's output through to the issue, in whole Wh."""
    random = np.random.default_rng(4)
    size = days * INTERVALS_PER_DAY + (ISSUE - MIDNIGHT) // INTERVAL
    starts = [MIDNIGHT - days * DAY + n * INTERVAL for n in range(size)]
    slot = np.arange(size) % INTERVALS_PER_DAY
    load_wh = np.maximum(400 + 150 * lasting(random, size, 0.98), 10.0) * 250
    bell = np.maximum(np.sin((slot - 24) / 48 * np.pi), 0.0)
    solar_wh = 200 * bell * np.clip(0.6 + 0.25 * lasting(random, size, 0.97), 0.05, 1.0) * 250
    # A meter that is out of its mind for an hour, and a gap.
    load_wh[-3 * INTERVALS_PER_DAY : -3 * INTERVALS_PER_DAY + 4] = 65_535_000
    return starts, np.round(load_wh).astype(np.int64), np.round(solar_wh).astype(np.int64)


def served(
    one: Complex, folder: Path, readings: tuple[list[datetime], np.ndarray, np.ndarray], plans: Sequence[LoadPlan] = ()
) -> dict[ForecastKind, ForecastIssued]:
    """Return what the service issues, having learned at the day's first issue."""
    [factory] = one.participants
    [site] = factory.pv
    bench = Bench(handlers.service(Complexes(one)), store.METADATA, folder, MIDNIGHT)
    with bench.engine.begin() as db:
        for start, load_wh, solar_wh in zip(*readings, strict=True):
            net_wh = int(load_wh - solar_wh)
            grid = MeterReading(one.complex_id, factory.grid_meter_id, start, max(net_wh, 0), max(-net_wh, 0))
            roof = MeterReading(one.complex_id, site.site_id, start, 0, int(solar_wh))
            history.add_readings(db, [grid, roof])
    bench.give(*(LoadPlanStated(complex_id=one.complex_id, plan=plan) for plan in plans))
    bench.run()
    Learner(one).learn_if_due(bench.engine)
    bench.run(ISSUE)
    issued = {event.kind: event for event in bench.published(ForecastIssued) if event.first_delivery_start == ISSUE}
    bench.close()
    return issued


def backtested(
    one: Complex, kind: SiteKind, starts: list[datetime], energy_wh: np.ndarray, plans: Sequence[LoadPlan] = ()
) -> dict[str, np.ndarray]:
    """Return what a backtest of one meter forecasts at the same instant."""
    calendar, [factory] = holidays(), one.participants
    [roof] = factory.pv
    is_roof = kind is SiteKind.PV
    site = Site(
        site="site",
        kind=kind,
        latitude=one.location.latitude,
        longitude=one.location.longitude,
        altitude_m=one.location.altitude_m,
        capacity_kw_ac=roof.capacity_kw_ac if is_roof else factory.contract.contract_kw,
        capacity_kw_dc=roof.capacity_kw_dc,
        tilt_deg=roof.tilt_deg,
        azimuth_deg=roof.azimuth_deg,
        timezone="Asia/Seoul",
        rest_days=calendar.billed | calendar.temporary,
    )
    minute = np.array([int(start.timestamp()) // 60 for start in starts])
    issue = int(ISSUE.timestamp()) // 60
    period = Period(begin_minute=issue, end_minute=issue + 15, every_minutes=15, horizon_minutes=1440)
    [(_, found)] = Backtest(site, History(minute, energy_wh / 250, {}, None), period, plans).walk()
    return {"p10": found.p10, "p50": found.p50, "p90": found.p90, "mean": found.mean}


@pytest.mark.parametrize("days", [5, 28, 60])
def test_service_and_backtest_forecast_the_same_from_the_same_readings(
    one_factory: Complex, tmp_path: Path, days: int
) -> None:
    starts, load_wh, solar_wh = metered_wh(days)

    issued = served(one_factory, tmp_path, (starts, load_wh, solar_wh))

    # Of five days nothing can be learned, and of 28 too little for this factory: the season speaks in both.
    assert issued[ForecastKind.LOAD].model.startswith("trees" if days == 60 else "seasonal")
    for kind, energy_wh in ((ForecastKind.LOAD, load_wh), (ForecastKind.PV, solar_wh)):
        event = issued[kind]
        expected = backtested(one_factory, SiteKind(kind.value), starts, energy_wh)
        for part, kw in (("p10", event.p10_kw), ("p50", event.p50_kw), ("p90", event.p90_kw), ("mean", event.mean_kw)):
            # The event has three decimals.
            assert np.array(kw) == pytest.approx(expected[part], abs=0.00051), (kind, part)


def plans_of(one: Complex) -> list[LoadPlan]:
    """Return a shutdown of last week, and one of today's afternoon whose end was put off in the night."""
    [factory] = one.participants
    past = LoadPlan(
        plan_id="last-week",
        participant_id=factory.participant_id,
        kind=PlanKind.SHUTDOWN,
        begin=MIDNIGHT - 7 * DAY,
        end=MIDNIGHT - 6 * DAY,
        stated_at=MIDNIGHT - 9 * DAY,
        version=1,
    )
    today = replace(past, plan_id="today", begin=ISSUE + 8 * INTERVAL, end=ISSUE + 16 * INTERVAL, expected_w=20_000)
    return [past, today, replace(today, version=2, end=ISSUE + 24 * INTERVAL, stated_at=ISSUE - 20 * INTERVAL)]


@pytest.mark.parametrize("days", [5, 60])
def test_stated_plans_are_heeded_alike(one_factory: Complex, tmp_path: Path, days: int) -> None:
    starts, load_wh, solar_wh = metered_wh(days)
    plans = plans_of(one_factory)

    event = served(one_factory, tmp_path, (starts, load_wh, solar_wh), plans)[ForecastKind.LOAD]

    expected = backtested(one_factory, SiteKind.LOAD, starts, load_wh, plans)
    for part, kw in (("p10", event.p10_kw), ("p50", event.p50_kw), ("p90", event.p90_kw), ("mean", event.mean_kw)):
        assert np.array(kw) == pytest.approx(expected[part], abs=0.00051), part
    without = backtested(one_factory, SiteKind.LOAD, starts, load_wh)
    stated, before = slice(8, 24), slice(0, 8)
    assert np.mean(event.p50_kw[stated]) < 0.5 * np.mean(without["p50"][stated])
    assert np.mean(event.p50_kw[before]) == pytest.approx(np.mean(without["p50"][before]), rel=0.1)
