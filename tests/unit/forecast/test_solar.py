"""The array physics against pvlib's own ModelChain, and what a clear sky must look like."""

import warnings
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from pvlib.location import Location
from pvlib.modelchain import ModelChain
from pvlib.pvsystem import Array, FixedMount, PVSystem

from services.forecast.domain.solar.physics import (
    ALBEDO,
    INVERTER_EFFICIENCY,
    MOUNT,
    SYSTEM_LOSS,
    TEMPERATURE_COEFFICIENT_PER_C,
    Place,
    Roofs,
    ac_power_kw,
    clear_sky,
    clear_sky_kw,
)

CHANGWON = Place(latitude=35.205, longitude=128.655, altitude_m=20)
ROOFS = Roofs(
    capacity_kw_ac=(1000.0, 1000.0, 1000.0, 400.0),
    capacity_kw_dc=(1150.0, 1600.0, 1000.0, 460.0),
    tilt_deg=(12.0, 30.0, 0.0, 90.0),
    azimuth_deg=(175.0, 180.0, 90.0, 300.0),
)
QUARTER = pd.Timedelta(minutes=15)


def quarters(first: str, count: int = 96) -> pd.DatetimeIndex:
    return pd.date_range(first, periods=count, freq=QUARTER, tz="Asia/Seoul")


def reference_kw(roof: int, middles: pd.DatetimeIndex, temp_air_c: float, wind_speed_m_per_s: float) -> pd.Series:
    """Run pvlib's ModelChain for one roof."""
    system = PVSystem(
        arrays=[
            Array(
                FixedMount(surface_tilt=ROOFS.tilt_deg[roof], surface_azimuth=ROOFS.azimuth_deg[roof]),
                albedo=ALBEDO,
                module_parameters={
                    "pdc0": ROOFS.capacity_kw_dc[roof],
                    "gamma_pdc": TEMPERATURE_COEFFICIENT_PER_C,
                },
                temperature_model_parameters=MOUNT,
            )
        ],
        inverter_parameters={
            "pdc0": ROOFS.capacity_kw_ac[roof] / INVERTER_EFFICIENCY,
            "eta_inv_nom": INVERTER_EFFICIENCY,
        },
    )
    place = Location(CHANGWON.latitude, CHANGWON.longitude, altitude=CHANGWON.altitude_m)
    chain = ModelChain(
        system,
        place,
        transposition_model="haydavies",
        aoi_model="physical",
        spectral_model="no_loss",
        dc_model="pvwatts",
        ac_model="pvwatts",
        losses_model="pvwatts",
        temperature_model="sapm",
    )
    with warnings.catch_warnings():
        # pvlib 0.16 asks pandas for a deprecated attribute, and divides by zero below the horizon.
        warnings.filterwarnings("ignore", message="DatetimeIndex.dayofyear")
        warnings.filterwarnings("ignore", message="divide by zero", category=RuntimeWarning)
        weather = place.get_clearsky(middles)
        weather["temp_air"], weather["wind_speed"] = temp_air_c, wind_speed_m_per_s
        chain.run_model(weather)
    ac_kw: pd.Series = chain.results.ac
    return ac_kw


@pytest.mark.parametrize("day", ["2026-05-20", "2026-06-21", "2026-12-21", "2026-03-20"])
@pytest.mark.parametrize("roof", range(4))
def test_roof_gets_what_a_model_chain_gives_it(day: str, roof: int) -> None:
    middles = quarters(day) + QUARTER / 2

    # 12 °C is what pvlib's refraction takes where it is given no weather, so the sun stands at the same place.
    power_kw = ac_power_kw(clear_sky(CHANGWON, middles), ROOFS, temp_air_c=12.0, wind_speed_m_per_s=4.0)

    expected_kw = reference_kw(roof, middles, 12.0, 4.0).fillna(0.0).to_numpy()
    assert np.max(np.abs(power_kw[:, roof] - expected_kw)) < 1e-6


def test_system_loss_is_the_default_of_pvwatts() -> None:
    # Soiling 2, shading 3, mismatch 2, wiring 2, connections 0.5, light-induced 1.5, nameplate 1, availability 3 %:
    # 1 - 0.98 x 0.97 x 0.98 x 0.98 x 0.995 x 0.985 x 0.99 x 0.97 = 0.14076
    assert pytest.approx(0.14076, abs=5e-6) == SYSTEM_LOSS


def test_nothing_comes_at_night_and_never_more_than_the_inverter_lets_through() -> None:
    year = pd.date_range("2026-01-01", "2026-12-31 23:45", freq=QUARTER, tz="Asia/Seoul")

    power_kw = clear_sky_kw(CHANGWON, ROOFS, year, QUARTER)

    night = (year.hour >= 20) | (year.hour < 5)
    assert np.all(power_kw[night] == 0.0)
    assert np.all(power_kw >= 0.0)
    assert np.all(power_kw <= np.array(ROOFS.capacity_kw_ac))
    # 1600 kW of modules behind 1000 kW of inverter: clipped on a cold clear noon.
    assert power_kw[:, 1].max() == 1000.0


def test_sun_of_an_interval_stands_where_it_is_in_its_middle() -> None:
    noon = pd.DatetimeIndex([datetime(2026, 5, 20, 0, 0, tzinfo=UTC)])

    by_interval = clear_sky_kw(CHANGWON, ROOFS, noon, QUARTER)
    in_the_middle = ac_power_kw(clear_sky(CHANGWON, noon + timedelta(minutes=7, seconds=30)), ROOFS)

    assert np.array_equal(by_interval, in_the_middle)
