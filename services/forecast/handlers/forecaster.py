"""Issue every site's next 24 hours at each interval's start."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy.engine import Connection

from services.forecast.domain import outlook
from services.forecast.domain.climatology import Distribution, Learned
from services.forecast.domain.horizon import Horizon
from services.forecast.domain.learning import boosting, multi_site
from services.forecast.domain.learning.multi_site import MultiSite
from services.forecast.handlers import weather
from services.forecast.handlers.accuracy import Accuracy
from services.forecast.handlers.learning import Serving, load_serving
from services.forecast.handlers.training_data import Past
from services.forecast.store.issues import last_issue, save_issue
from services.forecast.store.registry import serving_model
from shared.complex.model import Complex
from shared.events.base import Event
from shared.events.forecast import ForecastIssued, ForecastKind
from shared.intervals import INTERVALS_PER_DAY, interval_of
from shared.metering import history

# Until a model was learned that beats them.
SEASONAL_MODELS = {ForecastKind.PV: "clear-sky-clearness/1", ForecastKind.LOAD: "seasonal-fading/1"}
KEPT = timedelta(weeks=5)
KW_DECIMALS = 3


class Forecaster:
    """One complex: its meters, its clear sky, and what was learned from the days before today."""

    def __init__(self, complex_: Complex) -> None:
        self._past = Past(complex_)
        self.meters = self._past.meters
        self._complex = complex_
        self._accuracy = Accuracy(complex_, self.meters, self._past.clear_sky)
        self._learned: tuple[date, Learned | None, Learned] | None = None
        self._serving: dict[ForecastKind, Serving] = {}

    def tick(self, now: datetime, db: Connection) -> list[Event]:
        """Issue the forecasts of the interval that has begun, once; after a pause the newest interval's only."""
        issue = interval_of(now)
        last = last_issue(db, self._complex.complex_id)
        if last is not None and last >= issue:
            return []
        horizon = Horizon(issue)
        self.meters.refresh(db, horizon.history[0])
        events = self._forecasts(db, horizon, now)
        save_issue(db, self._complex.complex_id, issue)
        events += self._accuracy.score(db, issue)
        history.drop_readings_before(db, self._complex.complex_id, issue - KEPT)
        return events

    def _forecasts(self, db: Connection, horizon: Horizon, now: datetime) -> list[Event]:
        fleets = self._past.fleets(horizon)
        participants = self._complex.participants
        events: list[Event] = []
        if fleets.roofs is not None:
            owners = [(site.site_id, one.participant_id) for one in participants for site in one.pv]
            serving = self._serving_model(db, ForecastKind.PV, self._past.site_ids)
            expected = self._solar(horizon) if serving is None else _by_model(fleets.roofs, serving)
            expected, source = weather.followed(db, self._complex, self._past.clear_sky.roofs, expected, now)
            self._accuracy.keep(db, horizon.issue, ForecastKind.PV, expected)
            issued = self._issued(ForecastKind.PV, owners, expected, serving, (horizon, now))
            events += [event.model_copy(update={"weather_source": source}) for event in issued]
        owners = [(one.participant_id, one.participant_id) for one in participants]
        serving = self._serving_model(db, ForecastKind.LOAD, self._past.factory_ids)
        expected = self._load(horizon) if serving is None else _by_model(fleets.factories, serving)
        self._accuracy.keep(db, horizon.issue, ForecastKind.LOAD, expected)
        return events + self._issued(ForecastKind.LOAD, owners, expected, serving, (horizon, now))

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

    def _solar(self, horizon: Horizon) -> Distribution:
        """Return what the season and the last hours say of the roofs."""
        of_roofs, _ = self._learn(horizon)
        assert of_roofs is not None  # noqa: S101 -- there are roofs; narrows the type
        return outlook.solar(
            horizon,
            of_roofs,
            metered_kw=self.meters.solar_kw(horizon.near),
            clear_kw=self._past.clear_sky.kw(horizon.near),
            capacity_kw_ac=self._past.capacity_kw_ac,
        )

    def _load(self, horizon: Horizon) -> Distribution:
        """Return what the season and the last hours say of the factories."""
        _, of_factories = self._learn(horizon)
        return outlook.load(horizon, of_factories, self.meters.load_kw(horizon.near), self._past.rest_days)

    def _learn(self, horizon: Horizon) -> tuple[Learned | None, Learned]:
        if self._learned is None or self._learned[0] != horizon.today:
            days, past = horizon.history, self._past
            of_roofs = (
                outlook.learn_solar(self.meters.solar_kw(days), past.clear_sky.kw(days), past.capacity_kw_ac)
                if past.site_ids
                else None
            )
            of_factories = outlook.learn_load(days, self.meters.load_kw(days), past.contract_kw, past.rest_days)
            self._learned = horizon.today, of_roofs, of_factories
        return self._learned[1:]

    def _issued(
        self,
        kind: ForecastKind,
        owners: Sequence[tuple[str, str]],
        expected: Distribution,
        serving: Serving | None,
        when: tuple[Horizon, datetime],
    ) -> list[Event]:
        p10, p50, p90, mean = (np.round(part, KW_DECIMALS).T.tolist() for part in expected.parts)
        row = None if serving is None else serving.row
        return [
            ForecastIssued(
                complex_id=self._complex.complex_id,
                site_id=site_id,
                participant_id=participant_id,
                kind=kind,
                issued_at=when[1],
                first_delivery_start=when[0].issue,
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


def _by_model(fleet_: MultiSite, serving: Serving) -> Distribution:
    return multi_site.issued(fleet_, serving.trained, INTERVALS_PER_DAY)
