"""What of a meter's history can't be believed, why, and from when on that could be known.

Every rule looks backwards only: an interval is refuted by itself or by later ones, and `rejected_at` says when, so that
a forecast issued in between is not told.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from services.forecast.domain.metered.site import Site, SiteKind
from services.forecast.domain.metered.timeline import MINUTES_PER_DAY, NEVER, Timeline
from services.forecast.domain.solar.geometry import Sun
from shared.arrays import Flags, Floats, Integers

# What loggers write for "no value": -99 and its kin, and the ends of 16 and 32 bit registers, also in tenths.
SENTINELS = (-99.0, -99.9, -999.0, -9999.0, -99999.0, 6553.4, 6553.5, 65534.0, 65535.0, 3276.7, 32767.0, -32768.0)
STEPS_LOOKED_AT = 2_000
# An inverter may pass its rating by a little; a fifth more is a wrong unit or a wrong meter.
PV_OVER_CAPACITY = 1.2
# A factory that draws ten times what it hardly ever drew in the last four weeks is a meter that jumped.
LOAD_SPIKE_FACTOR = 10.0
LOAD_SPIKE_DAYS = 28
CLIPPED_SHARE = 0.97
STUCK_PV_MINUTES = 90
STUCK_LOAD_MINUTES = 360
# A factory that rests draws what it draws in its quietest hours, or nothing: a state, and no fault of its meter.
REST_QUANTILE, REST_MARGIN = 0.1, 0.01
ZERO_PV_MINUTES = 360
HIGH_SUN_DEG = 8.0
# More than this share of the inverter's power while the sun is down: the clock is wrong, or the place.
NIGHT_POWER_SHARE = 0.01
# Of a shifted clock even a dim dusk tells; power in the deep night as well is an offset, and no shift.
DUSK_POWER_SHARE = 0.002
DEEP_NIGHT_DEG = -18.0
SHIFT_FORGOTTEN_DAYS = 7
SHIFT_MINUTES = 60
EXAMPLES = 5
# Power that was computed from energy differs in its last bit from power that was read, and trees notice.
KW_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """Intervals that one rule refuted, and the first few runs of them: (first, end), from the timeline's first."""

    rule: str
    intervals: int
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Gridded:
    """Rows put on the grid, and those that found no place on it."""

    timeline: Timeline
    findings: tuple[Finding, ...]
    given: int


def step_minutes_of(start_minute: Integers) -> int | None:
    """Return the usual distance of the first rows; None where that is no divisor of a day."""
    distances = np.diff(np.unique(start_minute[:STEPS_LOOKED_AT]))
    if not len(distances):
        return None
    step = int(np.bincount(np.minimum(distances, MINUTES_PER_DAY)).argmax())
    return step if MINUTES_PER_DAY % step == 0 and step <= 60 else None  # noqa: PLR2004 -- an hour


def on_grid(start_minute: Integers, kw: Floats, step_minutes: int, begin_minute: int | None = None) -> Gridded:
    """Put rows on the grid; of an interval given twice the same is taken once, and different powers not at all.

    The grid begins with the first row, or at `begin_minute` if that is earlier.
    """
    fits = start_minute % step_minutes == 0
    number, power_kw = start_minute[fits] // step_minutes, kw[fits]
    if not len(number):  # nothing fits: one unknown interval
        number, power_kw = start_minute[:1] // step_minutes, np.array([np.nan])
    first = given_first = int(number.min())
    first = first if begin_minute is None else min(first, begin_minute // step_minutes)
    size = int(number.max()) - first + 1
    place = number - first
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    known = np.isfinite(power_kw)
    np.minimum.at(low, place[known], power_kw[known])
    np.maximum.at(high, place[known], power_kw[known])
    times = np.bincount(place, minlength=size)
    merged = np.where(np.isfinite(low), low, np.nan)
    at_odds = np.isfinite(low) & (high > low)
    rejected_at = np.full(size, NEVER)
    rejected_at[at_odds] = np.flatnonzero(at_odds) + 1
    findings = [
        Finding("missing", *_spans(~np.isfinite(low) & (np.arange(size) >= given_first - first))),
        Finding("duplicate", *_spans(times > 1)),
        Finding("duplicate_with_another_value", *_spans(at_odds)),
        Finding("off_the_grid", int(np.count_nonzero(~fits)), ()),
    ]
    timeline = Timeline(first, step_minutes, merged, rejected_at)
    return Gridded(timeline, tuple(one for one in findings if one.intervals), len(start_minute))


def examined(gridded: Gridded, site: Site, sun: Sun | None) -> tuple[Timeline, tuple[Finding, ...]]:
    """Refute what can't be believed; `sun` is over the timeline (or longer), None for a factory."""
    timeline = gridded.timeline
    rejected_at = timeline.rejected_at.copy()
    findings = list(gridded.findings)

    def apply(rule: str, check: Callable[[Floats], Integers]) -> None:
        """Run one rule on what the earlier ones left."""
        left = np.where(rejected_at == NEVER, timeline.kw, np.nan)
        known_at = check(left)
        hit = (known_at < NEVER) & np.isfinite(left)
        if hit.any():
            rejected_at[hit] = known_at[hit]
            findings.append(Finding(rule, *_spans(hit)))

    step = timeline.step_minutes
    apply("sentinel", lambda kw: _at_once(np.isin(np.round(kw, 4), SENTINELS)))
    if site.kind is SiteKind.PV:
        assert sun is not None  # noqa: S101 -- a solar plant has one; narrows the type
        assert site.capacity_kw_ac is not None  # noqa: S101 -- the same
        capacity_kw, size = site.capacity_kw_ac, len(timeline.kw)
        dark, elevation_deg = sun.dark[:size], sun.elevation_deg[:size]
        apply("above_capacity", lambda kw: _at_once(kw > PV_OVER_CAPACITY * capacity_kw))
        apply("negative_at_night", lambda kw: _at_once((kw < 0) & ~sun.up[:size]))
        apply("negative_by_day", lambda kw: _at_once(kw < -NIGHT_POWER_SHARE * capacity_kw))
        apply("clock_shift", lambda kw: _clock_shift(kw > DUSK_POWER_SHARE * capacity_kw, sun, timeline))
        apply("power_at_night", lambda kw: _at_once(dark & (kw > NIGHT_POWER_SHARE * capacity_kw)))
        high = elevation_deg > HIGH_SUN_DEG
        apply("all_zero", lambda kw: _runs((kw <= 0) & high, high, ZERO_PV_MINUTES // step))
        moving = high & ~np.isnan(timeline.kw)
        apply(
            "stuck",
            lambda kw: _runs(
                _same(kw) & high & (kw > 0) & (kw < CLIPPED_SHARE * capacity_kw), moving, STUCK_PV_MINUTES // step
            ),
        )
    else:
        anything = np.ones(len(timeline.kw), dtype=np.bool_)
        apply("negative", lambda kw: _at_once(kw < 0))
        apply("spike", lambda kw: _at_once(_spikes(kw, timeline.steps_per_day)))
        works = ~_rests(timeline.kw, timeline.steps_per_day)
        apply("stuck", lambda kw: _runs(_same(kw) & works, anything, STUCK_LOAD_MINUTES // step))
    kw = np.where(np.isfinite(timeline.kw), np.round(np.maximum(timeline.kw, 0.0), KW_DECIMALS), np.nan)
    if site.capacity_kw_ac is not None and site.kind is SiteKind.PV:
        kw = np.minimum(kw, site.capacity_kw_ac)
    return Timeline(timeline.first, step, kw, rejected_at), tuple(findings)


def _at_once(wrong: Flags) -> Integers:
    """Return for each interval when it is refuted, if it refutes itself: at its end."""
    return np.where(wrong, np.arange(len(wrong)) + 1, NEVER)


def _same(kw: Floats) -> Flags:
    """Say of each interval whether it repeats the one before it or is repeated by the next one."""
    repeats = np.concatenate(([False], kw[1:] == kw[:-1]))
    return repeats | np.concatenate((repeats[1:], [False]))


def _runs(wrong: Flags, counted: Flags, enough: int) -> Integers:
    """Return when runs of wrong intervals become too long; intervals that are not counted neither lengthen nor end one.

    The first ones of a run are refuted when it is long enough, the others at their own end.
    """
    known_at = np.full(len(wrong), NEVER)
    places = np.flatnonzero(counted)
    flags = wrong[places]
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start >= enough:
            run = places[start:end]
            known_at[run] = np.maximum(run + 1, run[enough - 1] + 1)
    return known_at


def _spikes(kw: Floats, steps_per_day: int) -> Flags:
    window = LOAD_SPIKE_DAYS * steps_per_day
    usual = pd.Series(kw).rolling(window, min_periods=2 * steps_per_day).quantile(0.98).shift(1).to_numpy()
    spikes: Flags = kw > LOAD_SPIKE_FACTOR * np.maximum(usual, 1e-9)
    return spikes


def _rests(kw: Floats, steps_per_day: int) -> Flags:
    """Say of each interval whether a factory drew nothing, or what it draws in the quietest hours of its last weeks."""
    window = LOAD_SPIKE_DAYS * steps_per_day
    quiet_kw = pd.Series(kw).rolling(window, min_periods=1).quantile(REST_QUANTILE).to_numpy()
    rests: Flags = (kw == 0) | (np.abs(kw - quiet_kw) <= REST_MARGIN * quiet_kw)
    return rests


def _clock_shift(powered: Flags, sun: Sun, timeline: Timeline) -> Integers:
    """Return when solar days are refuted by power in the dark: that day, and those after it until one looks right.

    A clock that is an hour late or early moves power over one end of the day and takes it from the other; a later day
    looks right when there is power within the first and the last hour of the sun.
    """
    size, day_steps = len(powered), timeline.steps_per_day
    hour = max(SHIFT_MINUTES // timeline.step_minutes, 1)
    up, dark = sun.up[:size], sun.dark[:size]
    deep = sun.elevation_deg[:size] < DEEP_NIGHT_DEG
    known_at = np.full(size, NEVER)
    suspect_left, shifted_since = 0, False
    # A day lasts from a night's middle to the next one's: the darkest interval of the first day is as good as any.
    noon = int(np.argmax(sun.elevation_deg[: min(size, day_steps)]))
    for start in range(noon - day_steps // 2 - day_steps, size, day_steps):
        rows = np.arange(max(start, 0), min(max(start + day_steps, 0), size))
        light = rows[up[rows]]
        if not len(light):
            continue
        at_night = rows[powered[rows] & dark[rows]]
        offset = powered[rows][deep[rows]].any()
        if len(at_night) >= 2 and not offset:  # noqa: PLR2004 -- one could be a spike
            known_at[rows] = np.maximum(rows + 1, at_night[1] + 1)
            suspect_left, shifted_since = SHIFT_FORGOTTEN_DAYS, True
        elif shifted_since and powered[light[: hour + 1]].any() and powered[light[-hour - 1 :]].any():
            shifted_since = False
        elif shifted_since and suspect_left > 0:
            known_at[rows] = rows + 1
            suspect_left -= 1
    return known_at


def _spans(wrong: Flags) -> tuple[int, tuple[tuple[int, int], ...]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], wrong, [False])).astype(np.int8)))
    runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    return int(np.count_nonzero(wrong)), tuple(runs[:EXAMPLES])
