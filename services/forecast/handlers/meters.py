"""What a complex's meters and a clear sky say, as arrays by Korean day."""

from collections.abc import Sequence
from datetime import date, datetime

import numpy as np
import pandas as pd
from sqlalchemy.engine import Connection

from services.forecast.domain.learning.selection import KEPT_DAYS
from services.forecast.domain.solar.geometry import Sun, clear_kw, sun_over
from services.forecast.domain.solar.physics import Place, Roofs
from shared import units
from shared.arrays import Floats
from shared.complex.model import Complex, Participant
from shared.events.fems import MeterKind
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, day_start, trading_day_of
from shared.metering import history
from shared.metering.history import CONSUMPTION_SIGNS, MeterReading

KW_PER_WH = units.power_kw(1 / units.WH_PER_KWH, INTERVAL)


class Meters:
    """What the meters of some factories of a complex said, as arrays by Korean day: a copy of the database, never more.

    A handler only marks an interval as stale; the next tick, in a later transaction, reads it anew. A mark left by a
    transaction that failed does no harm: it only says where to look.
    """

    def __init__(self, complex_: Complex, participants: Sequence[Participant]) -> None:
        self._complex_id = complex_.complex_id
        owners = {one.participant_id for one in participants}
        devices = [device for device in complex_.devices if device.participant_id in owners]
        self._column = {device.device_id: n for n, device in enumerate(devices)}
        self._roofs = [n for n, device in enumerate(devices) if device.kind is MeterKind.PV]
        self._factories = [n for n, device in enumerate(devices) if device.kind is MeterKind.GRID]
        self._signs = np.array([CONSUMPTION_SIGNS[device.kind] for device in devices], dtype=np.float64)
        self._days: dict[date, Floats] = {}
        self._stale: set[datetime] | None = None

    def knows(self, meter_id: str) -> bool:
        """Say whether it is a meter of these factories."""
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


def place_of(complex_: Complex) -> Place:
    """Return where a complex lies."""
    where = complex_.location
    return Place(where.latitude, where.longitude, where.altitude_m)


class ClearSky:
    """The output of some factories' roofs under a clear sky by Korean day, each day computed once."""

    def __init__(self, complex_: Complex, participants: Sequence[Participant]) -> None:
        sites = [site for one in participants for site in one.pv]
        self._place = place_of(complex_)
        self.roofs = Roofs(
            capacity_kw_ac=tuple(site.capacity_kw_ac for site in sites),
            capacity_kw_dc=tuple(site.capacity_kw_dc for site in sites),
            tilt_deg=tuple(site.tilt_deg for site in sites),
            azimuth_deg=tuple(site.azimuth_deg for site in sites),
        )
        # By day: power of the roofs, and the sun.
        self._days: dict[date, tuple[Floats, Sun]] = {}

    def kw(self, days: Sequence[date]) -> Floats:
        """Return (days x 96 x roofs)."""
        self._compute(days)
        return np.stack([self._days[day][0] for day in days])

    def sun(self, days: Sequence[date]) -> Sun:
        """Return the sun over the intervals of the days."""
        self._compute(days)
        return Sun.joined([self._days[day][1] for day in days])

    def _compute(self, days: Sequence[date]) -> None:
        missing = [day for day in days if day not in self._days]
        for day in missing:
            starts = pd.DatetimeIndex([day_start(day) + n * INTERVAL for n in range(INTERVALS_PER_DAY)])
            sun = sun_over(self._place, starts, pd.Timedelta(INTERVAL))
            self._days[day] = clear_kw(self.roofs, sun), sun
        # Beyond what is learned from lie yesterday, today and tomorrow.
        kept = sorted(self._days)[-(KEPT_DAYS + 3) :]
        self._days = {day: self._days[day] for day in {*kept, *days}}
