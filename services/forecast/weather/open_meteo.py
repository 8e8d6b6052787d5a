"""Open-Meteo's forecast (open-meteo.com), hourly and by quarter hours."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from pydantic import SecretStr

from services.forecast.domain.solar.physics import Place
from services.forecast.domain.solar.weather import GHI, TEMP_AIR, WIND_SPEED, weather_frame
from services.forecast.weather.calls import get_json
from services.forecast.weather.source import SourceFailed, SourceName
from shared.intervals import DAY

OPEN_METEO_URL = "https://api.open-meteo.com/v1/forecast"
STEPS = {"hourly": timedelta(hours=1), "minutely_15": timedelta(minutes=15)}
# Name, variable, unit, and whether it is the mean of the step before its time; else it is of that instant.
VARIABLES = (
    ("shortwave_radiation", GHI, "W/m²", True),
    ("temperature_2m", TEMP_AIR, "°C", False),
    ("wind_speed_10m", WIND_SPEED, "m/s", False),
)
AROUND = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMeteo:
    """The forecast for a place.

    Attributes:
        key: A customer's key; None: the open service.
    """

    place: Place
    key: SecretStr | None = field(default=None, repr=False)
    url: str = OPEN_METEO_URL
    timeout_s: float = 5.0
    name: SourceName = SourceName.OPEN_METEO
    stale_after: timedelta = timedelta(hours=1)

    def fetch(self, issued_at: datetime) -> pd.DataFrame:
        """Return the forecast as it is now; the service does not say when it became available, so: just now."""
        names = ",".join(name for name, *_ in VARIABLES)
        first, last = (f"{one.astimezone(UTC):%Y-%m-%dT%H:00}" for one in (issued_at, issued_at + DAY + AROUND))
        query = {
            "latitude": f"{self.place.latitude:.5f}",
            "longitude": f"{self.place.longitude:.5f}",
            "elevation": f"{self.place.altitude_m:.0f}",
            "hourly": names,
            "minutely_15": names,
            "start_hour": first,
            "end_hour": last,
            "start_minutely_15": first,
            "end_minutely_15": last,
            "wind_speed_unit": "ms",
            "timeformat": "unixtime",
            "timezone": "GMT",
        }
        if self.key is not None:
            query["apikey"] = self.key.get_secret_value()
        answer = get_json(self.url, query, self.timeout_s)
        if not isinstance(answer, dict) or answer.get("error"):
            reason = answer.get("reason") if isinstance(answer, dict) else "it is no object"
            raise SourceFailed(f"the answer is an error: {str(reason)[:200]}")
        if not STEPS.keys() & answer.keys():
            raise SourceFailed(f"the answer has none of {', '.join(STEPS)}")
        rows = [
            (start, end, issued_at, variable, number)
            for block in STEPS
            if block in answer
            for start, end, variable, number in _block(answer, block)
        ]
        return weather_frame(rows)


def _block(answer: Any, block: str) -> Iterator[tuple[datetime, datetime, str, float]]:
    step = STEPS[block]
    try:
        times = [datetime.fromtimestamp(int(second), UTC) for second in answer[block]["time"]]
        for name, variable, unit, is_mean in VARIABLES:
            given = answer[f"{block}_units"][name]
            if given != unit:
                raise SourceFailed(f"{block}.{name} must be in {unit}, was in {str(given)[:20]}")
            before, after = (step, timedelta()) if is_mean else (step / 2, step / 2)
            for time, number in zip(times, answer[block][name], strict=True):
                if number is not None:
                    yield time - before, time + after, variable, float(number)
    except (KeyError, TypeError, ValueError, ArithmeticError, OSError):
        raise SourceFailed(f"{block} is not as published") from None
