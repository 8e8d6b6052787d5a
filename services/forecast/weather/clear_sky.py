"""The sky without clouds: no forecast, and always there."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from services.forecast.domain.solar.physics import Place, clear_sky
from services.forecast.domain.solar.weather import GHI, weather_frame
from services.forecast.weather.source import SourceName
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, interval_of


@dataclass(frozen=True, slots=True)
class ClearSkySource:
    """The clear sky over a place."""

    place: Place
    name: SourceName = SourceName.CLEAR_SKY
    stale_after: timedelta = INTERVAL

    def fetch(self, issued_at: datetime) -> pd.DataFrame:
        """Return its irradiance in the next 24 hours."""
        starts = [interval_of(issued_at) + n * INTERVAL for n in range(INTERVALS_PER_DAY + 1)]
        ghi = clear_sky(self.place, pd.DatetimeIndex(starts) + INTERVAL / 2).ghi[:, 0]
        return weather_frame(
            [(start, start + INTERVAL, issued_at, GHI, float(one)) for start, one in zip(starts, ghi, strict=True)]
        )
