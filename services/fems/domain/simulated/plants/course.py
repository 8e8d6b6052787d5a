"""A plant's power over its own days, in steps of five minutes: who works, what runs, what heats, what the air asks for.

It is built bottom up, as load studies do: a shift schedule opens windows, machines change between states within them,
batches follow their cycles, the weather adds its part, and slow noise lies over all of it. Arrays are (own days x
steps); an own day begins where the plant's file says, so that no shift and no job reaches into the next one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import get_args

import numpy as np

from services.fems.domain.simulated.draws import seed_of, smooth, uniform
from services.fems.domain.simulated.plants.archetypes import (
    MINUTES_PER_DAY,
    Archetype,
    Batches,
    Climate,
    DayKind,
    Jobs,
    Machines,
)
from services.fems.domain.simulated.plants.calendar import SHUTDOWN
from shared.arrays import Flags, Floats, Integers

STEP_MINUTES = 5
STEPS = MINUTES_PER_DAY // STEP_MINUTES
HOUR_STEPS = 60 // STEP_MINUTES
# A shift begins a little earlier or later each day.
START_SPREAD_MINUTES = 5
# What is never switched off has pumps, fans and chargers that come and go within the hour.
BASE_SPREAD, BASE_STEPS = 0.15, 5
# How much a cycle's heating differs from the next one's.
HEAT_SPREAD = 0.12
# More cycles or numbers than that has no day.
DRAWS_A_DAY = 512
KINDS: tuple[DayKind, ...] = get_args(DayKind)


@dataclass(frozen=True, slots=True)
class OwnDays:
    """Consecutive days of a plant: their numbers from 1970, their kinds, and the air outdoors (days x steps)."""

    number: Integers
    kind: Integers
    air_c: Floats

    def of(self, kinds: Collection[DayKind]) -> Flags:
        """Say which days are of some kinds."""
        return np.isin(self.kind, [KINDS.index(kind) for kind in kinds])


@dataclass(frozen=True, slots=True)
class Staffing:
    """How many of all machines are manned (days x steps), and when each day's work begins and ends, in minutes of it.

    Where nobody works a day's begin is its end.
    """

    level: Floats
    begin: Floats
    end: Floats


def power_kw(plant: Archetype, days: OwnDays, seed: int) -> Floats:
    """Return the power in each step, at the size of the plant's file."""
    minute = np.arange(STEPS, dtype=np.float64) * STEP_MINUTES
    staffing = staffing_of(plant, days, minute, seed)
    standby = np.where(days.kind == SHUTDOWN, 1.0 if plant.shutdown is None else plant.shutdown.base_left, 1.0)
    at = _consecutive(days)
    pumps = smooth(seed_of(seed, "base"), at, every=BASE_STEPS).reshape(-1, STEPS)
    kw = plant.base_kw * standby[:, None] * (1 + BASE_SPREAD * (2 * pumps - 1))
    for place, machines in enumerate(plant.machines):
        kw += machines_kw(machines, days, staffing, seed_of(seed, "machines", place))
    for place, batches in enumerate(plant.batches):
        kw += batches_kw(batches, days, staffing, minute, seed_of(seed, "batches", place))
    for place, jobs in enumerate(plant.jobs):
        comes = days.of(jobs.days) & ((staffing.end > staffing.begin) | (not jobs.with_work))
        kw += jobs_kw(jobs, days.number, comes, minute + plant.day_begins, seed_of(seed, "jobs", place))
    for climate in plant.climate:
        kw += climate_kw(climate, days, staffing)
    wander = smooth(seed_of(seed, "hours"), at, every=4 * HOUR_STEPS) + smooth(seed_of(seed, "minutes"), at, every=6)
    return np.asarray(kw * (1 + plant.wobble * (wander.reshape(kw.shape) - 1)))


def staffing_of(plant: Archetype, days: OwnDays, minute: Floats, seed: int) -> Staffing:
    """Return who works when."""
    level = np.zeros((len(days.number), STEPS))
    begin, end = np.full(len(level), np.inf), np.full(len(level), -np.inf)
    for place, shift in enumerate(plant.shifts):
        present = days.of(shift.days) & (uniform(seed_of(seed, "shift", place), days.number) < shift.chance)
        off = (2 * uniform(seed_of(seed, "start", place), days.number) - 1) * min(
            START_SPREAD_MINUTES, shift.ramp_minutes
        )
        start, stop = (clock - plant.day_begins + off for clock in (shift.start, shift.end))
        middle = minute + STEP_MINUTES / 2
        up, down = middle - start[:, None], stop[:, None] - middle
        manned = shift.staff * np.clip(np.minimum(up, down) / max(shift.ramp_minutes, STEP_MINUTES / 2), 0, 1)
        level = np.maximum(level, np.where(present[:, None], manned, 0.0))
        begin = np.where(present, np.minimum(begin, start), begin)
        end = np.where(present, np.maximum(end, stop), end)
    for pause in plant.breaks:
        since = minute + plant.day_begins - pause.at
        level[:, (since >= 0) & (since < pause.minutes)] *= pause.left
    busy = smooth(seed_of(seed, "weeks"), days.number, every=7) + 0.5 * uniform(seed_of(seed, "days"), days.number)
    level *= np.clip(1 + plant.activity * (2 * busy / 1.5 - 1), 0, None)[:, None]
    works = end > begin
    return Staffing(np.minimum(level, 1.0), np.where(works, begin, 0.0), np.where(works, end, 0.0))


def machines_kw(machines: Machines, days: OwnDays, staffing: Staffing, seed: int) -> Floats:
    """Return what machines draw that run and wait in spells while they are manned, the first ones first."""
    hold = max(round(machines.hold_minutes / STEP_MINUTES), 1)
    manned = (staffing.level * machines.count).reshape(-1)
    at = _consecutive(days)
    seeds = [seed_of(seed, machine) for machine in range(int(np.ceil(manned.max(initial=0.0))))]
    first = int(at[0]) // hold
    on = uniform(seeds, np.arange(first, (int(at[-1]) + hold) // hold + 1)) < machines.duty
    runs = np.repeat(np.where(on, 1.0, machines.idle), hold, axis=1)
    used = np.zeros(len(at))
    for machine, own in enumerate(seeds):
        # Each changes at its own minutes.
        begin = int(at[0]) - first * hold + own % hold
        used += np.clip(manned - machine, 0, 1) * runs[machine, begin : begin + len(at)]
    return machines.kw * used.reshape(staffing.level.shape)


def batches_kw(batches: Batches, days: OwnDays, staffing: Staffing, minute: Floats, seed: int) -> Floats:
    """Return what furnaces draw that follow their cycles while people work, each a part of a cycle after the other."""
    whole = np.zeros_like(staffing.begin)
    begin, end = (whole, whole + MINUTES_PER_DAY) if batches.always else (staffing.begin, staffing.end)
    length = batches.cycle_minutes
    # No day's cycles begin where the day before's did.
    met = uniform(seed, days.number)[:, None] * length
    works = (minute >= begin[:, None]) & (minute < end[:, None])
    kw = np.zeros_like(staffing.level)
    for unit in range(batches.count):
        since = minute - begin[:, None] + met - unit * length / batches.count
        cycle = np.floor(since / length)
        # Counted so that none is below 0, as units begin behind each other.
        draws = uniform(
            seed_of(seed, unit), days.number[:, None] * DRAWS_A_DAY + cycle.astype(np.int64) + DRAWS_A_DAY // 2
        )
        heat = batches.heat_share * (1 + HEAT_SPREAD * (2 * draws - 1)) * length
        hot = np.where(since - cycle * length < heat, batches.kw, batches.hold_kw)
        kw += np.where(works, hot, 0.0)
    return kw


def jobs_kw(jobs: Jobs, days: Integers, comes: Flags, clock: Floats, seed: int) -> Floats:
    """Return what jobs draw on the days on which they come; within a step they count with their part of it."""
    kw = np.zeros((len(days), STEPS))
    shortest, longest = jobs.minutes
    ends = clock[-1] + STEP_MINUTES
    seeds = [seed_of(seed, unit) for unit in range(jobs.count)]
    early, late, lasts, luck = (uniform(seeds, days * DRAWS_A_DAY + draw)[..., None] for draw in range(4))
    start = jobs.start + jobs.spread_minutes * (early + late - 1)
    stop = np.minimum(start + shortest + (longest - shortest) * lasts, ends)
    runs = comes[:, None] & (luck < jobs.chance)
    for unit in range(jobs.count):
        within = np.minimum(stop[unit], clock + STEP_MINUTES) - np.maximum(start[unit], clock)
        kw += np.where(runs[unit], np.clip(within, 0, STEP_MINUTES) * (jobs.kw / STEP_MINUTES), 0.0)
    return kw


def climate_kw(climate: Climate, days: OwnDays, staffing: Staffing) -> Floats:
    """Return what cooling or heating draws."""
    off_k = days.air_c - climate.above_c if climate.above_c is not None else (climate.below_c or 0.0) - days.air_c
    kw = np.clip(climate.kw_per_k * off_k, 0, climate.kw_max)
    return np.asarray(kw * staffing.level if climate.staffed else kw)


def _consecutive(days: OwnDays) -> Integers:
    """Return the numbers of all steps of consecutive days."""
    return np.arange(days.number[0] * STEPS, (days.number[-1] + 1) * STEPS)
