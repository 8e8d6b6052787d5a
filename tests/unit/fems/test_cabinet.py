from datetime import timedelta
from math import e

import pytest

from services.fems.domain.simulated.cabinet import cabinet_c
from services.fems.domain.simulated.roof import Roof
from services.fems.simulator.plant import Plant
from tests.unit.fems.fields import NOW, NOW_NUMBER, a_battery, a_field
from tests.unit.fems.test_plant import a_plant, obey


def test_cabinet_without_losses_is_as_warm_as_the_air() -> None:
    assert cabinet_c(-3.5, warmth_before=0, warmth=0, elapsed_s=600) == -3.5


def test_cabinet_at_its_rating_is_twenty_degrees_warmer() -> None:
    assert cabinet_c(10, warmth_before=1, warmth=1, elapsed_s=123) == pytest.approx(30)


@pytest.mark.parametrize(
    ("elapsed_s", "expected_c"),
    # Half of the rated losses held 10 K; once they are over, 1/e of that is left after the time constant of 600 s.
    [(0, 20), (600, 10 + 10 / e), (60_000, 10)],
)
def test_cabinet_cools_exponentially(elapsed_s: float, expected_c: float) -> None:
    assert cabinet_c(10, warmth_before=0.5, warmth=0, elapsed_s=elapsed_s) == pytest.approx(expected_c)


def test_battery_loses_what_its_efficiencies_say() -> None:
    battery = a_battery()

    # 80 % of 40 kW are stored; 40 kW out at 50 % take 80 kW from the cells. Its worst: 50 kW out lose 50 kW.
    assert battery.loss_w(40_000, 0) == pytest.approx(8_000)
    assert battery.loss_w(0, 40_000) == pytest.approx(40_000)
    assert battery.loss_w_rated == pytest.approx(50_000)


def test_inverter_loses_three_percent_of_what_comes_from_the_modules() -> None:
    roof = Roof(site_id="r", capacity_kw_ac=97, capacity_kw_dc=100, tilt_deg=10, azimuth_deg=180)

    assert roof.loss_w(48_500) == pytest.approx(1_500)
    assert roof.loss_w_rated == pytest.approx(3_000)


def temperatures_c(plant: Plant, minutes: int) -> tuple[float, float]:
    """Return the air's and the battery cabinet's temperature."""
    now = NOW + timedelta(minutes=minutes)
    plant.catch_up(now)
    reading = plant.read("ess", now)
    assert reading.air_c is not None
    assert reading.cabinet_c is not None
    return reading.air_c, reading.cabinet_c


def test_cabinet_follows_the_air_while_idle_and_what_the_battery_does() -> None:
    plant = a_plant()
    air_c = float(a_field().energies(NOW_NUMBER, 1)["sunny"].air_c[0])

    assert list(temperatures_c(plant, 5)) == pytest.approx([air_c, air_c])
    obey(plant, NOW + timedelta(minutes=15), -250_000)
    air_c, warming_c = temperatures_c(plant, 25)
    later_c, warm_c = temperatures_c(plant, 44)

    # 10 minutes at the rated discharge, in which it loses most: 63.2 % of 20 K; in the end nearly all.
    assert warming_c - air_c == pytest.approx(20 * (1 - 1 / e), abs=0.05)
    assert warm_c - later_c == pytest.approx(20, abs=0.1)


def test_roof_shows_a_cabinet_and_a_grid_meter_none() -> None:
    plant = a_plant()

    assert plant.read("roof", NOW).cabinet_c is not None
    assert plant.read("sunny.grid", NOW).cabinet_c is None
