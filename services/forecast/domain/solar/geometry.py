"""Which way a solar plant looks and what it loses, learned from what it delivered on its clearest days."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from services.forecast.domain.metered.site import Site
from services.forecast.domain.solar.physics import Place, Roofs, Sky, ac_power_kw, clear_sky
from shared.arrays import Flags, Floats, Integers

TILTS_DEG = (0.0, 10.0, 20.0, 30.0, 40.0, 55.0, 75.0)
AZIMUTHS_DEG = tuple(float(azimuth) for azimuth in range(60, 301, 20))
# A clear sky is what is seldom passed: of the bright intervals nine in ten stay below it.
CLEAR_QUANTILE = 0.9
# Fewer bright intervals are less than about three days.
BRIGHT_MIN = 100
# The newest so many intervals are looked at; a year of quarter hours in every season, thinned to keep it fast.
SAMPLES_MAX = 6_000
BRIGHT_SHARE_MIN = 0.05
CLIPPED_SHARE = 0.97
BRIGHT_DEG = 3.0
# Refraction lifts the sun by half a degree at the horizon; below the second limit no light is left.
SUNRISE_DEG, NIGHT_DEG = 0.5, -1.0
# Before anything was learned: a flat roof's usual tilt, towards the equator, and as much DC as AC.
DEFAULT_TILT_DEG = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Sun:
    """The clear sky over the intervals of a timeline.

    Attributes:
        sky: At the middle of each.
        up: Whether the middle lies in daylight.
        dark: Whether all of it lies in the night.
    """

    sky: Sky
    up: Flags
    dark: Flags

    @property
    def elevation_deg(self) -> Floats:
        """Return the sun's apparent elevation in the middle of each interval."""
        elevation: Floats = 90.0 - self.sky.apparent_zenith[:, 0]
        return elevation

    @staticmethod
    def joined(parts: "Sequence[Sun]") -> "Sun":
        """Return consecutive stretches of time as one."""
        sky = Sky.joined([one.sky for one in parts])
        return Sun(sky, np.concatenate([one.up for one in parts]), np.concatenate([one.dark for one in parts]))

    def at(self, rows: Integers | Flags) -> Sky:
        """Return the sky over some intervals."""
        return self.sky.at(rows)


def sun_over(place: Place, starts: pd.DatetimeIndex, step: pd.Timedelta) -> Sun:
    """Return the sun over consecutive intervals."""
    sky = clear_sky(place, starts + step / 2)
    edge_deg = 90.0 - clear_sky(place, pd.DatetimeIndex([*starts, starts[-1] + step])).apparent_zenith[:, 0]
    middle_deg = 90.0 - sky.apparent_zenith[:, 0]
    return Sun(
        sky=sky,
        up=middle_deg > SUNRISE_DEG,
        dark=np.maximum(middle_deg, np.maximum(edge_deg[:-1], edge_deg[1:])) < NIGHT_DEG,
    )


@dataclass(frozen=True, slots=True)
class Array:
    """What decides a plant's output under a clear sky; `dc_kw` includes what is lost beyond the usual."""

    tilt_deg: float
    azimuth_deg: float
    dc_kw: float


def default_array(site: Site) -> Array:
    """Return what is taken for granted before anything was learned."""
    assert site.capacity_kw_ac is not None  # noqa: S101 -- a pv site has one; narrows the type
    return Array(
        tilt_deg=DEFAULT_TILT_DEG if site.tilt_deg is None else site.tilt_deg,
        azimuth_deg=(180.0 if site.latitude >= 0 else 0.0) if site.azimuth_deg is None else site.azimuth_deg,
        dc_kw=site.capacity_kw_dc or site.capacity_kw_ac,
    )


def place_of(site: Site) -> Place:
    """Return where a site lies."""
    return Place(site.latitude, site.longitude, site.altitude_m)


def roof_of(site: Site, array: Array) -> Roofs:
    """Return one plant for the physics."""
    assert site.capacity_kw_ac is not None  # noqa: S101 -- a pv site has one; narrows the type
    return Roofs((site.capacity_kw_ac,), (array.dc_kw,), (array.tilt_deg,), (array.azimuth_deg,))


def clear_kw(roofs: Roofs, sun: Sun) -> Floats:
    """Return the output under a clear sky [kW], (intervals x roofs); 0 in the night, at most the inverters' limits."""
    return np.where(sun.up[:, None], np.nan_to_num(ac_power_kw(sun.sky, roofs)), 0.0)


def learned_array(site: Site, metered_kw: Floats, sun: Sun) -> Array:
    """Return the orientation and size whose clear sky lies closest above what was metered; NaN is unknown.

    For each orientation the size is the one that CLEAR_QUANTILE of the bright intervals stay below; the orientation is
    the one with the least pinball loss at that quantile. What a site states is believed, as it is of a complex file.
    """
    default = default_array(site)
    if None not in {site.tilt_deg, site.azimuth_deg, site.capacity_kw_dc}:
        return default
    assert site.capacity_kw_ac is not None  # noqa: S101 -- a pv site has one; narrows the type
    bright = np.flatnonzero(np.isfinite(metered_kw) & (sun.elevation_deg[: len(metered_kw)] > BRIGHT_DEG))
    if len(bright) < BRIGHT_MIN:
        return default
    bright = bright[:: 1 + len(bright) // SAMPLES_MAX]
    tilts = TILTS_DEG if site.tilt_deg is None else (site.tilt_deg,)
    azimuths = AZIMUTHS_DEG if site.azimuth_deg is None else (site.azimuth_deg,)
    southern = site.latitude < 0
    if southern and site.azimuth_deg is None:
        azimuths = tuple((azimuth + 180.0) % 360.0 for azimuth in azimuths)
    pairs = [(t, a) for t in tilts for a in (azimuths if t > 0 else azimuths[:1])]
    size = len(pairs)
    # An inverter of twice the plant's size clips nothing; what comes out is the output per kW of DC.
    roofs = Roofs((2.0,) * size, (1.0,) * size, tuple(t for t, _ in pairs), tuple(a for _, a in pairs))
    unit_kw = np.nan_to_num(ac_power_kw(sun.at(bright), roofs))
    losses, sizes = [], []
    metered = metered_kw[bright]
    for column in range(size):
        dc_kw, loss = _best_size(metered, unit_kw[:, column], site.capacity_kw_ac)
        losses.append(loss)
        sizes.append(dc_kw)
    best = int(np.argmin(losses))
    return Array(tilt_deg=pairs[best][0], azimuth_deg=pairs[best][1], dc_kw=sizes[best])


def _best_size(metered_kw: Floats, unit_kw: Floats, capacity_kw_ac: float) -> tuple[float, float]:
    free = (unit_kw > BRIGHT_SHARE_MIN) & (metered_kw < CLIPPED_SHARE * capacity_kw_ac)
    if np.count_nonzero(free) < BRIGHT_MIN // 2:
        return capacity_kw_ac, np.inf
    ratio = metered_kw[free] / unit_kw[free]
    order = np.argsort(ratio)
    # Each interval counts by its light: dawn must not decide how large a plant is.
    weight = np.cumsum(unit_kw[free][order])
    place = np.searchsorted(weight, CLEAR_QUANTILE * weight[-1])
    dc_kw = float(ratio[order][min(place, len(order) - 1)])
    dc_kw = min(max(dc_kw, 0.05 * capacity_kw_ac), 5.0 * capacity_kw_ac)
    rest = metered_kw - np.minimum(dc_kw * unit_kw, capacity_kw_ac)
    loss = float(np.mean(np.maximum(CLEAR_QUANTILE * rest, (CLEAR_QUANTILE - 1.0) * rest)))
    return dc_kw, loss
