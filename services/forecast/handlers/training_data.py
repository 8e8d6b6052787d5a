"""What a complex's meters said up to an issue, as the fleets that models learn from and forecast."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from services.forecast.domain.horizon import Horizon
from services.forecast.domain.learning.multi_site import Factories, RoofSites, unexamined
from services.forecast.domain.load.features import calendar_of
from services.forecast.domain.metered import quality
from services.forecast.domain.metered.quality import Finding, Gridded
from services.forecast.domain.metered.site import Site, SiteKind
from services.forecast.domain.metered.timeline import NEVER
from services.forecast.domain.outlook import PRIOR_LOAD_SHARE
from services.forecast.domain.solar.geometry import Sun, sun_over
from services.forecast.handlers.meters import ClearSky, Meters
from shared.arrays import Floats
from shared.complex.model import Complex
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, day_start, delivery_starts
from shared.reference.load import holidays

P50 = 1


@dataclass(frozen=True, slots=True)
class Fleets:
    """A complex's roofs, if it has any, and its factories."""

    roofs: RoofSites | None
    factories: Factories


class Past:
    """One complex's meters and clear sky."""

    def __init__(self, complex_: Complex) -> None:
        self.meters = Meters(complex_)
        self.clear_sky = ClearSky(complex_)
        self.capacity_kw_ac = np.array(self.clear_sky.roofs.capacity_kw_ac)
        self.contract_kw = np.array([one.contract.contract_kw for one in complex_.participants])
        calendar = holidays()
        self.rest_days = calendar.billed | calendar.temporary
        self.site_ids = tuple(site.site_id for one in complex_.participants for site in one.pv)
        self.factory_ids = tuple(one.participant_id for one in complex_.participants)

    def fleets(self, horizon: Horizon) -> Fleets:
        """Return what had been metered at an issue."""
        days = [*horizon.history, *horizon.near[1:]]
        slot = (horizon.issue - day_start(horizon.today)) // INTERVAL
        known = len(horizon.history) * INTERVALS_PER_DAY + slot
        return Fleets(self._roofs(days, known), self._factories(days, known))

    def _roofs(self, days: list[date], known: int) -> RoofSites | None:
        if not self.site_ids:
            return None
        return RoofSites(
            kw=_flat(self.meters.solar_kw(days))[:known],
            clear_kw=_flat(self.clear_sky.kw(days)),
            elevation_deg=self.clear_sky.elevation_deg(days).reshape(-1),
            capacity_kw_ac=self.capacity_kw_ac,
        )

    def _factories(self, days: list[date], known: int) -> Factories:
        return Factories(
            kw=_flat(self.meters.load_kw(days))[:known],
            calendar=calendar_of(days, self.rest_days, INTERVALS_PER_DAY),
            usual_kw=PRIOR_LOAD_SHARE[P50] * self.contract_kw,
        )


@dataclass(frozen=True, slots=True)
class Doubt:
    """What of one site's past is not believed."""

    site_id: str
    finding: Finding


def believed(complex_: Complex, past: Past, horizon: Horizon, fleets: Fleets) -> tuple[Fleets, list[Doubt]]:
    """Return the fleets without what can't be believed, and what that was."""
    where = complex_.location
    doubts: list[Doubt] = []
    plant = Site(
        site=complex_.complex_id,
        kind=SiteKind.LOAD,
        latitude=where.latitude,
        longitude=where.longitude,
        altitude_m=where.altitude_m,
    )
    starts = pd.DatetimeIndex([start for day in horizon.history for start in delivery_starts(day)])

    def examined(site: Site, kw: Floats, sun: Sun | None) -> Floats:
        found, findings = quality.examined(Gridded(unexamined(kw), (), len(kw)), site, sun)
        doubts.extend(Doubt(site.site, one) for one in findings)
        return np.where(found.rejected_at < NEVER, np.nan, found.kw)

    roofs = fleets.roofs
    if roofs is not None:
        sites = [
            replace(plant, site=site_id, kind=SiteKind.PV, capacity_kw_ac=capacity_kw)
            for site_id, capacity_kw in zip(past.site_ids, roofs.capacity_kw_ac.tolist(), strict=True)
        ]
        sun = sun_over(sites[0], starts, pd.Timedelta(INTERVAL))
        of_roofs = [examined(site, kw, sun) for site, kw in zip(sites, roofs.kw.T, strict=True)]
        roofs = replace(roofs, kw=np.column_stack(of_roofs))
    plants = [replace(plant, site=site_id) for site_id in past.factory_ids]
    of_plants = [examined(site, kw, None) for site, kw in zip(plants, fleets.factories.kw.T, strict=True)]
    return Fleets(roofs, replace(fleets.factories, kw=np.column_stack(of_plants))), doubts


def _flat(by_day: Floats) -> Floats:
    return by_day.reshape(-1, by_day.shape[-1])
