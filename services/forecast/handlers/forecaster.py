"""Issue every site's next 24 hours at each interval's start."""

from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy.engine import Connection

from services.forecast.domain.climatology import Distribution, Learned
from services.forecast.domain.learning import boosting, selection
from services.forecast.domain.learning.multi_site import MultiSite
from services.forecast.domain.learning.selection import ISSUE_DAYS, KEPT_DAYS
from services.forecast.handlers import weather
from services.forecast.handlers.accuracy import Accuracy
from services.forecast.handlers.learning import LEARNED_FROM_MAX, Serving, load_serving
from services.forecast.handlers.training_data import Past, interval_number, site_ids, taught
from services.forecast.store.issues import last_issue, save_issue
from services.forecast.store.plans import drop_plans_before
from services.forecast.store.registry import serving_model
from shared.complex.model import Complex
from shared.events.base import Event
from shared.events.forecast import ForecastIssued, ForecastKind
from shared.intervals import DAY, INTERVALS_PER_DAY, day_start, interval_of, trading_day_of
from shared.metering import history

# Until a model was learned that beats them.
SEASONAL_MODELS = {ForecastKind.PV: "clear-sky-clearness/1", ForecastKind.LOAD: "seasonal-fading/1"}
KW_DECIMALS = 3


class Forecaster:
    """One complex: its meters, its clear sky, and what was learned from the days before today."""

    def __init__(self, complex_: Complex) -> None:
        self._past = Past(complex_, complex_.participants)
        self.meters = self._past.meters
        self._complex = complex_
        self._accuracy = Accuracy(complex_, self.meters, self._past.clear_sky)
        self._seasons: dict[ForecastKind, tuple[date, Learned]] = {}
        self._serving: dict[ForecastKind, Serving] = {}
        owners = {one.participant_id for one in taught(complex_, LEARNED_FROM_MAX)}
        self._learned_from = frozenset(one.device_id for one in complex_.devices if one.participant_id in owners)

    def tick(self, now: datetime, db: Connection) -> list[Event]:
        """Issue the forecasts of the interval that has begun, once; after a pause the newest interval's only."""
        issue = interval_of(now)
        last = last_issue(db, self._complex.complex_id)
        if last is not None and last >= issue:
            return []
        first_day = trading_day_of(issue) - timedelta(days=ISSUE_DAYS)
        self._past.refresh(db, first_day)
        events = [event for kind in ForecastKind for event in self._forecasts(db, kind, issue, now)]
        save_issue(db, self._complex.complex_id, issue)
        events += self._accuracy.score(db, issue)
        self._forget(db, issue)
        return events

    def _forget(self, db: Connection, issue: datetime) -> None:
        """Forget what nothing is learned from or forecast with."""
        complex_id = self._complex.complex_id
        history.drop_readings_before(db, complex_id, issue - (KEPT_DAYS + 1) * DAY)
        drop_plans_before(db, complex_id, issue - (KEPT_DAYS + 1) * DAY)
        if len(self._learned_from) < len(self._complex.devices):
            history.drop_readings_before(db, complex_id, issue - (ISSUE_DAYS + 1) * DAY, but=self._learned_from)

    def _forecasts(self, db: Connection, kind: ForecastKind, issue: datetime, now: datetime) -> list[Event]:
        ids = site_ids(self._complex.participants, kind)
        if not ids:
            return []
        today = trading_day_of(issue)
        sites, _ = self._past.sites(kind, today - timedelta(days=ISSUE_DAYS), issue)
        serving = self._serving_model(db, kind, ids)
        expected = self._by_season(kind, sites, issue) if serving is None else _by_model(sites, serving, issue)
        source = None
        if kind is ForecastKind.PV:
            expected, source = weather.followed(db, self._complex, self._past.clear_sky.roofs, expected, now)
        self._accuracy.keep(db, issue, kind, expected)
        events = self._issued(kind, expected, serving, (issue, now))
        return [event.model_copy(update={"weather_source": source}) for event in events]

    def _serving_model(self, db: Connection, kind: ForecastKind, sites: tuple[str, ...]) -> Serving | None:
        """Return the model that serves these very sites, read again when it or its ranges changed."""
        row = serving_model(db, self._complex.complex_id, kind.value)
        if row is None or row.sites != sites or not boosting.is_here():
            return None
        known = self._serving.get(kind)
        if known is None or known.row != row:
            found = load_serving(db, self._complex.complex_id, kind)
            if found is None:
                return None
            self._serving[kind] = found
        return self._serving[kind]

    def _by_season(self, kind: ForecastKind, sites: MultiSite, issue: datetime) -> Distribution:
        """Return what the season and the last hours say; the season is learned at a day's first issue."""
        today, (midnight, now) = trading_day_of(issue), _places(sites, issue)
        learned_on, learned = self._seasons.get(kind, (None, None))
        if learned is None or learned_on != today:
            learned = sites.season(midnight)
            self._seasons[kind] = today, learned
        return selection.by_season(sites, learned, now, now, INTERVALS_PER_DAY)

    def _issued(
        self,
        kind: ForecastKind,
        expected: Distribution,
        serving: Serving | None,
        when: tuple[datetime, datetime],
    ) -> list[ForecastIssued]:
        p10, p50, p90, mean = (np.round(part, KW_DECIMALS).T.tolist() for part in expected.parts)
        row = None if serving is None else serving.row
        of_roofs = kind is ForecastKind.PV
        owners = [
            (site_id, one.participant_id)
            for one in self._complex.participants
            for site_id in ([site.site_id for site in one.pv] if of_roofs else [one.participant_id])
        ]
        return [
            ForecastIssued(
                complex_id=self._complex.complex_id,
                site_id=site_id,
                participant_id=participant_id,
                kind=kind,
                issued_at=when[1],
                first_delivery_start=when[0],
                model=SEASONAL_MODELS[kind] if row is None else row.model_id,
                p10_kw=p10[n],
                p50_kw=p50[n],
                p90_kw=p90[n],
                mean_kw=mean[n],
                learned_from=None if row is None else row.learned_from,
                learned_until=None if row is None else row.learned_until,
                inputs=None if row is None else row.inputs,
            )
            for n, (site_id, participant_id) in enumerate(owners)
        ]


def _by_model(sites: MultiSite, serving: Serving, issue: datetime) -> Distribution:
    midnight, now = _places(sites, issue)
    at = np.array([now])
    return selection.issued(sites, serving.trained, midnight, at, at, INTERVALS_PER_DAY)


def _places(sites: MultiSite, issue: datetime) -> tuple[int, int]:
    """Return the places of the day's first interval and of the issue's in the sites' arrays."""
    first = sites.timelines[0].first
    return interval_number(day_start(trading_day_of(issue))) - first, interval_number(issue) - first
