"""Made-up roofs' solar power: irradiance on the tilted modules, their temperature, and the inverter's limit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from services.fems.domain.simulated.sky import SunDirection
from shared.arrays import Floats, Integers
from shared.intervals import INTERVALS_PER_HOUR
from shared.units import WH_PER_KWH

GROUND_ALBEDO = 0.2
STC_IRRADIANCE_WM2, STC_TEMP_C = 1000.0, 25.0
# Nominal operating cell temperature: 45 C at 800 W/m2 and 20 C of air (IEC 61215).
NOCT_C, NOCT_IRRADIANCE_WM2, NOCT_AIR_C = 45.0, 800.0, 20.0
POWER_PER_KELVIN = -0.0038
# Dirt, wiring, mismatch before the inverter; and the inverter's own efficiency.
DC_LOSS, INVERTER_EFFICIENCY = 0.08, 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """A solar plant; azimuth is clockwise from north."""

    site_id: str
    capacity_kw_ac: float
    capacity_kw_dc: float
    tilt_deg: float
    azimuth_deg: float

    def loss_w(self, output_w: float) -> float:
        """Return what the inverter loses as heat at an output."""
        return output_w * (1 / INVERTER_EFFICIENCY - 1)

    @property
    def loss_w_rated(self) -> float:
        """Return the most that the inverter loses."""
        return self.loss_w(self.capacity_kw_ac * WH_PER_KWH)


def energy_wh(roofs: Sequence[Roof], sun: SunDirection, ghi: Floats, clearness: Floats, air_c: Floats) -> Integers:
    """Return the AC energy of each roof and interval, (roofs x intervals).

    Args:
        roofs: The plants.
        sun: The sun's direction.
        ghi: Global irradiance on the horizontal under a clear sky [W/m2].
        clearness: The part of it that comes through the clouds, (roofs x intervals).
        air_c: Air temperature.
    """
    poa = plane_irradiance(roofs, sun, ghi, clearness)
    cell_c = air_c + (NOCT_C - NOCT_AIR_C) / NOCT_IRRADIANCE_WM2 * poa
    heat = 1 + POWER_PER_KELVIN * (cell_c - STC_TEMP_C)
    dc_kw = _column(roof.capacity_kw_dc for roof in roofs) * poa / STC_IRRADIANCE_WM2 * heat * (1 - DC_LOSS)
    ac_kw = np.clip(dc_kw * INVERTER_EFFICIENCY, 0.0, _column(roof.capacity_kw_ac for roof in roofs))
    return np.asarray(np.floor(ac_kw * (WH_PER_KWH / INTERVALS_PER_HOUR)).astype(np.int64))


def plane_irradiance(roofs: Sequence[Roof], sun: SunDirection, ghi: Floats, clearness: Floats) -> Floats:
    """Return irradiance on the modules [W/m2]: the beam at its angle, an even sky (Liu and Jordan), the ground."""
    tilt, azimuth = (
        np.radians(_column(roof.tilt_deg for roof in roofs)),
        np.radians(_column(roof.azimuth_deg for roof in roofs)),
    )
    facing = (
        np.cos(tilt) * sun.up + np.sin(tilt) * np.sin(azimuth) * sun.east + np.sin(tilt) * np.cos(azimuth) * sun.north
    )
    # A clear sky scatters about a fifth of the light; behind clouds all that is left is scattered.
    diffuse_part = np.clip(1.0 - 0.8 * ((clearness - 0.25) / 0.75), 0.2, 1.0)
    global_horizontal = ghi * clearness
    beam_horizontal = global_horizontal * (1 - diffuse_part)
    beam = beam_horizontal * np.maximum(facing, 0.0) / np.maximum(sun.up, 0.05)
    sky = global_horizontal * diffuse_part * (1 + np.cos(tilt)) / 2
    ground = global_horizontal * GROUND_ALBEDO * (1 - np.cos(tilt)) / 2
    return np.asarray(np.where(sun.up > 0, beam + sky + ground, 0.0))


def _column(figures: Iterable[float]) -> Floats:
    return np.array([[figure] for figure in figures]).reshape(-1, 1)
