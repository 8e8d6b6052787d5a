"""What every source of weather forecasts is to the rest: a name, an age, and `fetch`."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import pandas as pd


class SourceName(StrEnum):
    """The sources that can be named in FORECAST_WEATHER_SOURCES."""

    KMA_ULTRA_SHORT = "kma_ultra_short"
    KMA_SHORT = "kma_short"
    OPEN_METEO = "open_meteo"
    CSV = "csv"
    CLEAR_SKY = "clear_sky"


# These ask the world outside about its own time, which a simulated clock is not.
LIVE_SOURCES = frozenset({SourceName.KMA_ULTRA_SHORT, SourceName.KMA_SHORT, SourceName.OPEN_METEO})


class SourceFailed(Exception):  # noqa: N818 -- it says what the source did
    """A source has no answer that can be used; the message says why, and never holds a key."""


class WeatherSource(Protocol):
    """One place that weather forecasts come from.

    Attributes:
        stale_after: How long after its newest row became available an answer is no forecast of now.
    """

    @property
    def name(self) -> SourceName:
        """Return what it is called."""
        ...

    @property
    def stale_after(self) -> timedelta:
        """Return how old the newest row may be."""
        ...

    def fetch(self, issued_at: datetime) -> pd.DataFrame:
        """Return what can be known at an instant: valid_start, valid_end, available_at, variable, value.

        Raises:
            SourceFailed: There is no such answer.
        """
        ...
