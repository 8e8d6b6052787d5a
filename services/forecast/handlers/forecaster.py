"""Issue every site's next 24 hours at each interval's start."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy.engine import Connection

from services.forecast import store
from services.forecast.domain import outlook
from services.forecast.domain.horizon import Horizon
from services.forecast.domain.seasonal import Distribution, Learned
from services.forecast.handlers.accuracy import Accuracy
from services.forecast.handlers.meters import ClearSky, Meters
from shared import history
from shared.complexes import Complex
from shared.events.base import Event
from shared.events.forecast import ForecastIssued, ForecastKind
from shared.intervals import interval_of
from shared.reference import holidays

SOLAR_MODEL = "clear-sky-clearness/1"
LOAD_MODEL = "seasonal-fading/1"
KEPT = timedelta(weeks=5)
KW_DECIMALS = 3


class Forecaster:
    """One complex: its meters, its clear sky, and what was learned from the days before today."""

    def __init__(self, complex_: Complex) -> None:
        self.meters = Meters(complex_)
        self._complex = complex_
        self._clear_sky = ClearSky(complex_)
        self._capacity_kw_ac = np.array(self._clear_sky.roofs.capacity_kw_ac)
        self._contract_kw = np.array([one.contract.contract_kw for one in complex_.participants])
        calendar = holidays()
        self._rest_days = calendar.billed | calendar.temporary
        self._accuracy = Accuracy(complex_, self.meters, self._clear_sky)
        self._learned: tuple[date, Learned | None, Learned] | None = None

    def tick(self, now: datetime, db: Connection) -> list[Event]:
        """Issue the forecasts of the interval that has begun, once; after a pause the newest interval's only."""
        issue = interval_of(now)
        last = store.last_issue(db, self._complex.complex_id)
        if last is not None and last >= issue:
            return []
        horizon = Horizon(issue)
        self.meters.refresh(db, horizon.history[0])
        events = self._forecasts(db, horizon, now)
        store.save_issue(db, self._complex.complex_id, issue)
        events += self._accuracy.score(db, issue)
        history.drop_readings_before(db, self._complex.complex_id, issue - KEPT)
        return events

    def _forecasts(self, db: Connection, horizon: Horizon, now: datetime) -> list[Event]:
        of_roofs, of_factories = self._learn(horizon)
        events: list[Event] = []
        if of_roofs is not None:
            solar = outlook.solar(
                horizon,
                of_roofs,
                metered_kw=self.meters.solar_kw(horizon.near),
                clear_kw=self._clear_sky.kw(horizon.near),
                capacity_kw_ac=self._capacity_kw_ac,
            )
            self._accuracy.keep(db, horizon.issue, ForecastKind.PV, solar)
            owners = [(site.site_id, one.participant_id) for one in self._complex.participants for site in one.pv]
            events += self._issued(ForecastKind.PV, owners, solar, horizon, now)
        load = outlook.load(horizon, of_factories, self.meters.load_kw(horizon.near), self._rest_days)
        self._accuracy.keep(db, horizon.issue, ForecastKind.LOAD, load)
        owners = [(one.participant_id, one.participant_id) for one in self._complex.participants]
        return events + self._issued(ForecastKind.LOAD, owners, load, horizon, now)

    def _learn(self, horizon: Horizon) -> tuple[Learned | None, Learned]:
        if self._learned is None or self._learned[0] != horizon.today:
            days = horizon.history
            of_roofs = (
                outlook.learn_solar(self.meters.solar_kw(days), self._clear_sky.kw(days), self._capacity_kw_ac)
                if len(self._capacity_kw_ac)
                else None
            )
            of_factories = outlook.learn_load(days, self.meters.load_kw(days), self._contract_kw, self._rest_days)
            self._learned = horizon.today, of_roofs, of_factories
        return self._learned[1:]

    def _issued(
        self,
        kind: ForecastKind,
        owners: Sequence[tuple[str, str]],
        expected: Distribution,
        horizon: Horizon,
        now: datetime,
    ) -> list[Event]:
        p10, p50, p90, mean = (np.round(part, KW_DECIMALS).T.tolist() for part in expected.parts)
        return [
            ForecastIssued(
                complex_id=self._complex.complex_id,
                site_id=site_id,
                participant_id=participant_id,
                kind=kind,
                issued_at=now,
                first_delivery_start=horizon.issue,
                model=SOLAR_MODEL if kind is ForecastKind.PV else LOAD_MODEL,
                p10_kw=p10[n],
                p50_kw=p50[n],
                p90_kw=p90[n],
                mean_kw=mean[n],
            )
            for n, (site_id, participant_id) in enumerate(owners)
        ]
