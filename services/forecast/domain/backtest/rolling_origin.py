"""Forecasts as they would have been issued: a walk through a site's history that never looks ahead.

The history is cut into weeks counted from the epoch. At the beginning of each one a model is learned from what had
ended; forecasts are tried at every hour of it, and the ranges of each day are moved by the errors of those tried in the
six weeks before the day. Nothing depends on which issues are asked for, or on what comes after an issue.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.forecast.domain.learning import conformal, model
from services.forecast.domain.learning.conformal import Errors
from services.forecast.domain.learning.model import FACTORY, MEAN, P10, P50, P90, ROOF, SCALE_MIN_SHARE, Model
from services.forecast.domain.learning.rolling import picked
from services.forecast.domain.learning.samples import View
from services.forecast.domain.learning.training_set import WeatherOutlook, lessons_of
from services.forecast.domain.load.features import LoadView, SiteDays
from services.forecast.domain.metered.site import Site, SiteKind
from services.forecast.domain.metered.timeline import Timeline, WeatherLog
from services.forecast.domain.solar.features import SolarView
from services.forecast.domain.solar.geometry import Sun, clear_kw, default_array, learned_array
from shared.arrays import Floats, Integers

STRETCH_DAYS = 7
TRIED_APART_HOURS = 1
# A factory of which nothing is known: a small one, and how much of its contract it usually draws. An assumption.
UNKNOWN_FACTORY_KW = 1_000.0
USUAL_SHARE = 0.35
LEVEL_DAYS = 28
# Trees serve after their ranges were tried through so many stretches; until then the plain rule does.
STRETCHES_TRIED = 2


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """All that a walk may look at, on one numbering of intervals from the timeline's first."""

    site: Site
    timeline: Timeline
    weather: WeatherLog
    sun: Sun | None
    calendar: SiteDays
    clear_weather: dict[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """What forecasts of a stretch are made of: its first interval, the site as seen from there, and what was learned.

    A scale is held against `full_kw`.
    """

    begin: int
    view: View
    model: Model
    full_kw: float


@dataclass(frozen=True, slots=True, eq=False)
class Issued:
    """Forecasts [kW], a row a pair of issue and target.

    Attributes:
        issue: The position of the issue among those asked for.
        target: The number of the interval.
        lead: In intervals, 1 for the one that begins at the issue.
        trained: Whether they come from a model that was learned and tried, not from assumptions.
    """

    issue: Integers
    target: Integers
    lead: Integers
    p10: Floats
    p50: Floats
    p90: Floats
    mean: Floats
    trained: bool


@dataclass(frozen=True, slots=True, eq=False)
class AskedIssues:
    """Issues: the interval that had just begun at each, and the first and the number of those to forecast."""

    now: Integers
    first_target: Integers
    steps: int


def walk(scene: Scene, asked: AskedIssues) -> Iterator[tuple[int, Issued | None]]:
    """Yield for each week how many of the asked issues are done, and its forecasts.

    The weeks before the first asked issue only collect errors, and yield None.
    """
    timeline = scene.timeline
    day = timeline.steps_per_day
    week = STRETCH_DAYS * day
    first = int(asked.now.min()) - conformal.WINDOW_DAYS * day
    begin = max(first, 0)
    begin -= (begin + timeline.first) % week
    of_trees: list[Errors] = []
    of_plain: list[Errors] = []
    done = 0
    while begin <= int(asked.now.max()):
        known = _stretch(scene, begin)
        outlook = WeatherOutlook(scene.weather, timeline, scene.clear_weather)
        of_trees, of_plain = (_recent(errors, begin - conformal.WINDOW_DAYS * day) for errors in (of_trees, of_plain))
        plain = known.model.trees is None or len(of_trees) < STRETCHES_TRIED
        if plain:
            of_plain.append(_tried(scene, known, outlook, plain=True))
        if known.model.trees is not None:
            of_trees.append(_tried(scene, known, outlook, plain=False))
        errors = conformal.joined(of_plain if plain else of_trees)
        rows = np.flatnonzero((asked.now >= begin) & (asked.now < begin + week))
        done += len(rows)
        issued = _issue(scene, known, outlook, (asked, rows), (errors, plain)) if len(rows) else None
        yield done, issued
        begin += week


def _recent(errors: list[Errors], begin: int) -> list[Errors]:
    """Return the stretches that reach into the time since `begin`."""
    return [one for one in errors if len(one) and one.now.max() >= begin]


def _stretch(scene: Scene, begin: int) -> Stretch:
    timeline, site = scene.timeline, scene.site
    week = STRETCH_DAYS * timeline.steps_per_day
    before = timeline.believed(begin, begin)
    believed = timeline.believed(begin, begin + week)
    if site.kind is SiteKind.PV:
        assert scene.sun is not None  # noqa: S101 -- a solar plant has one; narrows the type
        assert site.capacity_kw_ac is not None  # noqa: S101 -- the same
        year = slice(max(begin - 365 * timeline.steps_per_day, 0), max(begin, 0))
        enough = np.count_nonzero(np.isfinite(before)) > 0
        array = learned_array(site, _only(before, year), scene.sun) if enough else default_array(site)
        solar = SolarView(
            believed,
            clear_kw=clear_kw(site, array, scene.sun),
            elevation_deg=scene.sun.elevation_deg,
            capacity_kw=site.capacity_kw_ac,
            steps_per_day=timeline.steps_per_day,
            begin=begin,
        )
        return _learned(scene, solar, begin, site.capacity_kw_ac)
    recent = before[max(begin - LEVEL_DAYS * timeline.steps_per_day, 0) : max(begin, 0)]
    metered = recent[np.isfinite(recent)]
    fallback_kw = float(metered.mean()) if len(metered) else USUAL_SHARE * (site.capacity_kw_ac or UNKNOWN_FACTORY_KW)
    scale_kw = max(fallback_kw, 1e-3)
    load = LoadView(believed, scene.calendar, timeline.steps_per_day, fallback_kw, scale_kw)
    return _learned(scene, load, begin, scale_kw)


def _learned(scene: Scene, view: View, begin: int, full_kw: float) -> Stretch:
    rules = ROOF if scene.site.kind is SiteKind.PV else FACTORY
    outlook = WeatherOutlook(scene.weather, scene.timeline, scene.clear_weather)
    lessons = lessons_of(scene.timeline, view, begin, full_kw, rules, outlook)
    return Stretch(begin, view, model.learned(lessons, scene.timeline.steps_per_day / 24, rules), full_kw)


def _only(series: Floats, part: slice) -> Floats:
    kept = np.full(len(series), np.nan)
    kept[part] = series[part]
    return kept


def _tried(scene: Scene, known: Stretch, outlook: WeatherOutlook, *, plain: bool) -> Errors:
    """Try forecasts through a stretch and return how far off their ranges were."""
    timeline = scene.timeline
    week = STRETCH_DAYS * timeline.steps_per_day
    apart = max(TRIED_APART_HOURS * timeline.steps_per_day // 24, 1)
    issues = np.arange(known.begin, known.begin + week, apart)
    issues = issues[issues >= 0]
    leads = known.model.leads
    now = np.repeat(issues, len(leads))
    target = now + np.tile(leads, len(issues)) - 1
    came = picked(timeline.kw, target)
    usable = np.isfinite(came)
    now, target, came = now[usable], target[usable], came[usable]
    if not len(now):
        return conformal.NO_ERRORS
    pairs = known.view.pairs(now, target)
    lit = pairs.scale > SCALE_MIN_SHARE * known.full_kw
    pairs, now, target, came = pairs.where(lit), now[lit], target[lit], came[lit]
    lead, scale = target - now + 1, pairs.scale
    found = known.model.raw(pairs, lead, outlook.of(now, target), plain=plain)
    group = known.model.group_of(lead, scale / known.full_kw)
    return Errors(now, target, group, found[:, P10] - came / scale, came / scale - found[:, P90])


def _issue(
    scene: Scene,
    known: Stretch,
    outlook: WeatherOutlook,
    wanted: tuple[AskedIssues, Integers],
    tried: tuple[Errors, bool],
) -> Issued:
    """Return the forecasts of a stretch's issues, each day's ranges moved by the errors known when it began."""
    asked, rows = wanted
    errors, plain = tried
    issue = np.repeat(rows, asked.steps)
    now = asked.now[issue]
    target = asked.first_target[issue] + np.tile(np.arange(asked.steps), len(rows))
    lead, pairs = target - now + 1, known.view.pairs(now, target)
    found, scale = known.model.raw(pairs, lead, outlook.of(now, target), plain=plain), pairs.scale
    group = known.model.group_of(lead, scale / known.full_kw)
    timeline = scene.timeline
    day = timeline.steps_per_day
    day_begin = now - (now + timeline.first) % day
    for start in np.unique(day_begin):
        at = day_begin == start
        refuted = timeline.rejected_at[np.minimum(errors.target, len(timeline.kw) - 1)] <= start
        known_then = (errors.now >= start - conformal.WINDOW_DAYS * day) & (errors.target < start) & ~refuted
        used = errors.where(known_then)
        days = len(np.unique((used.target + timeline.first) // day))
        down, up = conformal.moves(used, days * known.model.samples_a_day)
        found[at, P10] -= down[group[at]]
        found[at, P90] += up[group[at]]
    most = scene.site.capacity_kw_ac if scene.site.kind is SiteKind.PV else None
    kw = np.clip(found * scale[:, None], 0.0, most)
    ordered = np.sort(kw[:, [P10, P50, P90]], axis=1)
    mean = np.clip(kw[:, MEAN], ordered[:, 0], ordered[:, 2])
    p10, p50, p90 = ordered.T
    return Issued(issue, target, lead, p10=p10, p50=p50, p90=p90, mean=mean, trained=not plain)
