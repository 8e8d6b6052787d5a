"""One factory's installations, and a feeder's meter, as they run through one interval after the other."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.fems.domain.interval_numbers import elapsed_us
from services.fems.domain.registers.vendor_models import PROFILE_RECORDS
from services.fems.domain.simulated.battery import SimulatedBattery, run_interval
from services.fems.domain.simulated.cabinet import cabinet_c
from services.fems.domain.simulated.controls import Control, targets
from services.fems.domain.simulated.dispatch import ScheduleEntry
from services.fems.domain.simulated.field import FeederLine, SimulatedSite
from services.fems.domain.simulated.power_profile import INTERVAL_US, UJ_PER_WH, US_PER_S, Course, steady, together
from shared.intervals import INTERVALS_PER_HOUR


@dataclass(frozen=True, slots=True)
class IntervalRecord:
    """A meter's energy in one interval."""

    number: int
    import_wh: int
    export_wh: int


@dataclass
class BatteryState:
    """A battery when the running interval began, and what it was told.

    Attributes:
        power_w: What it did just before; positive charges.
        controls: What stood in its control model then, and what was written there since.
    """

    stored_uj: int
    power_w: int = 0
    import_uj: int = 0
    export_uj: int = 0
    schedule: dict[int, ScheduleEntry] = field(default_factory=dict)
    controls: list[Control] = field(default_factory=list)
    records: deque[IntervalRecord] = field(default_factory=lambda: deque(maxlen=PROFILE_RECORDS))


@dataclass
class SavedSite:
    """What a site with batteries remembers: all before interval `through` is done, and what was moved at its meter.

    Attributes:
        records: The grid meter's.
    """

    through: int
    moved_import_uj: int
    moved_export_uj: int
    batteries: dict[str, BatteryState]
    records: deque[IntervalRecord] = field(default_factory=lambda: deque(maxlen=PROFILE_RECORDS))


@dataclass(frozen=True, slots=True)
class MeterState:
    """A meter at an instant. Counters are whole Wh since `COUNTERS_FROM`; of the two powers one is 0.

    Attributes:
        air_c: The air outdoors, where the device measures it.
        cabinet_c: The air in its cabinet, where it has one.
    """

    import_wh: int
    export_wh: int
    import_w: int
    export_w: int
    stored_wh: int | None = None
    air_c: float | None = None
    cabinet_c: float | None = None


@dataclass(frozen=True, slots=True)
class SavedFeeder:
    """What a feeder's meter remembers: its counters when interval `through` began."""

    through: int
    import_wh: int
    export_wh: int


class SitePlant:
    """One factory's installations; `open` and `close` bracket every interval."""

    def __init__(self, site: SimulatedSite, saved: SavedSite, counters_uj: dict[str, tuple[int, int]]) -> None:
        self.site = site
        self.saved = saved
        self.counters_uj = counters_uj
        self.records: dict[str, deque[IntervalRecord]] = {
            meter_id: deque(maxlen=PROFILE_RECORDS) for meter_id in counters_uj
        }
        self.records[site.grid_meter_id] = saved.records
        for battery_id, state in saved.batteries.items():
            self.records[battery_id] = state.records
        self.courses: dict[str, Course] = {}
        self._idle = steady(0)
        self._air_c = 0.0

    @property
    def grid_course(self) -> Course:
        """Return what the grid meter sees in the running interval."""
        return self.courses[self.site.grid_meter_id]

    def open(self, load_wh: int, pv_wh: Mapping[str, int], air_c: float) -> None:
        """Begin the interval `saved.through`: the batteries take up what they were told for it."""
        self._air_c = air_c
        self._idle = steady((load_wh - sum(pv_wh.values())) * INTERVALS_PER_HOUR)
        self.courses = {site_id: steady(-produced * INTERVALS_PER_HOUR) for site_id, produced in pv_wh.items()}
        for battery in self.site.batteries:
            self.rerun(battery, balanced=False)
        self._balance()

    def rerun(self, battery: SimulatedBattery, *, balanced: bool = True) -> None:
        """Let a battery do what it is told in the running interval; what has passed of it comes out the same."""
        number, state = self.saved.through, self.saved.batteries[battery.device_id]
        entry = state.schedule.get(number)
        told = targets(state.controls, 0 if entry is None else entry.setpoint_w, battery, start_us=number * INTERVAL_US)
        self.courses[battery.device_id] = run_interval(battery, state.stored_uj, state.power_w, told)
        if balanced:
            self._balance()

    def close(self) -> None:
        """End the running interval: counters, memories and batteries move on."""
        number = self.saved.through
        for meter_id, course in self.courses.items():
            before, flow_uj = self.counters_uj[meter_id], course.energy_uj(INTERVAL_US)
            after = (before[0] + flow_uj[0], before[1] + flow_uj[1])
            self.counters_uj[meter_id] = after
            moved_wh = [end // UJ_PER_WH - start // UJ_PER_WH for start, end in zip(before, after, strict=True)]
            self.records[meter_id].append(IntervalRecord(number, *moved_wh))
        for battery in self.site.batteries:
            state, course = self.saved.batteries[battery.device_id], self.courses[battery.device_id]
            state.stored_uj = battery.stored_uj_after(state.stored_uj, course.energy_uj(INTERVAL_US))
            state.power_w = course.powers_w[-1]
            state.import_uj, state.export_uj = self.counters_uj[battery.device_id]
            state.schedule.pop(number, None)
            del state.controls[:-1]
        grid_uj, idle_uj = self.grid_course.energy_uj(INTERVAL_US), self._idle.energy_uj(INTERVAL_US)
        self.saved.moved_import_uj += grid_uj[0] - idle_uj[0]
        self.saved.moved_export_uj += grid_uj[1] - idle_uj[1]
        self.saved.through = number + 1

    def read(self, meter_id: str, now: datetime) -> MeterState:
        """Return what a meter shows at an instant of the running interval."""
        at_us, course = elapsed_us(now), self.courses[meter_id]
        flow_uj = course.energy_uj(at_us)
        shown = _shown(self.counters_uj[meter_id], flow_uj, course.power_w(at_us))
        # What has flowed so far, and in the interval before, as mean powers in and out.
        now_w = [flowed_uj / max(at_us, 1) for flowed_uj in flow_uj]
        last = self.records[meter_id][-1]
        before_w = [INTERVALS_PER_HOUR * wh for wh in (last.import_wh, last.export_wh)]
        for battery in self.site.batteries:
            if battery.device_id == meter_id:
                stored_uj = battery.stored_uj_after(self.saved.batteries[meter_id].stored_uj, flow_uj)
                shown = replace(shown, stored_wh=stored_uj // UJ_PER_WH)
                warmths = [battery.loss_w(*mean_w) / battery.loss_w_rated for mean_w in (before_w, now_w)]
                return self._warmed(shown, warmths, at_us)
        for roof in self.site.roofs:
            if roof.site_id == meter_id:
                warmths = [roof.loss_w(mean_w[1]) / roof.loss_w_rated for mean_w in (before_w, now_w)]
                return self._warmed(shown, warmths, at_us)
        return shown

    def _warmed(self, shown: MeterState, warmths: Sequence[float], at_us: int) -> MeterState:
        before, now = warmths
        warm_c = cabinet_c(self._air_c, warmth_before=before, warmth=now, elapsed_s=at_us / US_PER_S)
        return replace(shown, air_c=self._air_c, cabinet_c=warm_c)

    def _balance(self) -> None:
        batteries = [self.courses[battery.device_id] for battery in self.site.batteries]
        self.courses[self.site.grid_meter_id] = together([self._idle, *batteries])


class FeederPlant:
    """A feeder with a meter: it shows what its factories' grid meters show together, and what the line takes."""

    def __init__(self, line: FeederLine, sites: Sequence[SitePlant], saved: SavedFeeder | None, number: int) -> None:
        self.line = line
        self.through = number
        self._sites = sites
        # A line may have no factories; its meter then stands.
        nothing = [IntervalRecord(one, 0, 0) for one in range(number - PROFILE_RECORDS, number)]
        memories = [nothing, *(plant.records[plant.site.grid_meter_id] for plant in sites)]
        self.records = deque((self._recorded(same) for same in zip(*memories, strict=True)), maxlen=PROFILE_RECORDS)
        self.counters = (0, 0)
        if saved is not None and saved.through <= self.through:
            # What flowed while the devices were away for more than a week is not counted any more.
            since = [record for record in self.records if record.number >= saved.through]
            self.counters = _added((saved.import_wh, saved.export_wh), since)

    def saved(self) -> SavedFeeder:
        """Return what the meter remembers."""
        return SavedFeeder(self.through, *self.counters)

    def close(self) -> None:
        """Take in the running interval, before the factories end it."""
        ended = IntervalRecord(self.through, *self._flow_wh(INTERVAL_US))
        self.records.append(ended)
        self.counters = _added(self.counters, [ended])
        self.through += 1

    def read(self, now: datetime) -> MeterState:
        """Return what the meter shows at an instant of the running interval."""
        at_us = elapsed_us(now)
        import_wh, export_wh = self._flow_wh(at_us)
        import_w, export_w = self.line.carried(*_flow_of(self._course().power_w(at_us)))
        return MeterState(self.counters[0] + import_wh, self.counters[1] + export_wh, import_w, export_w)

    def _course(self) -> Course:
        return together([steady(0), *(plant.grid_course for plant in self._sites)])

    def _flow_wh(self, at_us: int) -> tuple[int, int]:
        import_uj, export_uj = self.line.carried(*self._course().energy_uj(at_us))
        return import_uj // UJ_PER_WH, export_uj // UJ_PER_WH

    def _recorded(self, same: Sequence[IntervalRecord]) -> IntervalRecord:
        net_wh = sum(record.import_wh - record.export_wh for record in same)
        return IntervalRecord(same[0].number, *self.line.carried(*_flow_of(net_wh)))


def _shown(counted_uj: tuple[int, int], flow_uj: tuple[int, int], power_w: int) -> MeterState:
    """Return what a meter shows: its counters at the running interval's start, and what has flowed since."""
    import_wh, export_wh = ((before + since) // UJ_PER_WH for before, since in zip(counted_uj, flow_uj, strict=True))
    return MeterState(import_wh, export_wh, *_flow_of(power_w))


def _added(counters: tuple[int, int], records: Iterable[IntervalRecord]) -> tuple[int, int]:
    import_wh, export_wh = counters
    for record in records:
        import_wh, export_wh = import_wh + record.import_wh, export_wh + record.export_wh
    return import_wh, export_wh


def _flow_of(net: int) -> tuple[int, int]:
    """Return a net power or energy as what flows in and what flows out."""
    return max(net, 0), max(-net, 0)
