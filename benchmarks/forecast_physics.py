"""A thousand roofs' clear-sky day in one pass, against pvlib's ModelChain in a loop: the same roofs, the same run.

Run: .venv/bin/python -m benchmarks.forecast_physics [CHAINS]

ModelChain takes as long for each roof, so CHAINS of them (25) are timed and multiplied; give 1000 to time them all.
Both begin with nothing but place, roofs and instants.
"""

import json
import sys
import warnings
from statistics import median
from time import perf_counter

import numpy as np
import pandas as pd
from pvlib.location import Location
from pvlib.modelchain import ModelChain
from pvlib.pvsystem import Array, FixedMount, PVSystem

from services.forecast.domain.solar.physics import (
    ALBEDO,
    INVERTER_EFFICIENCY,
    MOUNT,
    TEMPERATURE_COEFFICIENT_PER_C,
    Place,
    Roofs,
    ac_power_kw,
    clear_sky,
)
from shared.arrays import Floats

PLACE = Place(35.205, 128.655, 20.0)
SITES, ROUNDS = 1_000, 15
# pvlib's refraction takes 12 °C where it is given no weather, so that the sun stands at the same place.
TEMP_AIR_C, WIND_SPEED_M_PER_S = 12.0, 4.0
TARGET_S, TARGET_RATIO, TOLERANCE_KW = 0.1, 500.0, 0.01


def some_roofs(count: int) -> Roofs:
    """Return made-up roofs of 1 MW, each looking somewhere else."""
    random = np.random.default_rng(6)
    return Roofs(
        capacity_kw_ac=(1_000.0,) * count,
        capacity_kw_dc=tuple(random.uniform(900, 1_500, count).tolist()),
        tilt_deg=tuple(random.uniform(0, 60, count).tolist()),
        azimuth_deg=tuple(random.uniform(90, 270, count).tolist()),
    )


def chain_kw(roofs: Roofs, roof: int, middles: pd.DatetimeIndex) -> Floats:
    """Run a ModelChain for one roof, as pvlib's users do."""
    mount = FixedMount(surface_tilt=roofs.tilt_deg[roof], surface_azimuth=roofs.azimuth_deg[roof])
    system = PVSystem(
        arrays=[
            Array(
                mount,
                albedo=ALBEDO,
                module_parameters={"pdc0": roofs.capacity_kw_dc[roof], "gamma_pdc": TEMPERATURE_COEFFICIENT_PER_C},
                temperature_model_parameters=MOUNT,
            )
        ],
        inverter_parameters={
            "pdc0": roofs.capacity_kw_ac[roof] / INVERTER_EFFICIENCY,
            "eta_inv_nom": INVERTER_EFFICIENCY,
        },
    )
    place = Location(PLACE.latitude, PLACE.longitude, altitude=PLACE.altitude_m)
    models = {"dc_model": "pvwatts", "ac_model": "pvwatts", "losses_model": "pvwatts", "temperature_model": "sapm"}
    chain = ModelChain(system, place, aoi_model="physical", spectral_model="no_loss", **models)
    weather = place.get_clearsky(middles)
    weather["temp_air"], weather["wind_speed"] = TEMP_AIR_C, WIND_SPEED_M_PER_S
    chain.run_model(weather)
    ac_kw: Floats = chain.results.ac.fillna(0.0).to_numpy()
    return ac_kw


def main() -> None:
    """Print the figures as one JSON object."""
    chains = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    warnings.filterwarnings("ignore", message="DatetimeIndex.dayofyear")
    warnings.filterwarnings("ignore", message="divide by zero", category=RuntimeWarning)
    roofs = some_roofs(SITES)
    middles = pd.date_range("2026-05-20 00:07:30", periods=96, freq="15min", tz="Asia/Seoul")
    took_s = []
    for _ in range(ROUNDS + 1):
        begun = perf_counter()
        power_kw = ac_power_kw(
            clear_sky(PLACE, middles), roofs, temp_air_c=TEMP_AIR_C, wind_speed_m_per_s=WIND_SPEED_M_PER_S
        )
        took_s.append(perf_counter() - begun)
    chain_kw(roofs, 0, middles)  # the first one loads tables
    begun = perf_counter()
    expected_kw = np.column_stack([chain_kw(roofs, roof, middles) for roof in range(chains)])
    a_chain_s = (perf_counter() - begun) / chains
    apart_kw = float(np.max(np.abs(power_kw[:, :chains] - expected_kw)))
    pass_s = median(took_s[1:])
    ratio = a_chain_s * SITES / pass_s
    figures = {
        "sites": SITES,
        "steps": len(middles),
        "one pass, median_ms": round(pass_s * 1_000, 2),
        "one pass, worst_ms": round(max(took_s[1:]) * 1_000, 2),
        "ModelChains timed": chains,
        "a ModelChain_ms": round(a_chain_s * 1_000, 2),
        "all in a loop_s" + ("" if chains == SITES else ", multiplied"): round(a_chain_s * SITES, 2),
        "times faster": round(ratio),
        "furthest apart_kw": apart_kw,
    }
    print(json.dumps(figures, indent=2))
    assert apart_kw < TOLERANCE_KW
    assert pass_s < TARGET_S
    assert ratio > TARGET_RATIO


if __name__ == "__main__":
    main()
