"""A made-up sky over a real place: where the sun stands, and how cloudy it is. The same answer at every asking.

It is not the forecast's model: a simulated roof must not know what its forecaster knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.fems.domain.simulated.draws import seed_of, smooth
from shared.arrays import Floats
from shared.intervals import INTERVAL_S, INTERVALS_PER_DAY, INTERVALS_PER_HOUR, SECONDS_PER_DAY

# 2000-01-01T12:00Z, from which the sun's course is counted, in seconds since 1970.
J2000_S = 946_728_000
# Of all skies that chance could give, one under which the demo's own day is fair, with some clouds.
SKY = 11
# Haurwitz (1945), clear-sky global irradiance on the horizontal [W/m2]: 1098 cos z exp(-0.057 / cos z).
HAURWITZ_WM2, HAURWITZ_EXTINCTION = 1098.0, 0.057


@dataclass(frozen=True, slots=True)
class SkyPlace:
    """A spot on the globe."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class SunDirection:
    """The sun's direction as a unit vector by interval: `east`, `north`, `up`."""

    east: Floats
    north: Floats
    up: Floats


def sun_on_day(place: SkyPlace, day: int) -> SunDirection:
    """Return where the sun stands in the middle of each of a UTC day's 96 intervals (`day` counts from 1970).

    Source:
        The Astronomical Almanac's low-precision formulas (0.01 degrees), as given by the US Naval Observatory.
    """
    seconds = day * SECONDS_PER_DAY + (np.arange(INTERVALS_PER_DAY) + 0.5) * INTERVAL_S
    days = (seconds - J2000_S) / SECONDS_PER_DAY
    anomaly = np.radians((357.529 + 0.98560028 * days) % 360)
    longitude = np.radians((280.459 + 0.98564736 * days) % 360) + np.radians(
        1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly)
    )
    obliquity = np.radians(23.439 - 0.00000036 * days)
    right_ascension = np.arctan2(np.cos(obliquity) * np.sin(longitude), np.cos(longitude))
    declination = np.arcsin(np.sin(obliquity) * np.sin(longitude))
    greenwich_sidereal = np.radians((280.46061837 + 360.98564737 * days) % 360)
    hour_angle = greenwich_sidereal + np.radians(place.longitude) - right_ascension
    latitude = np.radians(place.latitude)
    return SunDirection(
        east=-np.cos(declination) * np.sin(hour_angle),
        north=np.cos(latitude) * np.sin(declination) - np.sin(latitude) * np.cos(declination) * np.cos(hour_angle),
        up=np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle),
    )


def clear_sky_ghi(sun: SunDirection) -> Floats:
    """Return global irradiance [W/m2] on the horizontal under a clear sky; 0 while the sun is down."""
    up = np.maximum(sun.up, 1e-3)
    ghi = HAURWITZ_WM2 * up * np.exp(-HAURWITZ_EXTINCTION / up)
    return np.where(sun.up > 0, ghi, 0.0)


def clearness_on_day(complex_id: str, site_ids: Sequence[str], day: int) -> Floats:
    """Return which part of the clear sky's light comes through on a UTC day, (sites x 96), in (0, 1].

    Three layers of cloud: the day's weather and passing fronts are the complex's, small clouds a site's own.
    """
    at = day * INTERVALS_PER_DAY + np.arange(INTERVALS_PER_DAY)
    weather = smooth(seed_of(SKY, complex_id, "weather"), at, every=INTERVALS_PER_DAY)
    fronts = smooth(seed_of(SKY, complex_id, "fronts"), at, every=3 * INTERVALS_PER_HOUR)
    clouds = smooth([seed_of(SKY, complex_id, site_id, "clouds") for site_id in site_ids], at, every=2)
    # Powers above 1, so that fair days outnumber dull ones; small clouds matter most under a broken sky.
    cover = 0.8 * weather**1.2 + 0.5 * fronts**1.5
    cover = np.clip(cover + 0.9 * (clouds - 0.5) * cover, 0.0, 1.0)
    # Kasten and Czeplak (1980): what comes through a cover of N is 1 - 0.75 N^3.4; a gentler power suits the mean.
    return np.asarray(1.0 - 0.75 * cover**1.5)


def air_temperature_c(complex_id: str, day: int, place: SkyPlace) -> Floats:
    """Return air temperature by interval of a UTC day: the year's wave, the day's, and the weather's."""
    at = day * INTERVALS_PER_DAY + np.arange(INTERVALS_PER_DAY)
    year = np.cos(2 * np.pi * ((day % 365.2425) - 205) / 365.2425)
    solar_hour = (at % INTERVALS_PER_DAY) / INTERVALS_PER_HOUR + place.longitude / 15
    daily = np.cos(2 * np.pi * (solar_hour - 15) / 24)
    weather = smooth(seed_of(SKY, complex_id, "temperature"), at, every=INTERVALS_PER_DAY) - 0.5
    return np.asarray(14.5 + np.sign(place.latitude) * 12.0 * year + 4.0 * daily + 6.0 * weather)
