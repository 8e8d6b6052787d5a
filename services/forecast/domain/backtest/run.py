"""A site's history as forecasts would have met it: put on a grid, examined, walked through, and scored."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from services.forecast.domain.accuracy.scores import Scored
from services.forecast.domain.backtest.rolling_origin import AskedIssues, Issued, walk
from services.forecast.domain.learning.multi_site import Factories, MultiSite, RoofSites
from services.forecast.domain.learning.rolling import WindowSums, picked, ratio
from services.forecast.domain.learning.training_set import WeatherOutlook
from services.forecast.domain.load.plans import plan_log
from services.forecast.domain.metered import quality
from services.forecast.domain.metered.quality import Finding
from services.forecast.domain.metered.site import Site, SiteKind
from services.forecast.domain.metered.timeline import MINUTES_PER_DAY, NEVER, SiteDays, Timeline, WeatherLog
from services.forecast.domain.outlook import kinds_of
from services.forecast.domain.solar.geometry import Array, Sun, clear_kw, learned_array, place_of, roof_of, sun_over
from shared.arrays import Flags, Floats, Integers
from shared.events.records import LoadPlan

# Names of global horizontal irradiance [W/m²] in weather files; of these the share of a clear sky is told too.
IRRADIANCE_NAMES = ("ghi", "ghi_w_per_m2", "shortwave_radiation", "irradiance", "solar_radiation", "global_radiation")
DEFAULT_STEP_MINUTES = 15
# A roof is scored while the clear sky gives at least this share of its inverter's power.
LIT_SHARE = 0.01
REFERENCE_MINUTES = 60
# A roof's orientation is learned from so many days.
ARRAY_DAYS = 365
# A factory of which nothing is known: a small one. An assumption.
UNKNOWN_FACTORY_KW = 1_000.0


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What a file holds, a row each.

    Attributes:
        start_minute: Each interval's start, in minutes since the Unix epoch.
        kw: Average power; NaN is unknown.
        weather: Variables by name; NaN is unknown.
        available_minute: When each row's weather was available; None: when its interval had ended.
    """

    start_minute: Integers
    kw: Floats
    weather: dict[str, Floats]
    available_minute: Integers | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Which issues are asked for, in minutes since the Unix epoch: [begin, end), and how far each looks ahead."""

    begin_minute: int
    end_minute: int
    every_minutes: int
    horizon_minutes: int

    @property
    def issue_minute(self) -> Integers:
        """Return the issues."""
        return np.arange(self.begin_minute, self.end_minute, self.every_minutes)


class Backtest:
    """One site's history, examined and ready to be walked through."""

    def __init__(self, site: Site, history: History, period: Period, plans: Iterable[LoadPlan] = ()) -> None:
        self.site = site
        self._period = period
        step = quality.step_minutes_of(history.start_minute) or DEFAULT_STEP_MINUTES
        gridded = quality.on_grid(history.start_minute, history.kw, step, period.begin_minute)
        first = gridded.timeline.first
        self._issue = period.issue_minute
        # One interval more than a horizon's: an issue inside an interval begins at the next one.
        last = max(first + len(gridded.timeline.kw), int(self._issue.max() + period.horizon_minutes) // step + 2)
        starts = _instants((first + np.arange(last - first)) * step)
        sun = sun_over(place_of(site), starts, pd.Timedelta(minutes=step)) if site.kind is SiteKind.PV else None
        self.timeline, self.findings = quality.examined(gridded, site, sun)
        self.rows_given = gridded.given
        self._sun, self._calendar = sun, _calendar(site, starts, step)
        self._plans = plan_log(plans, first, step)
        self._weather = _weather(history, self.timeline, sun)
        # As far as issues reach, where the history ends before.
        unknown = (0, last - first - len(self.timeline.kw))
        kw = np.pad(self.timeline.kw, unknown, constant_values=np.nan)
        self._padded = Timeline(first, step, kw, np.pad(self.timeline.rejected_at, unknown, constant_values=NEVER))
        self._clear_kw: dict[int, Floats] = {}
        steps = period.horizon_minutes // step
        self.asked = AskedIssues(self._issue // step - first, -(-self._issue // step) - first, steps)

    @property
    def step_minutes(self) -> int:
        """Return the length of an interval."""
        return self.timeline.step_minutes

    @property
    def anything_believed(self) -> bool:
        """Say whether any interval of the history can be believed."""
        return bool(np.isfinite(self._everything()).any())

    def walk(self) -> Iterator[tuple[int, Issued]]:
        """Yield how many issues are done and what they forecast, day by day."""
        return walk(self._window, self._calendar.begins(), self.timeline.first, self.asked)

    def _window(self, first: int, begin: int, now: int) -> MultiSite:
        """Return the site from interval `first` on as the service would see it at `now`, learned from at `begin`."""
        timelines, size = (self._padded.until(now).since(first),), len(self._calendar.day)
        calendar, weather = self._calendar.between(first, size), self._weather.between(first, size)
        if self._sun is None:
            contract_kw = np.array([self.site.capacity_kw_ac or UNKNOWN_FACTORY_KW])
            return Factories(timelines, calendar, contract_kw, weather, (self._plans.since(first),))
        return RoofSites(
            timelines,
            calendar,
            self._clear_as_of(begin, self._sun)[first:],
            self._sun.elevation_deg[first:],
            np.array([self.full_kw()]),
            weather,
        )

    def _clear_as_of(self, begin: int, sun: Sun) -> Floats:
        """Return the output under a clear sky of the roof as it was known when the week of an interval began."""
        calendar = self._calendar
        monday = int(calendar.day[begin]) - int(calendar.weekday[calendar.day[begin]])
        week = int(calendar.begins()[monday]) if monday >= 0 else 0
        if week not in self._clear_kw:
            known = self._padded.believed(week, week)
            known[: max(week - ARRAY_DAYS * calendar.slots, 0)] = np.nan
            roof = roof_of(self.site, learned_array(self.site, known, sun))
            self._clear_kw[week] = clear_kw(roof, sun)
        return self._clear_kw[week]

    def instants(self, issued: Issued) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
        """Return each forecast's issue and target."""
        target = (self.timeline.first + issued.target) * self.step_minutes
        return _instants(self._issue[issued.issue]), _instants(target)

    def array(self) -> Array | None:
        """Return the roof as learned from the whole history; None for a factory."""
        if self._sun is None:
            return None
        return learned_array(self.site, self._everything(), self._sun)

    def scored(self, issued: Issued) -> Scored:
        """Return the forecasts of which it is known what came; a roof's by day only."""
        everything = self._everything()
        came = picked(everything, issued.target)
        reference, lit = self._reference(everything, issued)
        rows = np.isfinite(came) & np.isfinite(reference) & lit
        parts = (came, issued.p10, issued.p50, issued.p90, issued.mean, reference)
        return Scored(issued.lead[rows] * self.step_minutes / 60, *(part[rows] for part in parts))

    def full_kw(self) -> float:
        """Return what errors are held against: the inverter's limit, or a factory's mean load."""
        if self.site.kind is SiteKind.PV and self.site.capacity_kw_ac is not None:
            return self.site.capacity_kw_ac
        known = self._everything()
        known = known[np.isfinite(known)]
        return max(float(known.mean()), 1e-9) if len(known) else 1.0

    def _everything(self) -> Floats:
        size = len(self.timeline.kw)
        return self.timeline.believed(size, size)

    def _reference(self, everything: Floats, issued: Issued) -> tuple[Floats, Flags]:
        """Return smart persistence (the last hour's index times the clear sky), or the same time last week."""
        now = self.asked.now[issued.issue]
        sun = self._sun
        if sun is None:
            week = 7 * self.timeline.steps_per_day
            weeks_back = 1 + (issued.target - now) // week
            return picked(everything, issued.target - weeks_back * week), np.ones(len(now), dtype=np.bool_)
        capacity_kw = self.full_kw()
        clear = clear_kw(roof_of(self.site, learned_array(self.site, everything, sun)), sun)[:, 0]
        lit = np.isfinite(everything) & (clear[: len(everything)] > 3 * LIT_SHARE * capacity_kw)
        steps = max(REFERENCE_MINUTES // self.step_minutes, 1)
        ends = np.arange(len(everything) + 1)
        above = WindowSums(np.where(lit, everything, np.nan)).total(ends, steps)
        below = WindowSums(np.where(lit, clear[: len(everything)], np.nan)).total(ends, steps)
        index = pd.Series(ratio(above, below, LIT_SHARE * capacity_kw)).ffill().to_numpy()
        ahead = picked(clear, issued.target)
        persisted = np.minimum(
            picked(np.asarray(index, dtype=np.float64), np.minimum(now, len(everything))) * ahead, capacity_kw
        )
        return persisted, ahead > LIT_SHARE * capacity_kw


def spans_of(finding: Finding, timeline: Timeline) -> list[tuple[str, str]]:
    """Return a finding's first runs as ISO 8601 texts, half-open."""
    return [
        (_text(timeline.first + first, timeline), _text(timeline.first + end, timeline)) for first, end in finding.spans
    ]


def _text(number: int, timeline: Timeline) -> str:
    return pd.Timestamp(number * timeline.step_minutes * 60, unit="s", tz="UTC").isoformat()


def _instants(minute: Integers) -> pd.DatetimeIndex:
    return pd.DatetimeIndex((minute * 60).astype("datetime64[s]")).tz_localize("UTC")


def _calendar(site: Site, starts: pd.DatetimeIndex, step_minutes: int) -> SiteDays:
    local = starts.tz_convert(site.timezone)
    dates, day = np.unique(local.tz_localize(None).to_numpy().astype("datetime64[D]"), return_inverse=True)
    slots = MINUTES_PER_DAY // step_minutes
    slot = (np.asarray(local.hour) * 60 + np.asarray(local.minute)) // step_minutes
    # 1970-01-01 was a Thursday, 3 counted from Monday.
    weekday = (dates.astype(np.int64) + 3) % 7
    return SiteDays(
        day.astype(np.int64),
        np.minimum(slot, slots - 1).astype(np.int64),
        weekday,
        kinds_of(dates.tolist(), site.rest_days),
        slots,
    )


def _weather(history: History, timeline: Timeline, sun: Sun | None) -> WeatherOutlook:
    step = timeline.step_minutes
    if not history.weather:
        return WeatherOutlook(WeatherLog(), timeline.first, step)
    available = history.available_minute
    available = history.start_minute + step if available is None else available
    interval = history.start_minute // step - timeline.first
    names = tuple(sorted(history.weather))
    rows = np.column_stack([history.weather[name] for name in names])
    order = np.lexsort((np.arange(len(interval)), available, interval))
    clear = {}
    if sun is not None:
        ghi = np.nan_to_num(sun.sky.ghi[:, 0])
        clear = {name: ghi for name in names if name.lower() in IRRADIANCE_NAMES}
    log = WeatherLog(names, interval[order], available[order], rows[order])
    return WeatherOutlook(log, timeline.first, step, clear)
