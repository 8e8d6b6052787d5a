"""A complex's installations as they run: counters, batteries, schedules, and the meters' memories.

Load and sun follow from time alone, so a restart finds the same counters. Only what the batteries did and were told
has to be remembered (`memory`), and with it how far they moved the grid meter from what it would have shown idle.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from services.fems.domain.battery import MWH_PER_WH, Battery, Flow, run_interval
from services.fems.domain.dispatch import Entry, judge
from services.fems.domain.field import FeederLine, Field, IdleEnergy, Site
from services.fems.domain.numbering import (
    INTERVALS_PER_DAY,
    INTERVALS_PER_HOUR,
    elapsed_fraction,
    epoch_s,
    number_of,
    start_of,
)
from services.fems.domain.vendor_models import PROFILE_RECORDS, CommitStatus

logger = logging.getLogger(__name__)

# All counters stood at 0 here; the choice is arbitrary, but the same at every start.
COUNTERS_FROM = number_of(datetime(2025, 12, 31, 15, tzinfo=UTC))
CHUNK_INTERVALS = 30 * INTERVALS_PER_DAY


@dataclass(frozen=True, slots=True)
class Record:
    """A meter's energy in one interval."""

    number: int
    import_wh: int
    export_wh: int


@dataclass
class BatteryState:
    """A battery between intervals."""

    stored_mwh: int
    import_wh: int = 0
    export_wh: int = 0
    schedule: dict[int, Entry] = field(default_factory=dict)
    records: deque[Record] = field(default_factory=lambda: deque(maxlen=PROFILE_RECORDS))


@dataclass
class SavedSite:
    """What a site with batteries remembers: all before interval `through` is done, and what was moved at its meter."""

    through: int
    moved_import_wh: int
    moved_export_wh: int
    batteries: dict[str, BatteryState]


@dataclass(frozen=True, slots=True)
class Reading:
    """A meter at an instant. Counters are whole Wh since `COUNTERS_FROM`; of the two powers one is 0."""

    import_wh: int
    export_wh: int
    import_w: int
    export_w: int
    stored_wh: int | None


@dataclass(frozen=True, slots=True)
class SavedFeeder:
    """What a feeder's meter remembers: its counters when interval `through` began."""

    through: int
    import_wh: int
    export_wh: int


Save = Callable[[str, SavedSite], None]
LoadFeeder = Callable[[str], SavedFeeder | None]
SaveFeeder = Callable[[str, SavedFeeder], None]


def _new_feeder(meter_id: str) -> None:
    del meter_id


def _forget_feeder(meter_id: str, saved: SavedFeeder) -> None:
    del meter_id, saved


class SitePlant:
    """One factory's installations; `open` and `close` bracket every interval."""

    def __init__(self, site: Site, saved: SavedSite, counters: dict[str, tuple[int, int]]) -> None:
        self.site = site
        self.saved = saved
        self.counters = counters
        self.records: dict[str, deque[Record]] = {meter_id: deque(maxlen=PROFILE_RECORDS) for meter_id in counters}
        for battery_id, state in saved.batteries.items():
            self.records[battery_id] = state.records
        self.running: dict[str, tuple[int, int]] = {}
        self._flows: dict[str, Flow] = {}
        self._idle_grid = (0, 0)

    def open(self, load_wh: int, pv_wh: Mapping[str, int]) -> None:
        """Begin the interval `saved.through`: the batteries take up the set-points they hold for it."""
        idle_net_wh = load_wh - sum(pv_wh.values())
        net_wh = idle_net_wh
        self.running = {site_id: (0, produced) for site_id, produced in pv_wh.items()}
        for battery in self.site.batteries:
            state = self.saved.batteries[battery.device_id]
            entry = state.schedule.get(self.saved.through)
            flow = run_interval(battery, state.stored_mwh, 0 if entry is None else entry.setpoint_w)
            self._flows[battery.device_id] = flow
            self.running[battery.device_id] = (flow.import_wh, flow.export_wh)
            net_wh += flow.import_wh - flow.export_wh
        self._idle_grid = _flow_of(idle_net_wh)
        self.running[self.site.grid_meter_id] = _flow_of(net_wh)

    def close(self) -> None:
        """End the running interval: counters, memories and batteries move on."""
        number = self.saved.through
        for meter_id, (import_wh, export_wh) in self.running.items():
            before = self.counters[meter_id]
            self.counters[meter_id] = (before[0] + import_wh, before[1] + export_wh)
            self.records[meter_id].append(Record(number, import_wh, export_wh))
        for battery_id, flow in self._flows.items():
            state = self.saved.batteries[battery_id]
            state.stored_mwh = flow.stored_mwh
            state.import_wh, state.export_wh = self.counters[battery_id]
            state.schedule.pop(number, None)
        grid = self.running[self.site.grid_meter_id]
        self.saved.moved_import_wh += grid[0] - self._idle_grid[0]
        self.saved.moved_export_wh += grid[1] - self._idle_grid[1]
        self.saved.through = number + 1

    def read(self, meter_id: str, now: datetime) -> Reading:
        """Return what a meter shows at an instant of the running interval."""
        shown = _shown(self.counters[meter_id], self.running[meter_id], now)
        if meter_id not in self._flows:
            return shown
        passed, whole = elapsed_fraction(now)
        before = self.saved.batteries[meter_id].stored_mwh
        stored_mwh = before + (self._flows[meter_id].stored_mwh - before) * passed // whole
        return replace(shown, stored_wh=stored_mwh // MWH_PER_WH)


class FeederPlant:
    """A feeder with a meter: it shows what its factories' grid meters show together, and what the line takes."""

    def __init__(self, line: FeederLine, sites: Sequence[SitePlant], saved: SavedFeeder | None) -> None:
        self.line = line
        self._sites = sites
        memories = [plant.records[plant.site.grid_meter_id] for plant in sites]
        self.records = deque((self._together(same) for same in zip(*memories, strict=True)), maxlen=PROFILE_RECORDS)
        # A line without factories has no records; its meter stands.
        self.through = self.records[-1].number + 1 if self.records else 0
        self.counters = (0, 0)
        if saved is not None and saved.through <= self.through:
            # What flowed while the devices were away for more than a week is not counted any more.
            since = [record for record in self.records if record.number >= saved.through]
            self.counters = _added((saved.import_wh, saved.export_wh), since)

    def saved(self) -> SavedFeeder:
        """Return what the meter remembers."""
        return SavedFeeder(self.through, *self.counters)

    def catch_up(self) -> None:
        """Take in the intervals that the factories have ended."""
        last = [plant.records[plant.site.grid_meter_id] for plant in self._sites]
        fresh = [one for one in zip(*last, strict=True) if one[0].number >= self.through]
        ended = [self._together(same) for same in fresh]
        self.records.extend(ended)
        self.counters = _added(self.counters, ended)
        self.through += len(ended)

    def read(self, now: datetime) -> Reading:
        """Return what the meter shows at an instant of the running interval."""
        running = [Record(0, *plant.running[plant.site.grid_meter_id]) for plant in self._sites]
        flow = self._together(running) if running else Record(0, 0, 0)
        return _shown(self.counters, (flow.import_wh, flow.export_wh), now)

    def _together(self, same: Sequence[Record]) -> Record:
        net_wh = sum(record.import_wh - record.export_wh for record in same)
        return Record(same[0].number, *self.line.carried_wh(net_wh))


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
        self.sites = tuple(self._started(site, saved.get(site.participant_id), totals) for site in physics.sites)
        self._owners = {meter_id: plant for plant in self.sites for meter_id in plant.counters}
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
        energies = self._physics.energies(self._number, number - self._number + 1)
        for plant in self.sites:
            _run(plant, energies[plant.site.participant_id], opened=True)
        self._number = number
        for plant in self.sites:
            self._remember(plant)
        for feeder in self.feeders.values():
            feeder.catch_up()
            self._save_feeder(feeder.line.meter_id, feeder.saved())

    def read(self, meter_id: str, now: datetime) -> Reading:
        """Return what a meter shows."""
        if meter_id in self.feeders:
            return self.feeders[meter_id].read(now)
        return self._owners[meter_id].read(meter_id, now)

    def records(self, meter_id: str) -> deque[Record]:
        """Return a meter's memory of completed intervals, oldest first."""
        if meter_id in self.feeders:
            return self.feeders[meter_id].records
        return self._owners[meter_id].records[meter_id]

    def schedule(self, battery_id: str) -> Mapping[int, Entry]:
        """Return a converter's accepted entries for the running and coming intervals."""
        return self._owners[battery_id].saved.batteries[battery_id].schedule

    def commit(self, battery: Battery, entry: Entry, now: datetime) -> CommitStatus:
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

    def _feeder(self, line: FeederLine, saved: SavedFeeder | None) -> FeederPlant:
        sites = [plant for plant in self.sites if plant.site.participant_id in line.participant_ids]
        feeder = FeederPlant(line, sites, saved)
        self._save_feeder(line.meter_id, feeder.saved())
        return feeder

    def _remember(self, plant: SitePlant) -> None:
        if plant.site.batteries:
            self._save(plant.site.participant_id, plant.saved)

    def _started(self, site: Site, saved: SavedSite | None, totals: Mapping[str, tuple[int, int]]) -> SitePlant:
        """Return a site at the running interval, brought there from what it remembers."""
        if saved is not None and saved.through > self._number:
            facts = {"participant_id": site.participant_id, "through": start_of(saved.through).isoformat()}
            logger.warning("batteries start anew, as their memory is of a later time", extra=facts)
            saved = None
        known = saved or _new(site, self._number)
        since = self._physics.energies(known.through, self._number - known.through + 1)[site.participant_id]
        counters: dict[str, tuple[int, int]] = {}
        for site_id, produced in since.pv_wh.items():
            counters[site_id] = (0, totals[site_id][1] - int(produced[:-1].sum()))
        net = since.net_wh()[:-1]
        grid = totals[site.grid_meter_id]
        counters[site.grid_meter_id] = (
            grid[0] - int(np.maximum(net, 0).sum()) + known.moved_import_wh,
            grid[1] - int(np.maximum(-net, 0).sum()) + known.moved_export_wh,
        )
        for battery_id, state in known.batteries.items():
            counters[battery_id] = (state.import_wh, state.export_wh)
        plant = SitePlant(site, known, counters)
        self._fill_memories(plant)
        _run(plant, since, opened=False)
        self._remember(plant)
        return plant

    def _fill_memories(self, plant: SitePlant) -> None:
        """Give the meters the records that they had before `through`, from time and from the batteries' own."""
        first = plant.saved.through - PROFILE_RECORDS
        idle = self._physics.energies(first, PROFILE_RECORDS)[plant.site.participant_id]
        net = idle.net_wh()
        for battery_id, state in plant.saved.batteries.items():
            held = {record.number: record for record in state.records}
            state.records.clear()
            for position in range(PROFILE_RECORDS):
                record = held.get(first + position) or Record(first + position, 0, 0)
                plant.records[battery_id].append(record)
                net[position] += record.import_wh - record.export_wh
        for position, net_wh in enumerate(net.tolist()):
            plant.records[plant.site.grid_meter_id].append(Record(first + position, *_flow_of(net_wh)))
            for site_id, produced in idle.pv_wh.items():
                plant.records[site_id].append(Record(first + position, 0, int(produced[position])))


def _shown(counted: tuple[int, int], running: tuple[int, int], now: datetime) -> Reading:
    """Return what a meter shows: its counters at the running interval's start, and what has flowed since."""
    passed, whole = elapsed_fraction(now)
    return Reading(
        import_wh=counted[0] + running[0] * passed // whole,
        export_wh=counted[1] + running[1] * passed // whole,
        import_w=running[0] * INTERVALS_PER_HOUR,
        export_w=running[1] * INTERVALS_PER_HOUR,
        stored_wh=None,
    )


def _added(counters: tuple[int, int], records: Iterable[Record]) -> tuple[int, int]:
    import_wh, export_wh = counters
    for record in records:
        import_wh, export_wh = import_wh + record.import_wh, export_wh + record.export_wh
    return import_wh, export_wh


def _flow_of(net_wh: int) -> tuple[int, int]:
    """Return a net energy as import and export."""
    return max(net_wh, 0), max(-net_wh, 0)


def _run(plant: SitePlant, energies: IdleEnergy, *, opened: bool) -> None:
    """Run a site through intervals and open the last one; `opened` says that the first is running already."""
    pv_wh = {site_id: produced.tolist() for site_id, produced in energies.pv_wh.items()}
    for position, load_wh in enumerate(energies.load_wh.tolist()):
        if position > 0:
            plant.close()
        if position > 0 or not opened:
            plant.open(load_wh, {site_id: produced[position] for site_id, produced in pv_wh.items()})


def _new(site: Site, through: int) -> SavedSite:
    batteries = {battery.device_id: BatteryState(battery.stored_mwh_initial) for battery in site.batteries}
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
