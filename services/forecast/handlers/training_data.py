"""What a complex's meters said up to an issue, as the sites that models learn from and forecast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy.engine import Connection

from services.forecast.domain.learning.multi_site import Factories, MultiSite, RoofSites
from services.forecast.domain.learning.training_set import WeatherOutlook
from services.forecast.domain.load.features import calendar_of
from services.forecast.domain.load.plans import plan_log
from services.forecast.domain.metered import quality
from services.forecast.domain.metered.quality import Finding, Gridded
from services.forecast.domain.metered.site import Site, SiteKind
from services.forecast.domain.metered.timeline import NEVER, Timeline, WeatherLog
from services.forecast.domain.solar.geometry import Sun
from services.forecast.handlers.meters import ClearSky, Meters
from services.forecast.store.plans import load_plans
from shared.arrays import Floats
from shared.complex.model import Complex, Participant
from shared.events.forecast import ForecastKind
from shared.events.records import LoadPlan
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, day_start, trading_day_of
from shared.reference.load import holidays

STEP_MINUTES = 15
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def site_ids(participants: Sequence[Participant], kind: ForecastKind) -> tuple[str, ...]:
    """Return the names of a kind's sites, in the order of their arrays."""
    if kind is ForecastKind.LOAD:
        return tuple(one.participant_id for one in participants)
    return tuple(site.site_id for one in participants for site in one.pv)


class Past:
    """The meters and the clear sky of some of a complex's factories."""

    def __init__(self, complex_: Complex, participants: Sequence[Participant]) -> None:
        self._complex_id = complex_.complex_id
        self._plans: Mapping[str, Sequence[LoadPlan]] = {}
        self.meters = Meters(complex_, participants)
        self.clear_sky = ClearSky(complex_, participants)
        self._contract_kw = np.array([one.contract.contract_kw for one in participants])
        calendar = holidays()
        self._rest_days = calendar.billed | calendar.temporary
        capacities = self.clear_sky.roofs.capacity_kw_ac
        self._sites = {
            ForecastKind.PV: [
                _site(complex_, site_id, SiteKind.PV, capacity_kw)
                for site_id, capacity_kw in zip(site_ids(participants, ForecastKind.PV), capacities, strict=True)
            ],
            ForecastKind.LOAD: [
                _site(complex_, site_id, SiteKind.LOAD) for site_id in site_ids(participants, ForecastKind.LOAD)
            ],
        }

    def refresh(self, db: Connection, first_day: date) -> None:
        """Read what was metered and stated from a Korean day on, as far as it may have changed."""
        self.meters.refresh(db, first_day)
        self._plans = load_plans(db, self._complex_id, day_start(first_day))

    def sites(self, kind: ForecastKind, first_day: date, now: datetime) -> tuple[MultiSite, list["Doubt"]]:
        """Return a kind's sites from a Korean day on, as known at an interval's start, and what is not believed.

        Their calendar and sky reach through the day after.
        """
        today = trading_day_of(now)
        days = [first_day + timedelta(days=n) for n in range((today - first_day).days + 2)]
        first, known = interval_number(day_start(first_day)), (now - day_start(first_day)) // INTERVAL
        calendar = calendar_of(days, self._rest_days, INTERVALS_PER_DAY)
        weather = WeatherOutlook(WeatherLog(), first, STEP_MINUTES)
        if kind is ForecastKind.LOAD:
            kw = _flat(self.meters.load_kw(days))[:known]
            timelines, doubts = self._examined(kind, first, kw, None)
            plans = tuple(plan_log(self._plans.get(one.site, ()), first, STEP_MINUTES) for one in self._sites[kind])
            return Factories(timelines, calendar, self._contract_kw, weather, plans), doubts
        kw, sun = _flat(self.meters.solar_kw(days))[:known], self.clear_sky.sun(days)
        timelines, doubts = self._examined(kind, first, kw, sun)
        clear_kw, capacity_kw_ac = _flat(self.clear_sky.kw(days)), np.array(self.clear_sky.roofs.capacity_kw_ac)
        return RoofSites(timelines, calendar, clear_kw, sun.elevation_deg, capacity_kw_ac, weather), doubts

    def _examined(
        self, kind: ForecastKind, first: int, kw: Floats, sun: Sun | None
    ) -> tuple[tuple[Timeline, ...], list["Doubt"]]:
        timelines, doubts = [], []
        for site, series in zip(self._sites[kind], kw.T, strict=True):
            whole = Timeline(first, STEP_MINUTES, series, np.full(len(series), NEVER))
            timeline, findings = quality.examined(Gridded(whole, (), len(series)), site, sun)
            timelines.append(timeline)
            doubts += [Doubt(site.site, one) for one in findings]
        return tuple(timelines), doubts


@dataclass(frozen=True, slots=True)
class Doubt:
    """What of one site's past is not believed."""

    site_id: str
    finding: Finding


def _site(complex_: Complex, site_id: str, kind: SiteKind, capacity_kw_ac: float | None = None) -> Site:
    where = complex_.location
    return Site(
        site=site_id,
        kind=kind,
        latitude=where.latitude,
        longitude=where.longitude,
        altitude_m=where.altitude_m,
        capacity_kw_ac=capacity_kw_ac,
    )


def taught(complex_: Complex, most: int) -> Sequence[Participant]:
    """Return at most so many of a complex's factories, evenly chosen: those that models learn from."""
    return complex_.participants[:: -(-len(complex_.participants) // most)]


def interval_number(start: datetime) -> int:
    """Return the number of a delivery interval, counted since 1970."""
    return (start - EPOCH) // INTERVAL


def interval_start(number: int) -> datetime:
    """Return the start of a delivery interval of a number."""
    return EPOCH + number * INTERVAL


def _flat(by_day: Floats) -> Floats:
    return by_day.reshape(-1, by_day.shape[-1])
