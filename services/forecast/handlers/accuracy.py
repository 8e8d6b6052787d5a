"""Hold each interval's forecasts against what came, and say once an hour how good they were."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy.engine import Connection

from services.forecast.domain.accuracy import running_sums
from services.forecast.domain.climatology import Distribution
from services.forecast.handlers.meters import ClearSky, Meters
from services.forecast.store.issues import (
    drop_issued_before,
    load_issued,
    load_tallies,
    save_issued,
    save_scored_through,
    save_tally,
    scored_through,
)
from shared.arrays import Floats
from shared.complex.model import Complex
from shared.events.base import Event
from shared.events.forecast import AccuracyMeasured, ForecastKind, LeadAccuracy, SiteAccuracy
from shared.intervals import DAY, INTERVAL, INTERVALS_PER_DAY, day_start, trading_day_of

logger = logging.getLogger(__name__)


ROLLING_DAYS = 7
# Readings that are later than this are not waited for: what is known of the interval is scored.
PATIENCE = timedelta(hours=1)
# At worst 1,600 bytes each; a message may have 1,000,000.
SITES_A_MESSAGE = 500
TWO_DAYS = 2 * INTERVALS_PER_DAY


@dataclass(frozen=True, slots=True)
class Sites:
    """The series of one kind: their names, whose they are, and what their errors are shares of (None: their mean)."""

    kind: ForecastKind
    site_ids: tuple[str, ...]
    owners: tuple[str, ...]
    full_kw: tuple[float, ...] | None


class Accuracy:
    """One complex's forecasts in hindsight. What it knows is in the database."""

    def __init__(self, complex_: Complex, meters: Meters, clear_sky: ClearSky) -> None:
        self._complex_id = complex_.complex_id
        self._meters = meters
        self._clear_sky = clear_sky
        roofs = [(site, one) for one in complex_.participants for site in one.pv]
        owners = tuple(one.participant_id for one in complex_.participants)
        capacities = tuple(site.capacity_kw_ac for site, _ in roofs)
        self._capacity_kw_ac = np.array(capacities)
        self._sites = [
            Sites(
                ForecastKind.PV,
                tuple(site.site_id for site, _ in roofs),
                tuple(one.participant_id for _, one in roofs),
                capacities,
            ),
            Sites(ForecastKind.LOAD, owners, owners, None),
        ]

    def keep(self, db: Connection, issue: datetime, kind: ForecastKind, issued: Distribution) -> None:
        """Keep a forecast until its intervals are over."""
        sites = next(one for one in self._sites if one.kind is kind)
        quantiles = np.stack((issued.p10, issued.p50, issued.p90))
        save_issued(db, self._complex_id, kind.value, issue, sites.site_ids, quantiles)

    def score(self, db: Connection, issue: datetime) -> list[Event]:
        """Score the intervals that are over and metered, in order; at each full hour say what came of it."""
        through = scored_through(db, self._complex_id)
        if through is None:
            # This issue's interval is the first with a forecast.
            through = issue - INTERVAL
            save_scored_through(db, self._complex_id, through)
        start = through + INTERVAL
        while start < issue and self._score_interval(db, start, late=issue - start > PATIENCE):
            save_scored_through(db, self._complex_id, start)
            start += INTERVAL
        drop_issued_before(db, self._complex_id, min(start, issue) - DAY)
        if issue.minute != 0:
            return []
        return [event for sites in self._sites for event in self._measured(db, sites, issue)]

    def _score_interval(self, db: Connection, start: datetime, *, late: bool) -> bool:
        """Add an interval to its day's sums; False while its readings are awaited."""
        came = {sites.kind: self._came_kw(sites.kind, start) for sites in self._sites}
        if not late and any(np.isnan(kw).any() for kw in came.values()):
            return False
        day = trading_day_of(start)
        for sites in self._sites:
            names = sites.site_ids
            found = load_issued(db, self._complex_id, sites.kind.value, start - DAY + INTERVAL, start, names)
            if not found or not names:
                continue
            steps = [(start - issue) // INTERVAL for issue, _ in found]
            issued = running_sums.IssuedForInterval(
                lead_hours=(np.array(steps) + 1) * (INTERVAL / timedelta(hours=1)),
                quantiles=np.stack([part[:, step] for step, (_, part) in zip(steps, found, strict=True)], axis=1),
                reference=self._reference_kw(sites.kind, start, steps),
            )
            sums = running_sums.tally(issued, came[sites.kind])
            earlier = load_tallies(db, self._complex_id, sites.kind.value, day, names).get(day)
            total = sums if earlier is None else sums + earlier
            save_tally(db, self._complex_id, sites.kind.value, day, names, total)
        return True

    def _came_kw(self, kind: ForecastKind, start: datetime) -> Floats:
        day = trading_day_of(start)
        kw = self._meters.solar_kw([day]) if kind is ForecastKind.PV else self._meters.load_kw([day])
        came: Floats = kw[0, (start - day_start(day)) // INTERVAL]
        return came

    def _reference_kw(self, kind: ForecastKind, start: datetime, steps: Sequence[int]) -> Floats:
        if kind is ForecastKind.LOAD:
            week_ago, day_ago = (self._came_kw(kind, start - n * DAY) for n in (7, 1))
            return running_sums.repeated_load_kw(week_ago, day_ago, len(steps))
        day = trading_day_of(start)
        days = [day - timedelta(days=n) for n in (2, 1, 0)]
        row = TWO_DAYS + (start - day_start(day)) // INTERVAL
        metered, clear = (
            kw.reshape(-1, kw.shape[-1])[: row + 1] for kw in (self._meters.solar_kw(days), self._clear_sky.kw(days))
        )
        return running_sums.persisted_solar_kw(metered, clear, self._capacity_kw_ac, [row - step for step in steps])

    def _measured(self, db: Connection, sites: Sites, issue: datetime) -> list[AccuracyMeasured]:
        today = trading_day_of(issue - INTERVAL)
        first = today - timedelta(days=ROLLING_DAYS - 1)
        days = load_tallies(db, self._complex_id, sites.kind.value, first, sites.site_ids)
        if not days:
            return []
        drifting = self._drifting(sites, days, today)
        rolling = np.sum(list(days.values()), axis=0)
        full_kw = None if sites.full_kw is None else [*sites.full_kw, sum(sites.full_kw)]
        names = [*zip(sites.site_ids, sites.owners, strict=True), (None, None)]
        found = [
            SiteAccuracy(
                site_id=site_id,
                participant_id=owner,
                is_drifting=site_id in drifting,
                leads=tuple(
                    LeadAccuracy.model_validate(row)
                    for row in running_sums.figures(rolling[n], None if full_kw is None else full_kw[n])
                ),
            )
            for n, (site_id, owner) in enumerate(names)
        ]
        parts = (tuple(found[n : n + SITES_A_MESSAGE]) for n in range(0, len(found), SITES_A_MESSAGE))
        return [
            AccuracyMeasured(
                complex_id=self._complex_id, kind=sites.kind, measured_at=issue, days=len(days), sites=part
            )
            for part in parts
        ]

    def _drifting(self, sites: Sites, days: Mapping[date, Floats], today: date) -> set[str | None]:
        before = [sums for day, sums in days.items() if day != today]
        if today not in days or not before:
            return set()
        past = np.sum(before, axis=0)
        names = [*sites.site_ids, None]
        found = {name for n, name in enumerate(names) if running_sums.is_drifting(days[today][n], past[n])}
        for name in sorted(str(one) for one in found):
            logger.warning("forecast drifts", extra={"complex_id": self._complex_id, "site_id": name})
        return found
