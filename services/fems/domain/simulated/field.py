"""What a complex's meters would measure with its batteries idle.

A pure function of the complex file, of time, and of what the complex is asked to go through.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache, partial
from itertools import pairwise
from typing import TypeVar

import numpy as np

from services.fems.domain.simulated.battery import PPM, RAMP_STEPS_PER_S, SimulatedBattery
from services.fems.domain.simulated.conditions import AS_EVER, Conditions, as_ever
from services.fems.domain.simulated.load import LoadProfile, ReplayedLoad
from services.fems.domain.simulated.plants.archetypes import Archetype
from services.fems.domain.simulated.plants.calendar import rest_numbers
from services.fems.domain.simulated.plants.load import AirC, PlantLoad
from services.fems.domain.simulated.power_profile import UJ_PER_WH
from services.fems.domain.simulated.roof import Roof, energy_wh
from services.fems.domain.simulated.sky import SkyPlace, air_temperature_c, clear_sky_ghi, clearness_on_day, sun_on_day
from shared.arrays import Floats, Integers
from shared.complex.model import Complex, Ess, Feeder, FeederMeter, Participant
from shared.intervals import INTERVALS_PER_DAY, INTERVALS_PER_HOUR
from shared.units import WH_PER_KWH

DAYS_KEPT = 8
# Of the air, which is a day's alone and small: a year, and the days around it.
AIR_DAYS_KEPT = 400


@dataclass(frozen=True, slots=True)
class LoadSources:
    """What a complex's loads are made of, by the names that its file gives.

    Attributes:
        rest_days: Public holidays.
    """

    profiles: Mapping[str, LoadProfile] = field(default_factory=dict)
    plants: Mapping[str, Archetype] = field(default_factory=dict)
    rest_days: Collection[date] = ()


@dataclass(frozen=True, slots=True)
class SimulatedSite:
    """A factory's installations."""

    participant_id: str
    grid_meter_id: str
    contract_w: int
    load: ReplayedLoad | PlantLoad
    roofs: tuple[Roof, ...]
    batteries: tuple[SimulatedBattery, ...]

    @property
    def import_w_max(self) -> int:
        """Return the most that the grid connection can ever draw; what is asked for on top goes up to its contract."""
        charge_w = sum(battery.charge_w_max for battery in self.batteries)
        return max(self.load.energy_wh_max * INTERVALS_PER_HOUR + charge_w, self.contract_w)

    @property
    def export_w_max(self) -> int:
        """Return the most that the grid connection can ever feed in."""
        sun_w = sum(round(roof.capacity_kw_ac * WH_PER_KWH) for roof in self.roofs)
        return sun_w + sum(battery.discharge_w_max for battery in self.batteries)


@dataclass(frozen=True, slots=True)
class IdleEnergy:
    """A factory's energy by interval apart from its batteries, and the air temperature outdoors."""

    load_wh: Integers
    pv_wh: Mapping[str, Integers]
    air_c: Floats

    def net_wh(self) -> Integers:
        """Return load less solar energy; negative where the factory feeds in."""
        net = self.load_wh.copy()
        for produced in self.pv_wh.values():
            net -= produced
        return net


# A power or an energy, or many of them.
Flow = TypeVar("Flow", int, Integers)


@dataclass(frozen=True, slots=True)
class FeederLine:
    """A feeder with a meter at its head; the line takes `loss_ppm` millionths of what its factories move together."""

    meter_id: str
    participant_ids: tuple[str, ...]
    loss_ppm: int

    def carried(self, imported: Flow, exported: Flow) -> tuple[Flow, Flow]:
        """Return what the meter shows, in and out, of a power or energy that the factories together draw and give."""
        return imported + imported * self.loss_ppm // PPM, exported - exported * self.loss_ppm // PPM


class Field:
    """A complex's factories and sky.

    Args:
        complex_: The complex file.
        sources: What its loads are made of.
        conditions: What it is asked to go through at present; of what has passed it says the same at every asking.
    """

    def __init__(self, complex_: Complex, sources: LoadSources, conditions: Callable[[], Conditions] = as_ever) -> None:
        self.complex_id = complex_.complex_id
        self._place = SkyPlace(complex_.location.latitude, complex_.location.longitude)
        ramps = {device.device_id: device.ramp_per_s for device in complex_.devices}
        load_of = partial(_load, sources=sources, holidays=rest_numbers(sources.rest_days), air_c=self.air_c)
        self.sites = tuple(_site(one, load_of(one), ramps) for one in complex_.participants)
        self._roofs = tuple(roof for site in self.sites for roof in site.roofs)
        self.feeders = tuple(_feeder(complex_, one, one.meter) for one in complex_.feeders if one.meter is not None)
        self._conditions, self._heeded = conditions, AS_EVER
        self._suns: dict[int, Integers] = {}

    def air_c(self, first: int, count: int) -> Floats:
        """Return the air temperature outdoors for `count` intervals from number `first` on."""
        parts = [_air(self.complex_id, self._place, day)[low:high] for day, low, high in _days_of(first, count)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def energies(self, first: int, count: int) -> Mapping[str, IdleEnergy]:
        """Return each participant's energies for `count` intervals from number `first` on."""
        self._heed(self._conditions())
        parts = [self._sun(day)[:, low:high] for day, low, high in _days_of(first, count)]
        produced = np.concatenate([np.zeros((len(self._roofs), 0), dtype=np.int64), *parts], axis=1)
        suns = {roof.site_id: row for roof, row in zip(self._roofs, produced, strict=True)}
        air_c = self.air_c(first, count)
        return {
            site.participant_id: IdleEnergy(
                load_wh=site.load.energy_wh(first, count) + self._heeded.added_wh(site.participant_id, first, count),
                pv_wh={roof.site_id: suns[roof.site_id] for roof in site.roofs},
                air_c=air_c,
            )
            for site in self.sites
        }

    def _heed(self, conditions: Conditions) -> None:
        if conditions != self._heeded:
            self._heeded = conditions
            self._suns.clear()

    def _sun(self, day: int) -> Integers:
        """Return every roof's energy on a UTC day, (roofs x 96); a whole day, so that it is always the same."""
        if day not in self._suns:
            while len(self._suns) >= DAYS_KEPT:
                self._suns.pop(next(iter(self._suns)))
            sun = sun_on_day(self._place, day)
            clearness = clearness_on_day(self.complex_id, [roof.site_id for roof in self._roofs], day)
            clearness = clearness * self._heeded.through(day * INTERVALS_PER_DAY, INTERVALS_PER_DAY)
            air_c = _air(self.complex_id, self._place, day)
            self._suns[day] = energy_wh(self._roofs, sun, clear_sky_ghi(sun), clearness, air_c)
        return self._suns[day]


def interval_energies(
    field: Field, energies: Mapping[str, IdleEnergy], count: int
) -> Mapping[str, tuple[Integers, Integers]]:
    """Return import and export by meter for the `count` intervals of some energies, with the batteries idle."""
    meters: dict[str, tuple[Integers, Integers]] = {}
    nothing = np.zeros(count, dtype=np.int64)
    for site in field.sites:
        idle = energies[site.participant_id]
        meters[site.grid_meter_id] = _flows(idle.net_wh())
        meters |= {site_id: (nothing, produced) for site_id, produced in idle.pv_wh.items()}
        meters |= {battery.device_id: (nothing, nothing) for battery in site.batteries}
    for feeder in field.feeders:
        together = sum((energies[one].net_wh() for one in feeder.participant_ids), nothing)
        meters[feeder.meter_id] = feeder.carried(*_flows(together))
    return meters


def _flows(net_wh: Integers) -> tuple[Integers, Integers]:
    return np.maximum(net_wh, 0), np.maximum(-net_wh, 0)


def _days_of(first: int, count: int) -> Iterator[tuple[int, int, int]]:
    """Yield each UTC day of a range of intervals with the part of its 96 that belongs to the range."""
    if count <= 0:
        return
    inner = range((first // INTERVALS_PER_DAY + 1) * INTERVALS_PER_DAY, first + count, INTERVALS_PER_DAY)
    for low, high in pairwise([first, *inner, first + count]):
        day = low // INTERVALS_PER_DAY
        yield day, low - day * INTERVALS_PER_DAY, high - day * INTERVALS_PER_DAY


@lru_cache(maxsize=AIR_DAYS_KEPT)
def _air(complex_id: str, place: SkyPlace, day: int) -> Floats:
    air_c = air_temperature_c(complex_id, day, place)
    air_c.flags.writeable = False
    return air_c


def _load(
    participant: Participant, *, sources: LoadSources, holidays: Integers, air_c: AirC
) -> ReplayedLoad | PlantLoad:
    load = participant.load
    if load.profile is not None:
        return ReplayedLoad(sources.profiles[load.profile], mean_kw=load.mean_kw, shift_minutes=load.shift_minutes)
    assert load.plant is not None  # noqa: S101 -- a load has one or the other; narrows the type
    return PlantLoad(
        sources.plants[load.plant],
        name=participant.participant_id,
        seed=load.seed,
        mean_kw=load.mean_kw,
        holidays=holidays,
        air_c=air_c,
    )


def _site(participant: Participant, load: ReplayedLoad | PlantLoad, ramps: Mapping[str, float]) -> SimulatedSite:
    return SimulatedSite(
        participant_id=participant.participant_id,
        grid_meter_id=participant.grid_meter_id,
        contract_w=round(participant.contract.contract_kw * WH_PER_KWH),
        load=load,
        roofs=tuple(
            Roof(
                site_id=site.site_id,
                capacity_kw_ac=site.capacity_kw_ac,
                capacity_kw_dc=site.capacity_kw_dc,
                tilt_deg=site.tilt_deg,
                azimuth_deg=site.azimuth_deg,
            )
            for site in participant.pv
        ),
        batteries=tuple(battery_of(ess, ramp_per_s=ramps[ess.device_id]) for ess in participant.ess),
    )


def _feeder(complex_: Complex, feeder: Feeder, meter: FeederMeter) -> FeederLine:
    behind = tuple(one.participant_id for one in complex_.participants if one.feeder_id == feeder.feeder_id)
    return FeederLine(meter.meter_id, behind, round(meter.loss * PPM))


def battery_of(ess: Ess, *, ramp_per_s: float = 1.0) -> SimulatedBattery:
    """Return a complex file's ESS in whole numbers; its ramp is a part of the larger rating a second."""
    capacity_wh = round(ess.capacity_kwh * WH_PER_KWH)
    charge_w_max, discharge_w_max = (round(kw * WH_PER_KWH) for kw in (ess.charge_kw_max, ess.discharge_kw_max))
    return SimulatedBattery(
        device_id=ess.device_id,
        capacity_wh=capacity_wh,
        charge_w_max=charge_w_max,
        discharge_w_max=discharge_w_max,
        ramp_w_per_s=max(round(ramp_per_s * max(charge_w_max, discharge_w_max)), RAMP_STEPS_PER_S),
        charge_efficiency_ppm=round(ess.charge_efficiency * PPM),
        discharge_efficiency_ppm=round(ess.discharge_efficiency * PPM),
        stored_uj_min=round(ess.soc_min * capacity_wh) * UJ_PER_WH,
        stored_uj_max=round(ess.soc_max * capacity_wh) * UJ_PER_WH,
        stored_uj_initial=round(ess.soc_initial * capacity_wh) * UJ_PER_WH,
    )
