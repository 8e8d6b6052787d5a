"""All sites of one kind in a complex at once: one model for all, ranges moved by each site's own errors.

Sites of a complex share their sky and their calendar, so that they learn from one another, and a roof that was added
yesterday is forecast like its neighbours. Power is (intervals x sites) from a midnight of the site's days on; NaN is
unknown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from services.forecast.domain.accuracy.scores import pinball_loss
from services.forecast.domain.climatology import Distribution
from services.forecast.domain.learning import conformal, model
from services.forecast.domain.learning.conformal import Errors
from services.forecast.domain.learning.model import (
    FACTORY,
    MEAN,
    P10,
    P50,
    P90,
    ROOF,
    SCALE_MIN_SHARE,
    KindRules,
    Model,
)
from services.forecast.domain.learning.rolling import picked
from services.forecast.domain.learning.samples import Pairs, View, joined
from services.forecast.domain.learning.training_set import lessons_of
from services.forecast.domain.load.features import LoadView, SiteDays
from services.forecast.domain.metered.timeline import NEVER, Timeline
from services.forecast.domain.solar.features import INDEX_MAX, SolarView
from shared.arrays import Floats, Integers
from shared.intervals import INTERVALS_PER_DAY

STEP_MINUTES = 15
HOUR_STEPS = INTERVALS_PER_DAY / 24
# Days at the end that learning does not see: a model is judged, and its ranges are set, by how it does on them.
HELD_BACK_DAYS = 8
# A model is judged on the later ones, with ranges set by the earlier ones.
SETTING_DAYS = 4
LEARNED_DAYS_MIN = 14
# More teach little and cost much: of more sites or lessons, every second, third, ... is taken.
SITES_MAX, LESSONS_MAX = 32, 40_000
# Of so many sites each is tried at every hour of the days held back; of more, at fewer hours.
SITES_TRIED_HOURLY = 200
# Below this share of an inverter's limit a ratio to the clear sky is mostly noise.
LIGHT_SHARE = 0.05
RULES = {"pv": ROOF, "load": FACTORY}


class MultiSite(Protocol):
    """One kind's sites, as far as they are known."""

    @property
    def rules(self) -> KindRules:
        """Return the kind's rules."""

    @property
    def kw(self) -> Floats:
        """Return what was metered."""

    @property
    def full_kw(self) -> Floats:
        """Return what each site's scales are held against."""

    def view(self, site: int, known_until: int) -> View:
        """Return a site as it was known when an interval began."""


@dataclass(frozen=True, eq=False)
class RoofSites:
    """Solar plants; clear-sky power and elevation reach as far ahead as is forecast."""

    kw: Floats
    clear_kw: Floats
    elevation_deg: Floats
    capacity_kw_ac: Floats

    @property
    def rules(self) -> KindRules:
        """Return the kind's rules."""
        return ROOF

    @property
    def full_kw(self) -> Floats:
        """Return the inverters' limits."""
        return self.capacity_kw_ac

    def view(self, site: int, known_until: int) -> View:
        """Return a roof; where it was not metered, what its neighbours' clear-sky index says of it."""
        own, clear = self.kw[:known_until, site], self.clear_kw[:, site]
        like_others = np.minimum(self._index[:known_until] * clear[:known_until], self.capacity_kw_ac[site])
        return SolarView(
            np.where(np.isfinite(own), own, like_others),
            clear_kw=clear,
            elevation_deg=self.elevation_deg,
            capacity_kw=float(self.capacity_kw_ac[site]),
            steps_per_day=INTERVALS_PER_DAY,
            begin=known_until,
        )

    @cached_property
    def _index(self) -> Floats:
        """Return the complex's clear-sky index; NaN without a metered roof or light."""
        clear = self.clear_kw[: len(self.kw)]
        known = np.isfinite(self.kw) & (clear > LIGHT_SHARE * self.capacity_kw_ac)
        above = np.sum(np.where(known, self.kw, 0.0), axis=1)
        below = np.sum(np.where(known, clear, 0.0), axis=1)
        index: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
        return np.minimum(index, INDEX_MAX)


@dataclass(frozen=True, eq=False)
class Factories:
    """Factories; the calendar reaches as far ahead as is forecast. `usual_kw` stands in where nothing is known."""

    kw: Floats
    calendar: SiteDays
    usual_kw: Floats

    @property
    def rules(self) -> KindRules:
        """Return the kind's rules."""
        return FACTORY

    @cached_property
    def full_kw(self) -> Floats:
        """Return each factory's mean, or what is usual where it was never metered."""
        known = np.isfinite(self.kw)
        total = np.sum(np.where(known, self.kw, 0.0), axis=0)
        count = np.count_nonzero(known, axis=0)
        mean: Floats = np.divide(total, count, out=self.usual_kw.copy(), where=count > 0)
        return np.maximum(mean, 1e-3)

    def view(self, site: int, known_until: int) -> View:
        """Return a factory."""
        full_kw = float(self.full_kw[site])
        return LoadView(self.kw[:known_until, site], self.calendar, INTERVALS_PER_DAY, full_kw, full_kw)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model and by how much each site's P10 goes down and P90 up in each group, (sites x groups)."""

    model: Model
    down: Floats
    up: Floats

    def as_json(self) -> dict[str, Any]:
        """Return what `trained_of` makes the same of."""
        return {"model": self.model.as_json(), "down": self.down.tolist(), "up": self.up.tolist()}


def trained_of(told: dict[str, Any], rules: KindRules) -> Trained:
    """Return what was written by `Trained.as_json`."""
    return Trained(model.model_of(told["model"], rules), np.array(told["down"]), np.array(told["up"]))


def learned(fleet: MultiSite) -> Model | None:
    """Learn from all of its whole days but the last HELD_BACK_DAYS; None where there is too little."""
    begin = len(fleet.kw) - HELD_BACK_DAYS * INTERVALS_PER_DAY
    if begin < LEARNED_DAYS_MIN * INTERVALS_PER_DAY or not np.isfinite(fleet.kw[:begin]).any():
        return None
    sites = range(0, fleet.kw.shape[1], _every(fleet.kw.shape[1], SITES_MAX))
    full_kw = fleet.full_kw
    lessons = model.joined(
        [
            lessons_of(unexamined(fleet.kw[:, site]), fleet.view(site, begin), begin, float(full_kw[site]), fleet.rules)
            for site in sites
        ]
    )
    taken = np.arange(len(lessons.came)) % _every(len(lessons.came), LESSONS_MAX) == 0
    found = model.learned(lessons.where(taken), HOUR_STEPS, fleet.rules)
    return None if found.trees is None else found


def tried(fleet: MultiSite, found: Model) -> tuple[Trained, float]:
    """Try a model on the days held back: return it with each site's ranges, and how it did.

    The figure is the mean pinball loss of P10, P50 and P90 in shares of each site's full power, on the later days with
    ranges set by the earlier ones.
    """
    size = len(fleet.kw)
    later = size - (HELD_BACK_DAYS - SETTING_DAYS) * INTERVALS_PER_DAY
    trials = [_trial(fleet, site, found) for site in range(fleet.kw.shape[1])]
    early = [one.errors.where(one.errors.target < later) for one in trials]
    earlier = _calibrated(found, early, SETTING_DAYS)
    losses = [_loss(earlier, site, one, later) / fleet.full_kw[site] for site, one in enumerate(trials)]
    trained = _calibrated(found, [one.errors for one in trials], HELD_BACK_DAYS)
    return trained, _mean(losses)


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What serves after a day's learning, and how all that could did on the days held back; None: there was none.

    Attributes:
        serving: The model that serves; None is the seasonal forecaster.
        is_new: Whether it was learned just now.
    """

    serving: Trained | None
    is_new: bool
    new_loss: float | None
    serving_loss: float | None
    seasonal_loss: float


def judged(fleet: MultiSite, serving: Model | None, seasonal_loss: float) -> Selection:
    """Learn a new model and let the best of it, the serving one and the seasonal forecaster serve.

    A model that serves on gets ranges by its newest errors all the same.
    """
    found = learned(fleet)
    new, old = (None if one is None else tried(fleet, one) for one in (found, serving))
    best, least, is_new = None, seasonal_loss, False
    for candidate, fresh in ((old, False), (new, True)):
        if candidate is not None and candidate[1] < least:
            (best, least), is_new = candidate, fresh
    return Selection(best, is_new, None if new is None else new[1], None if old is None else old[1], seasonal_loss)


def loss_of(fleet: MultiSite, forecast: Callable[[int], Distribution]) -> float:
    """Return the same figure for a forecaster that needs no learning: it is called with each hourly issue."""
    size, hour = len(fleet.kw), round(HOUR_STEPS)
    leads = model.leads_of(HOUR_STEPS)
    losses = []
    for now in range(size - (HELD_BACK_DAYS - SETTING_DAYS) * INTERVALS_PER_DAY, size, hour):
        steps = leads[now + leads <= size] - 1
        issued = forecast(now).at(steps)
        came = fleet.kw[now + steps]
        known = np.isfinite(came) & (issued.p90 > 0)
        quantiles = np.stack((issued.p10, issued.p50, issued.p90))
        losses.append((pinball_loss(quantiles, came) / fleet.full_kw)[known])
    return _mean(losses)


def issued(fleet: MultiSite, trained: Trained, steps: int) -> Distribution:
    """Forecast the intervals after the metered ones: (steps x sites) [kW], ordered, bounded, 0 in the night."""
    now, sites = len(fleet.kw), fleet.kw.shape[1]
    target = now + np.arange(steps)
    ahead = np.tile(np.arange(steps) + 1, sites)
    origin = np.full(steps, now)
    pairs = joined([fleet.view(site, now).pairs(origin, target) for site in range(sites)])
    site = np.repeat(np.arange(sites), steps)
    raw = trained.model.raw(pairs, ahead, np.zeros((len(ahead), 0)))
    group = trained.model.group_of(ahead, pairs.scale / fleet.full_kw[site])
    kw = _ranged(trained, site, raw, group, pairs.scale)
    if isinstance(fleet, RoofSites):
        kw = np.minimum(kw, fleet.capacity_kw_ac[site][:, None])
    p10, mean, p50, p90 = (kw[:, column].reshape(sites, steps).T for column in (P10, MEAN, P50, P90))
    return Distribution(p10=p10, p50=p50, p90=p90, mean=np.clip(mean, p10, p90))


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    errors: Errors
    pairs: Pairs
    raw: Floats
    came_kw: Floats


def _trial(fleet: MultiSite, site: int, found: Model) -> _Trial:
    """Forecast one site through the days held back."""
    size, apart = len(fleet.kw), round(HOUR_STEPS) * _every(fleet.kw.shape[1], SITES_TRIED_HOURLY)
    issues = np.arange(size - HELD_BACK_DAYS * INTERVALS_PER_DAY, size, apart)
    now = np.repeat(issues, len(found.leads))
    target = now + np.tile(found.leads, len(issues)) - 1
    came = picked(fleet.kw[:, site], target)
    pairs = fleet.view(site, size).pairs(now, target)
    usable = np.isfinite(came) & (pairs.scale > SCALE_MIN_SHARE * fleet.full_kw[site])
    now, target, came, pairs = now[usable], target[usable], came[usable], pairs.where(usable)
    ahead = target - now + 1
    raw = found.raw(pairs, ahead, np.zeros((len(now), 0)))
    group = found.group_of(ahead, pairs.scale / fleet.full_kw[site])
    share = came / pairs.scale
    return _Trial(Errors(now, target, group, raw[:, P10] - share, share - raw[:, P90]), pairs, raw, came)


def _calibrated(found: Model, errors: Sequence[Errors], days: int) -> Trained:
    """Return the moves of each site by its own errors, and by all sites' where it has too few."""
    groups = len(found.samples_a_day)
    samples = np.full(groups, days * 24.0)
    pooled = conformal.moves(conformal.joined(list(errors)), samples)
    down, up = (np.tile(move, (len(errors), 1)) for move in pooled)
    for site, own in enumerate(errors):
        enough = np.bincount(own.group, minlength=groups) >= conformal.SAMPLES_MIN
        moves = conformal.moves(own, samples)
        down[site, enough], up[site, enough] = moves[0][enough], moves[1][enough]
    return Trained(found, down, up)


def _loss(trained: Trained, site: int, trial: _Trial, begin: int) -> Floats:
    later = trial.errors.target >= begin
    sites = np.full(np.count_nonzero(later), site)
    kw = _ranged(trained, sites, trial.raw[later], trial.errors.group[later], trial.pairs.scale[later])
    return pinball_loss(kw[:, [P10, P50, P90]].T, trial.came_kw[later])


def _mean(losses: Sequence[Floats]) -> float:
    known = np.concatenate(losses)
    return float(np.mean(known)) if len(known) else np.inf


def _ranged(trained: Trained, site: Integers, raw: Floats, group: Integers, scale: Floats) -> Floats:
    """Return (pairs x MEAN, P10, P50, P90) in kW, with each site's ranges, in order and never negative."""
    moved = raw.copy()
    moved[:, P10] -= trained.down[site, group]
    moved[:, P90] += trained.up[site, group]
    kw = np.maximum(moved * scale[:, None], 0.0)
    kw[:, [P10, P50, P90]] = np.sort(kw[:, [P10, P50, P90]], axis=1)
    return kw


def _every(count: int, most: int) -> int:
    """Return how far apart those lie of which at most so many are taken."""
    return max(-(-count // most), 1)


def unexamined(kw: Floats) -> Timeline:
    """Return what a site's meter said, of which nothing is refuted."""
    return Timeline(0, STEP_MINUTES, kw, np.full(len(kw), NEVER))
