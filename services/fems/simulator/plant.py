"""A complex's installations as they run: counters, batteries, schedules, and the meters' memories.

Load and sun follow from time alone, so a restart finds the same counters. Only what the batteries did and were told
has to be remembered (`memory`), and with it how far they moved the grid meter from what it would have shown idle.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache

import numpy as np

from services.fems.domain.interval_numbers import epoch_s, number_of, start_of
from services.fems.domain.registers.vendor_models import PROFILE_RECORDS, CommitStatus
from services.fems.domain.simulated.battery import SimulatedBattery
from services.fems.domain.simulated.controls import Control
from services.fems.domain.simulated.dispatch import ScheduleEntry, judge
from services.fems.domain.simulated.field import FeederLine, Field, IdleEnergy, SimulatedSite
from services.fems.domain.simulated.power_profile import UJ_PER_WH
from services.fems.simulator.site import (
    BatteryState,
    FeederPlant,
    IntervalRecord,
    MeterState,
    SavedFeeder,
    SavedSite,
    SitePlant,
)
from shared.intervals import INTERVALS_PER_DAY

logger = logging.getLogger(__name__)

# All counters stood at 0 here; the choice is arbitrary, but the same at every start.
COUNTERS_FROM = number_of(datetime(2025, 12, 31, 15, tzinfo=UTC))
CHUNK_INTERVALS = 30 * INTERVALS_PER_DAY


Energies = Callable[[int, int], Mapping[str, IdleEnergy]]
Save = Callable[[str, SavedSite], None]
LoadFeeder = Callable[[str], SavedFeeder | None]
SaveFeeder = Callable[[str, SavedFeeder], None]


def _new_feeder(meter_id: str) -> None:
    del meter_id


def _forget_feeder(meter_id: str, saved: SavedFeeder) -> None:
    del meter_id, saved


class Plant:
    """A complex's sites and feeders, moving through time together."""

    def __init__(
        self,
        physics: Field,
        saved: Mapping[str, SavedSite],
        save: Save,
        now: datetime,
        *,
        load_feeder: LoadFeeder = _new_feeder,
        save_feeder: SaveFeeder = _forget_feeder,
    ) -> None:
        self._physics = physics
        self._save = save
        self._number = number_of(now)
        totals = _totals(physics, self._number)
        # Sites mostly ask for the same intervals, which are those of all sites.
        energies = cache(physics.energies)
        self.sites = tuple(
            self._started(site, saved.get(site.participant_id), totals, energies) for site in physics.sites
        )
        self._owners = {meter_id: plant for plant in self.sites for meter_id in plant.counters_uj}
        self._save_feeder = save_feeder
        self.feeders = {line.meter_id: self._feeder(line, load_feeder(line.meter_id)) for line in physics.feeders}

    @property
    def number(self) -> int:
        """Return the running interval's number."""
        return self._number

    def catch_up(self, now: datetime) -> None:
        """Run all intervals that have passed since the last call; a clock that went back changes nothing."""
        number = number_of(now)
        if number <= self._number:
            return
        energies = self._physics.energies(self._number + 1, number - self._number)
        ahead = [_idle_intervals(energies[plant.site.participant_id]) for plant in self.sites]
        for _ in range(number - self._number):
            for feeder in self.feeders.values():
                feeder.close()
            for plant, idle in zip(self.sites, ahead, strict=True):
                plant.close()
                plant.open(*next(idle))
        self._number = number
        for plant in self.sites:
            self._remember(plant)
        for feeder in self.feeders.values():
            self._save_feeder(feeder.line.meter_id, feeder.saved())

    def read(self, meter_id: str, now: datetime) -> MeterState:
        """Return what a meter shows."""
        if meter_id in self.feeders:
            return self.feeders[meter_id].read(now)
        return self._owners[meter_id].read(meter_id, now)

    def records(self, meter_id: str) -> deque[IntervalRecord]:
        """Return a meter's memory of completed intervals, oldest first."""
        if meter_id in self.feeders:
            return self.feeders[meter_id].records
        return self._owners[meter_id].records[meter_id]

    def schedule(self, battery_id: str) -> Mapping[int, ScheduleEntry]:
        """Return a converter's accepted entries for the running and coming intervals."""
        return self._owners[battery_id].saved.batteries[battery_id].schedule

    def commit(self, battery: SimulatedBattery, entry: ScheduleEntry, now: datetime) -> CommitStatus:
        """Take an entry into a converter's schedule, durably, or say why not."""
        plant = self._owners[battery.device_id]
        schedule = plant.saved.batteries[battery.device_id].schedule
        status = judge(entry, battery, schedule, now_s=epoch_s(now))
        if status is CommitStatus.ACCEPTED and schedule.get(entry.number) != entry:
            before = dict(schedule)
            schedule[entry.number] = entry
            try:
                self._remember(plant)
            except OSError:
                # What a crash would forget must not be confirmed.
                schedule.clear()
                schedule.update(before)
                raise
        return status

    def controls(self, battery_id: str) -> list[Control]:
        """Return what was written into a converter's control model, the newest last; empty where nothing ever was."""
        return self._owners[battery_id].saved.batteries[battery_id].controls

    def obey(self, battery: SimulatedBattery, control: Control) -> None:
        """Let a converter do from now on what was written into its control model, durably."""
        plant, controls = self._owners[battery.device_id], self.controls(battery.device_id)
        controls.append(control)
        try:
            self._remember(plant)
        except OSError:
            controls.pop()
            raise
        plant.rerun(battery)

    def _feeder(self, line: FeederLine, saved: SavedFeeder | None) -> FeederPlant:
        sites = [plant for plant in self.sites if plant.site.participant_id in line.participant_ids]
        feeder = FeederPlant(line, sites, saved, self._number)
        self._save_feeder(line.meter_id, feeder.saved())
        return feeder

    def _remember(self, plant: SitePlant) -> None:
        if plant.site.batteries:
            self._save(plant.site.participant_id, plant.saved)

    def _started(
        self, site: SimulatedSite, saved: SavedSite | None, totals: Mapping[str, tuple[int, int]], energies: Energies
    ) -> SitePlant:
        """Return a site at the running interval, brought there from what it remembers."""
        if saved is not None and saved.through > self._number:
            facts = {"participant_id": site.participant_id, "through": start_of(saved.through).isoformat()}
            logger.warning("batteries start anew, as their memory is of a later time", extra=facts)
            saved = None
        known = saved or _new(site, self._number)
        since = energies(known.through, self._number - known.through + 1)[site.participant_id]
        counters_uj: dict[str, tuple[int, int]] = {}
        for site_id, produced in since.pv_wh.items():
            counters_uj[site_id] = (0, (totals[site_id][1] - int(produced[:-1].sum())) * UJ_PER_WH)
        net = since.net_wh()[:-1]
        grid = totals[site.grid_meter_id]
        counters_uj[site.grid_meter_id] = (
            (grid[0] - int(np.maximum(net, 0).sum())) * UJ_PER_WH + known.moved_import_uj,
            (grid[1] - int(np.maximum(-net, 0).sum())) * UJ_PER_WH + known.moved_export_uj,
        )
        for battery_id, state in known.batteries.items():
            counters_uj[battery_id] = (state.import_uj, state.export_uj)
        plant = SitePlant(site, known, counters_uj)
        self._fill_memories(plant, energies)
        intervals = _idle_intervals(since)
        plant.open(*next(intervals))
        for idle in intervals:
            plant.close()
            plant.open(*idle)
        self._remember(plant)
        return plant

    @staticmethod
    def _fill_memories(plant: SitePlant, energies: Energies) -> None:
        """Give the meters the records that they had before `through`, from time where memory has none."""
        first = plant.saved.through - PROFILE_RECORDS
        idle = energies(first, PROFILE_RECORDS)[plant.site.participant_id]
        nothing = np.zeros(PROFILE_RECORDS, dtype=np.int64)
        without = dict.fromkeys(plant.saved.batteries, nothing)
        without |= {site_id: -produced for site_id, produced in idle.pv_wh.items()}
        without[plant.site.grid_meter_id] = idle.net_wh()
        for meter_id, net in without.items():
            held = {record.number: record for record in plant.records[meter_id]}
            plant.records[meter_id].clear()
            for number, net_wh in enumerate(net.tolist(), start=first):
                known = held.get(number) or IntervalRecord(number, max(net_wh, 0), max(-net_wh, 0))
                plant.records[meter_id].append(known)


def _idle_intervals(energies: IdleEnergy) -> Iterator[tuple[int, Mapping[str, int], float]]:
    """Yield each interval's load, each roof's energy, and the air."""
    pv_wh = {site_id: produced.tolist() for site_id, produced in energies.pv_wh.items()}
    for position, load_wh in enumerate(energies.load_wh.tolist()):
        produced_wh = {site_id: produced[position] for site_id, produced in pv_wh.items()}
        yield load_wh, produced_wh, float(energies.air_c[position])


def _new(site: SimulatedSite, through: int) -> SavedSite:
    batteries = {battery.device_id: BatteryState(battery.stored_uj_initial) for battery in site.batteries}
    return SavedSite(through, 0, 0, batteries)


def _totals(physics: Field, number: int) -> Mapping[str, tuple[int, int]]:
    """Return every meter's counters at an interval's start, had the batteries always been idle."""
    backwards = number < COUNTERS_FROM
    low, high = min(number, COUNTERS_FROM), max(number, COUNTERS_FROM)
    totals = {
        meter_id: (0, 0)
        for site in physics.sites
        for meter_id in (site.grid_meter_id, *(roof.site_id for roof in site.roofs))
    }
    for first in range(low, high, CHUNK_INTERVALS):
        energies = physics.energies(first, min(CHUNK_INTERVALS, high - first))
        for site in physics.sites:
            idle = energies[site.participant_id]
            net = idle.net_wh()
            found = {site_id: (0, int(produced.sum())) for site_id, produced in idle.pv_wh.items()}
            found[site.grid_meter_id] = (int(np.maximum(net, 0).sum()), int(np.maximum(-net, 0).sum()))
            for meter_id, (import_wh, export_wh) in found.items():
                before = totals[meter_id]
                totals[meter_id] = (before[0] + import_wh, before[1] + export_wh)
    sign = -1 if backwards else 1
    return {meter_id: (sign * import_wh, sign * export_wh) for meter_id, (import_wh, export_wh) in totals.items()}
