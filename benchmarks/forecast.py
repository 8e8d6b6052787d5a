"""Forecasts: a full issue for a thousand sites, ninety days of backtest, and the skill of both kinds of site.

Run: .venv/bin/python -m benchmarks.forecast [SERF_EAST.csv]

The factory is the steel works of infra/profiles, measured. The roof is NREL's SERF East, measured, whose file comes
with pvanalytics (`pip download pvanalytics`; data/serf_east_15min_ac_power.csv inside); without it, roofs are left out.
The thousand sites are both of them many times, each with noise of its own: made up.
"""

import json
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pandas as pd

from services.forecast.domain.accuracy import scores
from services.forecast.domain.backtest.rolling_origin import Issued
from services.forecast.domain.backtest.run import Backtest, History, Period
from services.forecast.domain.learning import selection
from services.forecast.domain.learning.multi_site import Factories, RoofSites
from services.forecast.domain.learning.selection import Weeks
from services.forecast.domain.learning.training_set import WeatherOutlook
from services.forecast.domain.load.features import calendar_of
from services.forecast.domain.load.plans import NO_PLANS
from services.forecast.domain.metered.site import Site, SiteKind
from services.forecast.domain.metered.timeline import NEVER, Timeline, WeatherLog
from services.forecast.domain.solar.geometry import clear_kw, learned_array, place_of, roof_of, sun_over
from services.forecast.handlers.learning import LEARNED_FROM_MAX
from shared.arrays import Floats
from shared.paths import INFRA
from shared.reference.load import holidays

SITES, STEPS = 1_000, 96
ISSUE_S_MAX, BACKTEST_S_MAX = 10.0, 180.0
QUARTER = pd.Timedelta(minutes=15)
# What must be reached on days not learned from: leads in hours (after, up to), the figure and its least value.
WANTED: dict[SiteKind, tuple[tuple[float, float, str, float], ...]] = {
    SiteKind.PV: (
        (0, 0.25, "skill_rmse", 0.05),
        (0.25, 1, "skill_rmse", 0.05),
        (1, 4, "skill_rmse", 0.14),
        (12, 24, "skill_rmse", 0.13),
    ),
    SiteKind.LOAD: ((0, 0.25, "skill_mae", 0.45), (1, 4, "skill_mae", 0.30), (12, 24, "skill_mae", 0.27)),
}
STEEL = Site(site="steel", kind=SiteKind.LOAD, latitude=34.9, longitude=127.7, timezone="Asia/Seoul")
# Only what a newcomer would know: place and inverter; which way it looks is learned.
SERF = Site(
    site="serf", kind=SiteKind.PV, latitude=39.742, longitude=-105.173, altitude_m=1830.0, capacity_kw_ac=6.0,
    timezone="Etc/GMT+7",
)  # fmt: skip


def main() -> None:
    """Measure and print one JSON object a line."""
    steel = steel_works()
    calendar = holidays()
    site = replace(STEEL, rest_days=calendar.billed | calendar.temporary)
    # March to the end of May are 90 days within a few hours; June is the last month of the file.
    skill(site, steel, "2018-03-01T00:00+09:00", "2018-05-30T00:00+09:00")
    if len(sys.argv) > 1:
        serf = serf_east(Path(sys.argv[1]))
        skill(SERF, serf, "2016-08-20T00:00-07:00", "2016-10-12T00:00-07:00")
        issue(roofs_of(serf, SITES), roofs_of(serf, LEARNED_FROM_MAX), "roofs")
    else:
        sys.stderr.write("roofs are left out: give the file of SERF East, see the head of this benchmark\n")
    issue(factories_of(steel, SITES), factories_of(steel, LEARNED_FROM_MAX), "factories")


def steel_works() -> pd.Series:
    """Return its mean power [kW] by interval."""
    table = pd.read_csv(INFRA / "profiles" / "gwangyang-2018.csv")
    return pd.Series(table.energy_kwh.to_numpy() * 4, index=pd.to_datetime(table.start_utc, utc=True))


def serf_east(path: Path) -> pd.Series:
    """Return its mean power [kW] by interval; the file has W."""
    table = pd.read_csv(path)
    return pd.Series(table.ac_power.to_numpy() / 1_000, index=pd.to_datetime(table.measured_on, utc=True))


def skill(site: Site, kw: pd.Series, begin: str, end: str) -> None:
    """Issue every hour, 24 hours ahead, and hold it against what came."""
    minute = pd.DatetimeIndex(kw.index).as_unit("s").asi8 // 60
    first, last = (int(pd.Timestamp(text).timestamp()) // 60 for text in (begin, end))
    period = Period(begin_minute=first, end_minute=last, every_minutes=60, horizon_minutes=1440)
    started, used = perf_counter(), process_time()
    made = Backtest(site, History(minute, kw.to_numpy(dtype=np.float64), {}, None), period)
    parts = [issued for _, issued in made.walk()]
    elapsed_s, cpu_s = perf_counter() - started, process_time() - used
    names = ("issue", "target", "lead", "p10", "p50", "p90", "mean")
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    scored = made.scored(Issued(**whole, trained=True))
    rows = scores.by_lead(scored, made.full_kw())
    reached = {}
    for low, high, figure, least in WANTED[site.kind]:
        [row] = [one for one in rows if one["lead_hours"] == scores.bucket_name(low, high)]
        reached[f"{low:g}-{high:g} h {figure} >= {least}"] = row[figure]
    days, figure = (last - first) / 1440, WANTED[site.kind][0][2]
    print(json.dumps({
        "backtest": site.site, "days": days, "seconds": round(elapsed_s, 1), "cpu_seconds": round(cpu_s, 1),
        "seconds_max": BACKTEST_S_MAX, "reached": reached,
        "skill": {str(one["lead_hours"]): one[figure] for one in rows},
        "coverage": {str(one["lead_hours"]): one["coverage_p10_p90"] for one in rows},
    }))  # fmt: skip


def roofs_of(kw: pd.Series, count: int) -> RoofSites:
    """Return made-up roofs of four weeks, each SERF East's with noise of its own."""
    days = [date(2016, 8, 1) + timedelta(days=n) for n in range(30)]
    starts = pd.date_range(pd.Timestamp(days[0], tz=SERF.timezone), periods=len(days) * STEPS, freq=QUARTER)
    metered = kw.reindex(starts.tz_convert("UTC")).to_numpy(dtype=np.float64)[: 28 * STEPS]
    sun = sun_over(place_of(SERF), starts.tz_convert("UTC"), QUARTER)
    found = learned_array(SERF, metered, sun)
    clear = clear_kw(roof_of(SERF, found), sun)
    timelines = _many(starts, np.maximum(metered, 0.0), count)
    return RoofSites(
        timelines=timelines,
        calendar=calendar_of(days, frozenset(), STEPS),
        clear_kw=np.tile(clear, count),
        elevation_deg=sun.elevation_deg,
        capacity_kw_ac=np.full(count, 6.0),
        weather=WeatherOutlook(WeatherLog(), timelines[0].first, 15),
    )


def factories_of(kw: pd.Series, count: int) -> Factories:
    """Return made-up factories of four weeks, each the steel works with noise of its own."""
    days = [date(2018, 3, 1) + timedelta(days=n) for n in range(30)]
    starts = pd.date_range(pd.Timestamp(days[0], tz=STEEL.timezone), periods=28 * STEPS, freq=QUARTER)
    metered = kw.reindex(starts.tz_convert("UTC")).to_numpy(dtype=np.float64)
    timelines = _many(starts, metered, count)
    weather = WeatherOutlook(WeatherLog(), timelines[0].first, 15)
    return Factories(
        timelines, calendar_of(days, holidays().billed, STEPS), np.full(count, 300.0), weather, (NO_PLANS,) * count
    )


def _many(starts: pd.DatetimeIndex, kw: Floats, count: int) -> tuple[Timeline, ...]:
    first = int(starts[0].timestamp()) // 900
    noise = np.random.default_rng(3).normal(1.0, 0.05, (count, len(kw)))
    return tuple(Timeline(first, 15, kw * one, np.full(len(kw), NEVER)) for one in noise)


def issue(sites: RoofSites | Factories, taught: RoofSites | Factories, name: str) -> None:
    """Learn from those that a complex is learned from and issue 24 hours of P10, P50, P90 and mean for all."""
    now = len(sites.timelines[0].kw)
    started = perf_counter()
    newest = Weeks().select(lambda _: taught, sites.timelines[0].first + now).newest
    assert newest is not None
    rest = len(sites.timelines) - len(taught.timelines)
    trained = newest.for_sites([*range(len(taught.timelines)), *[-1] * rest])
    learned_s = perf_counter() - started
    started = perf_counter()
    at = np.array([now])
    issued = selection.issued(sites, trained, now, at, at, STEPS)
    issued_s = perf_counter() - started
    print(json.dumps({
        "issue": name, "sites": issued.p50.shape[1], "steps": issued.p50.shape[0], "seconds": round(issued_s, 2),
        "seconds_max": ISSUE_S_MAX, "seconds_to_learn_and_judge": round(learned_s, 1),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
