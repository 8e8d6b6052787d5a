"""Let forecasts of roofs follow the newest weather forecast that was kept."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from sqlalchemy.engine import Connection

from services.forecast.domain.climatology import Distribution
from services.forecast.domain.solar import weather
from services.forecast.domain.solar.physics import Roofs
from services.forecast.handlers.meters import place_of
from services.forecast.store.weather import load_weather
from shared.complex.model import Complex
from shared.intervals import INTERVAL, INTERVALS_PER_DAY, interval_of

CLEAR_SKY = "clear_sky"
# When every source has been away for so long, the roof's own past knows better.
OLD = timedelta(hours=6)


def followed(
    db: Connection, complex_: Complex, roofs: Roofs, issued: Distribution, now: datetime
) -> tuple[Distribution, str]:
    """Return a complex's solar forecast of now, moved towards the weather's, and the name of whose weather it was."""
    found = load_weather(db, complex_.complex_id, after=now - OLD, until=now, without=(CLEAR_SKY,))
    if found is None:
        return issued, CLEAR_SKY
    frame, used = found
    first = interval_of(now)
    starts = pd.DatetimeIndex([first + n * INTERVAL for n in range(INTERVALS_PER_DAY)])
    expected_kw = weather.weather_kw(place_of(complex_), roofs, frame, starts)
    if expected_kw is None:
        return issued, CLEAR_SKY
    return weather.followed(issued, expected_kw, np.array(roofs.capacity_kw_ac)), "+".join(used)
