"""What serves: models learned week by week, ranged and judged by how each did on the week after its learning.

A model is learned at the first midnight of each week from what had ended then, and tried at every hour from then on.
The errors of the last weeks' models, each on days it had not seen, move the ranges of the newest one, and say whether
models forecast these sites better than the season does. All of it follows from what was metered before a midnight:
whoever looks at the same readings, the service or a backtest, gets the same forecasts.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from services.forecast.domain.accuracy.scores import pinball_loss
from services.forecast.domain.climatology import Distribution, Learned
from services.forecast.domain.horizon import around
from services.forecast.domain.learning import conformal, model
from services.forecast.domain.learning.conformal import Errors
from services.forecast.domain.learning.model import BUCKET_HOURS, P10, P50, P90, SCALE_MIN_SHARE, KindRules, Model
from services.forecast.domain.learning.multi_site import MultiSite, believed_kw, limited
from services.forecast.domain.learning.rolling import picked
from services.forecast.domain.learning.training_set import KnownSite, lessons_of
from services.forecast.domain.metered.timeline import SiteDays
from shared.arrays import Floats, Integers

MONDAY, WEEK_DAYS = 0, 7
# A model has to learn from so many days, and models together be tried on so many.
LEARNED_DAYS_MIN, TRIED_DAYS_MIN = 12, 8
# Models are judged on the later half of these, of two weeks at most, with ranges set by the days before.
JUDGED_DAYS_MAX = 14
# More teach little and cost much: of more sites or lessons, every second, third, ... is taken.
SITES_MAX, LESSONS_MAX = 32, 40_000
# The season serves where it did better by so much. Of two that are alike the models serve: they are better near by.
RELATIVE_LOSS_MAX = 1.05
# Below this a loss is that of a meter that hardly moves.
LOSS_MIN = 1e-6
# A model sees so many days before its learning, the oldest of those that are tried as well.
SEEN_DAYS = 168
KEPT_DAYS = SEEN_DAYS + conformal.WINDOW_DAYS + WEEK_DAYS
# An issue needs the level of the weeks before the model was learned, and the last six days of each kind.
ISSUE_DAYS = 63

# Returns the sites as a model sees them that is learned when an interval begins: SEEN_DAYS before it, and on until now.
SitesAt = Callable[[int], MultiSite]


@dataclass(frozen=True, slots=True, eq=False)
class Week:
    """A model that was learned when interval `begin` did, and each site's errors since, of intervals before `until`.

    Both are numbers of intervals since 1970. `inputs` is a digest of what it was learned from.
    """

    begin: int
    until: int
    inputs: str
    model: Model
    errors: tuple[Errors, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model of all sites, and how far each site's P10 goes down and P90 up by group of leads: (sites + 1 x groups).

    The last row is for any other site: the moves by all sites' errors. `begin` is the number of the interval, since
    1970, at which the model was learned, `inputs` a digest of what it was learned from.
    """

    begin: int
    inputs: str
    model: Model
    down: Floats
    up: Floats

    def for_sites(self, rows: Sequence[int]) -> "Trained":
        """Return the same for sites whose moves are in these rows, -1 the last one."""
        places = [*rows, -1]
        return replace(self, down=self.down[places], up=self.up[places])

    def as_json(self) -> dict[str, Any]:
        """Return what `trained_of` makes the same of."""
        return {
            "begin": self.begin,
            "inputs": self.inputs,
            "model": self.model.as_json(),
            "down": self.down.tolist(),
            "up": self.up.tolist(),
        }


def trained_of(told: dict[str, Any], rules: KindRules) -> Trained:
    """Return what was written by `Trained.as_json`."""
    down, up = np.array(told["down"]), np.array(told["up"])
    return Trained(told["begin"], told["inputs"], model.model_of(told["model"], rules), down, up)


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What serves on a day, and how both candidates did on the days before.

    Attributes:
        newest: The newest model with its ranges, whether it serves or not; None where there is too little to learn.
        losses: Mean pinball loss of P10, P50 and P90 of the models, in shares of each site's full power, by range of
            leads (`model.BUCKET_HOURS`); NaN where nothing came, None where models were tried on too few days.
        seasonal_losses: The same of the seasonal forecaster.
    """

    newest: Trained | None
    losses: Floats | None = None
    seasonal_losses: Floats | None = None

    @property
    def relative_loss(self) -> float | None:
        """Return the models' loss as a multiple of the season's: the geometric mean over the ranges of leads.

        So a range counts as much as another, though errors far ahead are larger.
        """
        if self.losses is None or self.seasonal_losses is None:
            return None
        both = np.isfinite(self.losses) & np.isfinite(self.seasonal_losses)
        if not both.any():
            return None
        ours, seasons = (np.maximum(one[both], LOSS_MIN) for one in (self.losses, self.seasonal_losses))
        return float(np.exp(np.mean(np.log(ours / seasons))))

    @property
    def serving(self) -> Trained | None:
        """Return the model that serves; None is the seasonal forecaster."""
        relative = self.relative_loss
        return self.newest if relative is not None and relative < RELATIVE_LOSS_MAX else None


@dataclass(slots=True)
class Weeks:
    """The weeks that were learned, so that each is learned once; what is missing is learned again."""

    known: dict[int, Week] = field(default_factory=dict)

    def select(self, sites_at: SitesAt, now: int) -> Selection:
        """Return what serves on the day that begins with interval `now`, counted since 1970."""
        sites = sites_at(now)
        first, day = sites.timelines[0].first, sites.calendar.slots
        begins = [first + begin for begin in _week_begins(sites.calendar, now - first)]
        weeks = []
        for begin, end in pairwise([*begins, now]):
            # A day after a week's end the last of its forecasts are over.
            until = min(end + day, now)
            week = _week(sites_at(begin), self.known.get(begin), (begin, end, until))
            if week is not None:
                weeks.append(week)
        self.known = {one.begin: one for one in weeks}
        if not weeks or weeks[-1].begin != begins[-1]:
            return Selection(None)
        return _judged(sites, weeks, now - first)


def _week_begins(calendar: SiteDays, now: int) -> list[int]:
    """Return the first intervals of the weeks whose errors still count, the newest last."""
    begins = calendar.begins()
    today = int(calendar.day[now])
    oldest = max(today - conformal.WINDOW_DAYS - WEEK_DAYS + 1, 0)
    return [int(begins[day]) for day in range(oldest, today + 1) if calendar.weekday[day] == MONDAY]


def _week(sites: MultiSite, known: Week | None, span: tuple[int, int, int]) -> Week | None:
    """Return a week's model with its errors, made of what is known of the week; None where there is too little.

    `span` is when the week begins and ends, and until when anything is known, in intervals since 1970.
    """
    first = sites.timelines[0].first
    begin, end, until = (number - first for number in span)
    learned_from = believed_kw(sites.timelines, begin, begin)[:begin]
    metered = np.isfinite(learned_from).any(axis=1)
    if len(np.unique(sites.calendar.day[:begin][metered])) < LEARNED_DAYS_MIN:
        return None
    inputs = hashlib.sha256(np.ascontiguousarray(learned_from).tobytes()).hexdigest()[:16]
    if known is not None and known.inputs != inputs:
        known = None  # a reading came late, or was corrected
    if known is not None and known.until == span[2]:
        return known
    found = _learned(sites, begin) if known is None else known.model
    if found is None:
        return None
    errors = tuple(_tried(sites, found, np.arange(begin, end, _hour(sites)), until))
    return Week(begin=span[0], until=span[2], inputs=inputs, model=found, errors=errors)


def _hour(sites: MultiSite) -> int:
    """Return how many intervals an hour has, at least one."""
    return max(sites.calendar.slots // 24, 1)


def _learned(sites: MultiSite, begin: int) -> Model | None:
    count, rules = len(sites.timelines), sites.rules
    taken = range(0, count, -(-count // SITES_MAX))
    full_kw = sites.full_kw(begin)
    views = sites.views(taken, begin, begin, begin)
    known = [
        KnownSite(sites.timelines[site], view, float(full_kw[site]), sites.weather)
        for site, view in zip(taken, views, strict=True)
    ]
    lessons = [lessons_of(one, begin, rules, LESSONS_MAX // len(taken)) for one in known]
    return model.learned(model.joined(lessons), sites.calendar.slots / 24, rules)


def _tried(sites: MultiSite, found: Model, issues: Integers, until: int) -> Iterator[Errors]:
    """Yield each site's errors of the issues since a model's learning, as far as their intervals are over."""
    if not len(issues):
        yield from [conformal.NO_ERRORS] * len(sites.timelines)
        return
    begin, first = int(issues[0]), sites.timelines[0].first
    full_kw = sites.full_kw(begin)
    now = np.repeat(issues, len(found.leads))
    target = now + np.tile(found.leads, len(issues)) - 1
    every = range(len(sites.timelines))
    for site, view in zip(every, sites.views(every, begin, begin, int(issues[-1])), strict=True):
        came = picked(sites.timelines[site].kw[:until], target)
        usable = np.isfinite(came) & (view.scale_kw(target) > SCALE_MIN_SHARE * full_kw[site])
        at, then, came = now[usable], target[usable], came[usable]
        pairs = view.pairs(at, then)
        ahead = then - at + 1
        raw = found.raw(pairs, ahead, sites.weather.of(at, then))
        group = found.group_of(ahead, pairs.scale / full_kw[site])
        off = raw - (came / pairs.scale)[:, None]
        yield Errors(at + first, then + first, group, off[:, P10], off[:, P50], -off[:, P90], pairs.scale)


def _judged(sites: MultiSite, weeks: Sequence[Week], now: int) -> Selection:
    """Range the newest model by the weeks' errors, and hold them all against the season on the last days."""
    found, day = weeks[-1].model, sites.calendar.slots
    first = sites.timelines[0].first
    errors = [_still_believed(sites, site, weeks, now) for site in range(len(sites.timelines))]
    trained = Trained(weeks[-1].begin, weeks[-1].inputs, found, *_moves(found, errors, day))
    tried_days = (now + first - weeks[0].begin) // day
    if tried_days < TRIED_DAYS_MIN:
        return Selection(trained)
    judged_from = now - min(tried_days // 2, JUDGED_DAYS_MAX) * day
    before = [one.where(one.target < judged_from + first) for one in errors]
    down, up = _moves(found, before, day)
    full_kw = sites.full_kw(judged_from)
    judged = [one.where(one.now >= judged_from + first) for one in errors]
    losses = [one.pinball_kw(down[site], up[site]) / full_kw[site] for site, one in enumerate(judged)]
    leads = np.concatenate([one.target - one.now + 1 for one in judged])
    ours = _by_lead(found.bucket_of(leads), np.concatenate(losses))
    return Selection(trained, ours, _seasonal_losses(sites, found, judged_from, now))


def _still_believed(sites: MultiSite, site: int, weeks: Sequence[Week], now: int) -> Errors:
    """Return a site's errors of the last weeks, without those that were refuted since."""
    timeline, day = sites.timelines[site], sites.calendar.slots
    errors = conformal.joined([one.errors[site] for one in weeks])
    place = errors.target - timeline.first
    inside = (place >= 0) & (place < now)
    refuted = np.where(inside, timeline.rejected_at[np.where(inside, place, 0)] <= now, True)
    return errors.where((errors.now >= now + timeline.first - conformal.WINDOW_DAYS * day) & ~refuted)


def _moves(found: Model, errors: Sequence[Errors], day: int) -> tuple[Floats, Floats]:
    """Return the moves of each site by its own errors, and by all sites' where it has too few; all sites' own last."""
    groups = len(found.samples_a_day)
    pooled = conformal.joined(list(errors))
    of_all = conformal.moves(pooled, _days(pooled, day) * found.samples_a_day)
    down, up = (np.tile(move, (len(errors) + 1, 1)) for move in of_all)
    for site, own in enumerate(errors):
        enough = np.bincount(own.group, minlength=groups) >= conformal.SAMPLES_MIN
        moves = conformal.moves(own, _days(own, day) * found.samples_a_day)
        down[site, enough], up[site, enough] = moves[0][enough], moves[1][enough]
    return down, up


def _days(errors: Errors, day: int) -> int:
    return len(np.unique(errors.target // day))


def _seasonal_losses(sites: MultiSite, found: Model, begin: int, end: int) -> Floats:
    """Return the losses of the seasonal forecaster at the same hourly issues, learned when they began."""
    learned, full_kw = sites.season(begin), sites.full_kw(begin)
    known = believed_kw(sites.timelines, end, end)
    losses, buckets = [], []
    for now in range(begin, end, _hour(sites)):
        leads = found.leads[now + found.leads <= end]
        issued = by_season(sites, learned, now, now, int(found.leads[-1])).at(leads - 1)
        came = known[now + leads - 1]
        there = np.isfinite(came) & (issued.p90 > 0)
        quantiles = np.stack((issued.p10, issued.p50, issued.p90))
        losses.append((pinball_loss(quantiles, came) / full_kw)[there])
        buckets.append(np.broadcast_to(found.bucket_of(leads)[:, None], there.shape)[there])
    return _by_lead(np.concatenate(buckets), np.concatenate(losses))


def _by_lead(bucket: Integers, losses: Floats) -> Floats:
    """Return the mean loss of each range of leads; NaN where there is none."""
    total = np.bincount(bucket, losses, minlength=len(BUCKET_HOURS))
    count = np.bincount(bucket, minlength=len(BUCKET_HOURS))
    mean: Floats = np.divide(total, count, out=np.full(len(BUCKET_HOURS), np.nan), where=count > 0)
    return mean


def issued(
    sites: MultiSite, trained: Trained, today: int, now: Integers, first_target: Integers, steps: int
) -> Distribution:
    """Forecast `steps` intervals from each `first_target` on, as of each issue of one day.

    Args:
        sites: What is known.
        trained: What serves.
        today: The interval with which the day began.
        now: The intervals that had just begun at the issues.
        first_target: The first interval that each issue is for.
        steps: How many there are.

    Returns:
        (issues * steps x sites) [kW], issue by issue; ordered, bounded, 0 in the night.
    """
    at = np.repeat(now, steps)
    target = np.repeat(first_target, steps) + np.tile(np.arange(steps), len(now))
    ahead = target - at + 1
    begin = trained.begin - sites.timelines[0].first
    full_kw, limit_kw = sites.full_kw(begin), sites.limit_kw
    weather = sites.weather.of(at, target)
    every = range(len(sites.timelines))
    parts = []
    for site, view in zip(every, sites.views(every, begin, today, int(now.max())), strict=True):
        pairs = view.pairs(at, target)
        raw = trained.model.raw(pairs, ahead, weather)
        group = trained.model.group_of(ahead, pairs.scale / full_kw[site])
        raw[:, P10] -= trained.down[site, group]
        raw[:, P90] += trained.up[site, group]
        parts.append(limited(raw * pairs.scale[:, None], limit_kw[site]).parts)
    return Distribution(*(np.column_stack(part) for part in zip(*parts, strict=True)))


def by_season(sites: MultiSite, learned: Learned, now: int, first_target: int, steps: int) -> Distribution:
    """Forecast the same intervals by the season, as of one issue."""
    return sites.by_season(learned, around(sites.calendar, now, first_target, steps))
