"""What the forecast service does: keep readings, and issue every site's next 24 hours at each interval's start."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from services.forecast import store
from services.forecast.domain import outlook
from services.forecast.domain.horizon import HISTORY_DAYS, NEAR_DAYS, Horizon
from services.forecast.domain.seasonal import Distribution, Learned
from services.forecast.domain.solar import Place, Roofs, clear_sky_kw
from shared import history, units
from shared.complexes import Complex, Complexes
from shared.events.base import Envelope, Event
from shared.events.fems import IntervalMetered, MeterKind
from shared.events.forecast import ForecastIssued, ForecastKind
from shared.history import CONSUMPTION_SIGNS, MeterReading
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, day_start, interval_of, trading_day_of
from shared.reference import holidays
from shared.runloop import RuleBroken, Service

Floats = NDArray[np.float64]

SOLAR_MODEL = "clear-sky-clearness/1"
LOAD_MODEL = "seasonal-fading/1"
KEPT = timedelta(weeks=5)
KW_DECIMALS = 3
KW_PER_WH = units.power_kw(1 / units.WH_PER_KWH, INTERVAL)


class Meters:
    """What the meters of one complex said, as arrays by Korean day: a copy of the database, never more.

    A handler only marks an interval as stale; the next tick, in a later transaction, reads it anew. A mark left by a
    transaction that failed does no harm: it only says where to look.
    """

    def __init__(self, complex_: Complex) -> None:
        self._complex_id = complex_.complex_id
        devices = complex_.devices
        self._column = {device.device_id: n for n, device in enumerate(devices)}
        self._roofs = [n for n, device in enumerate(devices) if device.kind is MeterKind.PV]
        self._factories = [n for n, device in enumerate(devices) if device.kind is MeterKind.GRID]
        self._signs = np.array([CONSUMPTION_SIGNS[device.kind] for device in devices], dtype=np.float64)
        self._days: dict[date, Floats] = {}
        self._stale: set[datetime] | None = None

    def knows(self, meter_id: str) -> bool:
        """Say whether the complex has such a meter."""
        return meter_id in self._column

    def mark_stale(self, delivery_start: datetime) -> None:
        """Note that an interval's readings may have changed."""
        if self._stale is not None:
            self._stale.add(delivery_start)

    def refresh(self, db: Connection, first_day: date) -> None:
        """Read what changed since the last time, or everything at the first; drop the days before the first one."""
        if self._stale is None:
            changed = history.readings_since(db, self._complex_id, day_start(first_day))
        else:
            changed = history.readings_of(db, self._complex_id, self._stale) if self._stale else []
        for one in changed:
            self._put(one)
        self._stale = set()
        self._days = {day: wh for day, wh in self._days.items() if day >= first_day}

    def solar_kw(self, days: Sequence[date]) -> Floats:
        """Return the roofs' output, (days x 96 x roofs)."""
        return self._wh(days)[:, :, self._roofs, 1] * KW_PER_WH

    def load_kw(self, days: Sequence[date]) -> Floats:
        """Return the factories' consumption, (days x 96 x factories); NaN while one of a factory's meters is missing.

        Clocks of meters differ by seconds, so a sum may come out below zero; nobody consumes less than nothing.
        """
        consumed_wh = np.sum(self._wh(days) * self._signs, axis=-1)
        # The complex lists each factory's grid meter, then its devices.
        load_kw: Floats = np.maximum(np.add.reduceat(consumed_wh, self._factories, axis=-1) * KW_PER_WH, 0.0)
        return load_kw

    def _wh(self, days: Sequence[date]) -> Floats:
        unknown = np.full((INTERVALS_PER_DAY, len(self._column), 2), np.nan)
        return np.stack([self._days.get(day, unknown) for day in days])

    def _put(self, reading: MeterReading) -> None:
        column = self._column.get(reading.meter_id)
        if column is None:  # a meter that the complex no longer has
            return
        day = trading_day_of(reading.delivery_start)
        if day not in self._days:
            self._days[day] = np.full((INTERVALS_PER_DAY, len(self._column), 2), np.nan)
        slot = (reading.delivery_start - day_start(day)) // INTERVAL
        self._days[day][slot, column] = reading.import_wh, reading.export_wh


class ClearSky:
    """The output of a complex's roofs under a clear sky by Korean day, each day computed once."""

    def __init__(self, complex_: Complex) -> None:
        sites = [site for one in complex_.participants for site in one.pv]
        where = complex_.location
        self._place = Place(where.latitude, where.longitude, where.altitude_m)
        self.roofs = Roofs(
            capacity_kw_ac=tuple(site.capacity_kw_ac for site in sites),
            capacity_kw_dc=tuple(site.capacity_kw_dc for site in sites),
            tilt_deg=tuple(site.tilt_deg for site in sites),
            azimuth_deg=tuple(site.azimuth_deg for site in sites),
        )
        self._days: dict[date, Floats] = {}

    def kw(self, days: Sequence[date]) -> Floats:
        """Return (days x 96 x roofs) for consecutive days."""
        missing = [day for day in days if day not in self._days]
        if missing:
            starts = pd.DatetimeIndex(
                [day_start(day) + n * INTERVAL for day in missing for n in range(INTERVALS_PER_DAY)]
            )
            kw = clear_sky_kw(self._place, self.roofs, starts, pd.Timedelta(INTERVAL))
            self._days.update(zip(missing, kw.reshape(len(missing), INTERVALS_PER_DAY, kw.shape[1]), strict=True))
            kept = sorted(self._days)[-(HISTORY_DAYS + NEAR_DAYS) :]
            self._days = {day: self._days[day] for day in {*kept, *days}}
        return np.stack([self._days[day] for day in days])


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
        self._learned: tuple[date, Learned | None, Learned] | None = None

    def tick(self, now: datetime, db: Connection) -> list[Event]:
        """Issue the forecasts of the interval that has begun, once; after a pause the newest interval's only."""
        issue = interval_of(now)
        last = store.last_issue(db, self._complex.complex_id)
        if last is not None and last >= issue:
            return []
        horizon = Horizon(issue)
        self.meters.refresh(db, horizon.history[0])
        events = self._forecasts(horizon, now)
        store.save_issue(db, self._complex.complex_id, issue)
        history.drop_readings_before(db, self._complex.complex_id, issue - KEPT)
        return events

    def _forecasts(self, horizon: Horizon, now: datetime) -> list[Event]:
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
            owners = [(site.site_id, one.participant_id) for one in self._complex.participants for site in one.pv]
            events += self._issued(ForecastKind.PV, owners, solar, horizon, now)
        load = outlook.load(horizon, of_factories, self.meters.load_kw(horizon.near), self._rest_days)
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


def service(complexes: Complexes) -> Service:
    """Return the forecast service of a deployment's complexes."""
    forecasters = {complex_id: Forecaster(one) for complex_id, one in complexes.items()}

    def on_interval_metered(envelope: Envelope[IntervalMetered], db: Connection) -> Sequence[Event]:
        """Keep a reading for the next issue."""
        event = envelope.event
        forecaster = forecasters.get(event.complex_id)
        if forecaster is None or not forecaster.meters.knows(event.meter_id):
            raise RuleBroken(f"meter_id must be a meter of a served complex, was {event.complex_id}/{event.meter_id}")
        history.save_reading(db, history.reading_of(event))
        forecaster.meters.mark_stale(event.delivery_start)
        return []

    def tick(now: datetime, db: Connection) -> Sequence[Event]:
        return [event for forecaster in forecasters.values() for event in forecaster.tick(now, db)]

    return Service(name="forecast", handlers={IntervalMetered: on_interval_metered}, tick=tick)
