"""What roofs would deliver under a clear sky: pvlib's physics for all roofs of a complex at once.

Everything is a (time x roof) array with one solar position for the complex, which costs about a thousandth of a
ModelChain for each roof; a test holds the two together.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pvlib import atmosphere, clearsky, iam, inverter, irradiance, pvsystem, solarposition, temperature

from shared.arrays import Flags, Floats, Integers

# PVWatts v5 defaults (Dobos, NREL/TP-6A20-62641, 2014): crystalline silicon, roof mounted.
TEMPERATURE_COEFFICIENT_PER_C = -0.0047
INVERTER_EFFICIENCY = 0.96
SYSTEM_LOSS = float(pvsystem.pvwatts_losses()) / 100
ALBEDO = 0.25
# pvlib's bound of the Hay and Davies ratio near the horizon, the cosine of 89 degrees.
COS_ZENITH_MIN = 0.01745
MOUNT = temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"]["close_mount_glass_glass"]
# The reference sky has a mild day's air; what weather does beyond that is part of the learned clearness.
REFERENCE_TEMP_AIR_C = 20.0
REFERENCE_WIND_SPEED_M_PER_S = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the roofs lie."""

    latitude: float
    longitude: float
    altitude_m: float


@dataclass(frozen=True, slots=True)
class Roofs:
    """Solar plants, one entry a plant in each field."""

    capacity_kw_ac: tuple[float, ...]
    capacity_kw_dc: tuple[float, ...]
    tilt_deg: tuple[float, ...]
    azimuth_deg: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """The sun and the irradiance at some instants; a column vector each, so that it meets roofs by broadcasting.

    Angles in degrees, irradiance in W/m².
    """

    apparent_zenith: Floats
    azimuth: Floats
    dni: Floats
    ghi: Floats
    dhi: Floats
    dni_extra: Floats

    @staticmethod
    def joined(parts: "Sequence[Sky]") -> "Sky":
        """Return consecutive stretches of time as one."""
        return Sky(
            apparent_zenith=np.concatenate([one.apparent_zenith for one in parts]),
            azimuth=np.concatenate([one.azimuth for one in parts]),
            dni=np.concatenate([one.dni for one in parts]),
            ghi=np.concatenate([one.ghi for one in parts]),
            dhi=np.concatenate([one.dhi for one in parts]),
            dni_extra=np.concatenate([one.dni_extra for one in parts]),
        )

    def at(self, rows: Integers | Flags) -> "Sky":
        """Return the sky at some of the instants."""
        return Sky(
            apparent_zenith=self.apparent_zenith[rows],
            azimuth=self.azimuth[rows],
            dni=self.dni[rows],
            ghi=self.ghi[rows],
            dhi=self.dhi[rows],
            dni_extra=self.dni_extra[rows],
        )


def clear_sky(place: Place, middles: pd.DatetimeIndex) -> Sky:
    """Return the clear sky (Ineichen, monthly Linke turbidity) at some instants, aware.

    Source:
        Ineichen and Perez, Solar Energy 73 (2002) 151-157.
    """
    pressure = atmosphere.alt2pres(place.altitude_m)
    with warnings.catch_warnings():
        # pvlib 0.16 still asks pandas for `dayofyear`, which pandas 3.1 answers and calls deprecated.
        warnings.filterwarnings("ignore", message="DatetimeIndex.dayofyear", category=DeprecationWarning)
        sun = solarposition.get_solarposition(
            middles, place.latitude, place.longitude, altitude=place.altitude_m, pressure=pressure
        )
        dni_extra = irradiance.get_extra_radiation(middles).to_numpy()
        turbidity = clearsky.lookup_linke_turbidity(middles, place.latitude, place.longitude).to_numpy()
    apparent_zenith = sun["apparent_zenith"].to_numpy()
    airmass = atmosphere.get_absolute_airmass(atmosphere.get_relative_airmass(apparent_zenith), pressure)
    with np.errstate(divide="ignore"):  # below the horizon pvlib divides by cos(90°) and then bounds the result
        clear = clearsky.ineichen(apparent_zenith, airmass, turbidity, altitude=place.altitude_m, dni_extra=dni_extra)
    return Sky(
        apparent_zenith=apparent_zenith[:, None],
        azimuth=sun["azimuth"].to_numpy()[:, None],
        dni=clear["dni"][:, None],
        ghi=clear["ghi"][:, None],
        dhi=clear["dhi"][:, None],
        dni_extra=dni_extra[:, None],
    )


def ac_power_kw(
    sky: Sky,
    roofs: Roofs,
    *,
    temp_air_c: float | Floats = REFERENCE_TEMP_AIR_C,
    wind_speed_m_per_s: float | Floats = REFERENCE_WIND_SPEED_M_PER_S,
) -> Floats:
    """Return the AC power [kW] of each roof under a sky: (instants x roofs), never negative, clipped at the inverter.

    The air is alike at all instants, or a column vector of them.

    Source:
        Hay and Davies transposition (1980), physical incidence model, SAPM cell temperature, PVWatts v5 for DC and AC.
    """
    ac_kw: Floats = np.zeros((len(sky.ghi), len(roofs.capacity_kw_ac)))
    # Half of the instants lie in the night.
    lit = np.flatnonzero((sky.ghi != 0) | (sky.dni != 0) | (sky.dhi != 0))
    air = (np.broadcast_to(one, sky.ghi.shape)[lit] for one in (temp_air_c, wind_speed_m_per_s))
    ac_kw[lit] = _lit_power_kw(sky.at(lit), roofs, *air)
    return ac_kw


def _lit_power_kw(sky: Sky, roofs: Roofs, temp_air_c: Floats, wind_speed_m_per_s: Floats) -> Floats:
    tilt, azimuth = np.array(roofs.tilt_deg), np.array(roofs.azimuth_deg)
    facing = irradiance.aoi_projection(tilt, azimuth, sky.apparent_zenith, sky.azimuth)
    # As irradiance.haydavies does it where it is given angles alone; here the projection is at hand.
    facing_ratio = np.maximum(facing, 0.0) / np.maximum(np.cos(np.radians(sky.apparent_zenith)), COS_ZENITH_MIN)
    poa_sky = irradiance.haydavies(tilt, azimuth, sky.dhi, sky.dni, sky.dni_extra, projection_ratio=facing_ratio)
    poa_direct = np.maximum(sky.dni * facing, 0.0)
    poa_diffuse = poa_sky + irradiance.get_ground_diffuse(tilt, sky.ghi, albedo=ALBEDO)
    effective_irradiance = poa_direct * iam.physical(np.degrees(np.arccos(facing))) + poa_diffuse
    temp_cell = temperature.sapm_cell(poa_direct + poa_diffuse, temp_air_c, wind_speed_m_per_s, **MOUNT)
    dc_kw = pvsystem.pvwatts_dc(
        effective_irradiance, temp_cell, np.array(roofs.capacity_kw_dc), TEMPERATURE_COEFFICIENT_PER_C
    )
    inverter_dc_limit_kw = np.array(roofs.capacity_kw_ac) / INVERTER_EFFICIENCY
    ac_kw: Floats = inverter.pvwatts(dc_kw * (1 - SYSTEM_LOSS), inverter_dc_limit_kw, INVERTER_EFFICIENCY)
    return ac_kw


def clear_sky_kw(place: Place, roofs: Roofs, starts: pd.DatetimeIndex, interval: pd.Timedelta) -> Floats:
    """Return the average AC power [kW] of intervals under a clear sky: (intervals x roofs).

    The sun stands where it is in the middle of the interval; taken at an edge, a quarter hour is 2 % off.
    """
    return ac_power_kw(clear_sky(place, starts + interval / 2), roofs)
