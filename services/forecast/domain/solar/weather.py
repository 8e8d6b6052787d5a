"""Weather forecasts, and what roofs would deliver under them.

A weather frame has a row a variable and span of time, in these columns: `valid_start`, `valid_end` (UTC, half-open),
`available_at` (UTC, when it could first be known), `variable`, `value`. Where two rows speak of the same variable and
time, the later row of the frame holds.

Variables: `ghi` [W/m²], `temp_air` [°C], `wind_speed` [m/s], and KMA's codes `sky`, `pty` and the fraction `pop`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pvlib import irradiance

from services.forecast.domain import climatology
from services.forecast.domain.climatology import Distribution
from services.forecast.domain.solar import kma
from services.forecast.domain.solar.physics import (
    REFERENCE_TEMP_AIR_C,
    REFERENCE_WIND_SPEED_M_PER_S,
    Place,
    Roofs,
    Sky,
    ac_power_kw,
    clear_sky,
)
from shared.arrays import Flags, Floats
from shared.intervals import INTERVAL

COLUMNS = ("valid_start", "valid_end", "available_at", "variable", "value")
GHI, TEMP_AIR, WIND_SPEED = "ghi", "temp_air", "wind_speed"
SKY, PRECIPITATION_TYPE, PRECIPITATION_CHANCE = "sky", "pty", "pop"
# What a thing on Earth can measure; anything else is a wrong unit or a code for "missing".
BOUNDS = {
    GHI: (0.0, 1500.0),
    TEMP_AIR: (-60.0, 60.0),
    WIND_SPEED: (0.0, 100.0),
    SKY: (1.0, 4.0),
    PRECIPITATION_TYPE: (0.0, 7.0),
    PRECIPITATION_CHANCE: (0.0, 1.0),
}
# A span of less light than this says nothing of the sky; its neighbours do.
CLEAR_GHI_MIN_W_PER_M2 = 20.0
# Clouds at the sun's side brighten a quarter hour by no more than this.
INDEX_MAX = 1.2
# Live measurements lead up to about 4 hours. From the first to the second lead weather takes over, as far as it is
# trusted: it is not calibrated to the roof. The share is an assumption until forecasts have been scored against it.
LEAD_HOURS_FROM, LEAD_HOURS_FULL = 3.0, 5.0
TRUST = 0.7


def weather_frame(rows: Sequence[tuple[datetime, datetime, datetime, str, float]]) -> pd.DataFrame:
    """Return rows as a frame; what no thing on Earth can measure is left out."""
    kept = [row for row in rows if row[3] in BOUNDS and BOUNDS[row[3]][0] <= row[4] <= BOUNDS[row[3]][1]]
    frame = pd.DataFrame(kept, columns=list(COLUMNS))
    for name in COLUMNS[:3]:
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame.astype({"value": np.float64})


def known_at(frame: pd.DataFrame, issued_at: datetime) -> pd.DataFrame:
    """Return what was available at an instant; of a variable's same span the newest, finer spans after coarser ones."""
    known = frame[frame["available_at"] <= issued_at]
    known = known.assign(span=known["valid_end"] - known["valid_start"])
    known = known.sort_values(["available_at", "span", "valid_start"], ascending=[True, False, True], kind="stable")
    newest = known.drop_duplicates(["variable", "valid_start", "valid_end"], keep="last")
    return newest[list(COLUMNS)].reset_index(drop=True)


def covered(frame: pd.DataFrame, starts: pd.DatetimeIndex) -> Flags:
    """Say of each interval whether the frame knows its light."""
    middles = starts + INTERVAL / 2
    known = np.zeros(len(starts), dtype=np.bool_)
    told = frame[frame["variable"].isin((GHI, SKY))]
    for first, end in zip(*_places(told, middles), strict=True):
        known[first:end] = True
    return known


def _places(rows: pd.DataFrame, instants: pd.DatetimeIndex) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first of the instants in each row's span, and the first after it."""
    first, end = (instants.searchsorted(pd.DatetimeIndex(rows[name])) for name in ("valid_start", "valid_end"))
    return first, end


def weather_kw(place: Place, roofs: Roofs, frame: pd.DataFrame, starts: pd.DatetimeIndex) -> Floats | None:
    """Return the average AC power [kW] of each roof under the forecast weather: (intervals x roofs).

    NaN where the weather is not known; None where it is not known at all.

    Source:
        Erbs, Klein and Duffie, Solar Energy 28 (1982) 293-302, parts the global irradiance into direct and diffuse.
    """
    if not covered(frame, starts).any():
        return None
    middles = starts + INTERVAL / 2
    painted = _painted(place, frame, middles)
    sky = clear_sky(place, middles)
    ghi = np.nan_to_num(sky.ghi) * painted["index"][:, None]
    day_of_year = np.asarray(middles.day_of_year, dtype=np.float64)[:, None]
    parts = irradiance.erbs(np.nan_to_num(ghi), sky.apparent_zenith, day_of_year)
    overcast = Sky(sky.apparent_zenith, sky.azimuth, parts["dni"], np.nan_to_num(ghi), parts["dhi"], sky.dni_extra)
    power_kw = ac_power_kw(
        overcast,
        roofs,
        temp_air_c=np.nan_to_num(painted[TEMP_AIR], nan=REFERENCE_TEMP_AIR_C)[:, None],
        wind_speed_m_per_s=np.nan_to_num(painted[WIND_SPEED], nan=REFERENCE_WIND_SPEED_M_PER_S)[:, None],
    )
    return np.where(np.isfinite(ghi), np.nan_to_num(power_kw), np.nan)


def followed(issued: Distribution, expected_kw: Floats, capacity_kw_ac: Floats) -> Distribution:
    """Return a forecast of consecutive quarter hours from its issue on, moved towards what the weather makes of them.

    The range keeps its width; where the weather is not known (NaN) and at night nothing changes.

    Args:
        issued: (intervals x roofs) [kW].
        expected_kw: The same under the forecast weather.
        capacity_kw_ac: Each roof's inverter limit.
    """
    lead_hours = (np.arange(len(expected_kw)) + 1) * (INTERVAL / timedelta(hours=1))
    ramp = np.clip((lead_hours - LEAD_HOURS_FROM) / (LEAD_HOURS_FULL - LEAD_HOURS_FROM), 0.0, 1.0)
    known = np.isfinite(expected_kw) & (issued.p90 > 0)
    shift_kw = np.where(known, TRUST * ramp[:, None] * (expected_kw - issued.p50), 0.0)
    moved = Distribution(*(part + shift_kw for part in issued.parts))
    return climatology.bounded(moved, 0.0, capacity_kw_ac)


def _painted(place: Place, frame: pd.DataFrame, middles: pd.DatetimeIndex) -> dict[str, Floats]:
    """Return the share of a clear sky's irradiance, air temperature and wind at some instants; NaN is unknown."""
    spans = list(COLUMNS[:3])
    ordered = frame.assign(order=np.arange(len(frame)))
    wide = ordered.pivot_table(index=spans, columns="variable", values="value", aggfunc="last")
    wide["order"] = ordered.groupby(spans)["order"].max()
    wide = wide.sort_values("order").reset_index()
    wide = wide.reindex(columns=[*spans, *BOUNDS])
    wide["index"] = _clear_sky_index(place, wide)
    painted = {name: np.full(len(middles), np.nan) for name in ("index", TEMP_AIR, WIND_SPEED)}
    first, end = _places(wide, middles)
    for name, line in painted.items():
        values = wide[name].to_numpy()
        for row in np.flatnonzero(np.isfinite(values)):
            line[first[row] : end[row]] = values[row]
    reached = covered(frame, middles - INTERVAL / 2)
    index = pd.Series(painted["index"]).interpolate(limit_direction="both").to_numpy()
    painted["index"] = np.where(reached, np.asarray(index, dtype=np.float64), np.nan)
    return painted


def _clear_sky_index(place: Place, wide: pd.DataFrame) -> Floats:
    """Return each span's irradiance as a share of the clear sky's; NaN where it is dark or nothing is said of it."""
    share = kma.clear_share(*(wide[name].to_numpy() for name in (SKY, PRECIPITATION_TYPE, PRECIPITATION_CHANCE)))
    ghi = wide[GHI].to_numpy()
    if not np.isfinite(ghi).any():
        return share
    lit = wide[np.isfinite(ghi)]
    step = INTERVAL / 3
    grid = pd.date_range(lit["valid_start"].min(), lit["valid_end"].max(), freq=step, inclusive="left")
    so_far = np.concatenate(([0.0], np.cumsum(np.nan_to_num(clear_sky(place, grid + step / 2).ghi[:, 0]))))
    first, end = _places(wide, grid)
    clear = (so_far[end] - so_far[first]) / np.maximum(end - first, 1)
    index = np.divide(ghi, clear, out=np.full_like(ghi, np.nan), where=clear >= CLEAR_GHI_MIN_W_PER_M2)
    return np.where(np.isfinite(ghi), np.minimum(index, INDEX_MAX), share)
