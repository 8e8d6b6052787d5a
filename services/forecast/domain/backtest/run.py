"""A site's history as forecasts would have met it: put on a grid, examined, walked through, and scored."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from services.forecast.domain.accuracy.scores import Scored
from services.forecast.domain.backtest.rolling_origin import AskedIssues, Issued, Scene, walk
from services.forecast.domain.learning.rolling import WindowSums, picked, ratio
from services.forecast.domain.load.features import SiteDays
from services.forecast.domain.metered import quality
from services.forecast.domain.metered.quality import Finding
from services.forecast.domain.metered.site import Site, SiteKind
from services.forecast.domain.metered.timeline import MINUTES_PER_DAY, Timeline, WeatherLog
from services.forecast.domain.outlook import day_kind
from services.forecast.domain.solar.geometry import Array, Sun, clear_kw, learned_array, sun_over
from shared.arrays import Flags, Floats, Integers

# Names of global horizontal irradiance [W/m²] in weather files; of these the share of a clear sky is told too.
IRRADIANCE_NAMES = ("ghi", "ghi_w_per_m2", "shortwave_radiation", "irradiance", "solar_radiation", "global_radiation")
DEFAULT_STEP_MINUTES = 15
# A roof is scored while the clear sky gives at least this share of its inverter's power.
LIT_SHARE = 0.01
REFERENCE_MINUTES = 60


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

    def __init__(self, site: Site, history: History, period: Period) -> None:
        self.site = site
        self._period = period
        step = quality.step_minutes_of(history.start_minute) or DEFAULT_STEP_MINUTES
        gridded = quality.on_grid(history.start_minute, history.kw, step, period.begin_minute)
        first = gridded.timeline.first
        self._issue = period.issue_minute
        # One interval more than a horizon's: an issue inside an interval begins at the next one.
        last = max(first + len(gridded.timeline.kw), int(self._issue.max() + period.horizon_minutes) // step + 2)
        starts = _instants((first + np.arange(last - first)) * step)
        sun = sun_over(site, starts, pd.Timedelta(minutes=step)) if site.kind is SiteKind.PV else None
        self.timeline, self.findings = quality.examined(gridded, site, sun)
        self.rows_given = gridded.given
        log, clear = _weather(history, self.timeline, sun)
        calendar = _calendar(site, starts, step)
        self._scene = Scene(site, self.timeline, log, sun, calendar, clear)
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

    def walk(self) -> Iterator[tuple[int, Issued | None]]:
        """Yield how many issues are done and what they forecast, week by week."""
        return walk(self._scene, self.asked)

    def instants(self, issued: Issued) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
        """Return each forecast's issue and target."""
        target = (self.timeline.first + issued.target) * self.step_minutes
        return _instants(self._issue[issued.issue]), _instants(target)

    def array(self) -> Array | None:
        """Return the roof as learned from the whole history; None for a factory."""
        if self._scene.sun is None:
            return None
        return learned_array(self.site, self._everything(), self._scene.sun)

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
        sun = self._scene.sun
        if sun is None:
            week = 7 * self.timeline.steps_per_day
            weeks_back = 1 + (issued.target - now) // week
            return picked(everything, issued.target - weeks_back * week), np.ones(len(now), dtype=np.bool_)
        capacity_kw = self.full_kw()
        clear = clear_kw(self.site, learned_array(self.site, everything, sun), sun)
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
    kinds = [day_kind(one, site.rest_days) for one in dates.tolist()]
    slot = (np.asarray(local.hour) * 60 + np.asarray(local.minute)) // step_minutes
    # 1970-01-01 was a Thursday, 3 counted from Monday.
    weekday = (dates.astype(np.int64) + 3) % 7
    return SiteDays(
        day.astype(np.int64),
        np.minimum(slot, MINUTES_PER_DAY // step_minutes - 1).astype(np.int64),
        weekday,
        np.array(kinds, dtype=np.int64),
    )


def _weather(history: History, timeline: Timeline, sun: Sun | None) -> tuple[WeatherLog, dict[str, Floats]]:
    if not history.weather:
        return WeatherLog(), {}
    step = timeline.step_minutes
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
    return WeatherLog(names, interval[order], available[order], rows[order]), clear
