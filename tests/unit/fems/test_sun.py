from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fems.domain.interval_numbers import number_of
from services.fems.domain.simulated.roof import Roof, energy_wh
from services.fems.domain.simulated.sky import (
    SkyPlace,
    SunDirection,
    air_temperature_c,
    clear_sky_ghi,
    clearness_on_day,
    sun_on_day,
)
from shared.intervals import INTERVALS_PER_DAY
from tests.unit.fems.fields import a_field

CHANGWON = SkyPlace(latitude=35.2, longitude=128.65)


def day_of(year: int, month: int, day: int) -> int:
    return number_of(datetime(year, month, day, tzinfo=UTC)) // INTERVALS_PER_DAY


def a_roof(**changes: float) -> Roof:
    facts = {"capacity_kw_ac": 100.0, "capacity_kw_dc": 100.0, "tilt_deg": 15.0, "azimuth_deg": 180.0} | changes
    return Roof(site_id="roof", **facts)


def clear_day_wh(roof: Roof, day: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    sun = sun_on_day(CHANGWON, day)
    nothing_in_the_way = np.ones((1, INTERVALS_PER_DAY))
    air_c = air_temperature_c("c", day, CHANGWON)
    return np.asarray(energy_wh([roof], sun, clear_sky_ghi(sun), nothing_in_the_way, air_c)[0])


def test_sun_at_the_solstice_stands_as_high_as_latitude_and_obliquity_say() -> None:
    sun = sun_on_day(CHANGWON, day_of(2026, 6, 21))

    # 90 - 35.2 + 23.44 = 78.24 degrees at solar noon; the middle of an interval lies at most 7.5 minutes from it, in
    # which the sun turns 1.9 degrees and sinks by less than 0.2.
    assert np.degrees(np.arcsin(sun.up.max())) == pytest.approx(78.24, abs=0.2)


def test_sun_is_highest_when_the_equation_of_time_says() -> None:
    sun = sun_on_day(CHANGWON, day_of(2026, 6, 21))

    # Longitude 128.65 is 8 h 34.6 min ahead of Greenwich and the sun is 1.8 min late in late June, so solar noon is at
    # 12:00 - 8:34.6 + 0:01.8 = 03:27.2 UTC, in the interval from 03:15 (13 quarter hours after midnight).
    assert int(sun.up.argmax()) == 13


def test_sun_rises_in_the_east_and_stands_in_the_south() -> None:
    sun = sun_on_day(CHANGWON, day_of(2026, 3, 21))
    noon = int(sun.up.argmax())

    assert sun.north[noon] < -0.5
    assert sun.east[noon - 20] > 0.5
    assert sun.east[noon + 20] < -0.5


def test_roof_gives_nothing_while_the_sun_is_down() -> None:
    day = day_of(2026, 5, 20)
    found = clear_day_wh(a_roof(), day)

    down = sun_on_day(CHANGWON, day).up <= 0

    assert down.sum() > 36
    assert found[down].sum() == 0


def test_inverter_clips_at_its_rating() -> None:
    found = clear_day_wh(a_roof(capacity_kw_ac=50.0), day_of(2026, 5, 20))

    # 50 kW for a quarter of an hour are 12,500 Wh.
    assert found.max() == 12_500
    assert (found == 12_500).sum() > 10


@pytest.mark.parametrize(("air_c", "expected_wh"), [(20.0, 16_491), (30.0, 15_813)])
def test_warm_modules_give_less(air_c: float, expected_wh: int) -> None:
    # A flat roof under a clear sky that gives 800 W/m2: its cells are 25 K above the air, at 45 C 20 K above 25 C and
    # hence 7.6 % worse: 100 kW x 0.8 x 0.924 x 0.92 x 0.97 = 65.97 kW, of which a quarter of an hour is 16,491 Wh.
    # At 55 C they are 11.4 % worse: 63.25 kW.
    upright = SunDirection(east=np.zeros(1), north=np.zeros(1), up=np.ones(1))

    found = energy_wh([a_roof(tilt_deg=0.0)], upright, np.full(1, 800.0), np.ones((1, 1)), np.full(1, air_c))[0]

    assert found.tolist() == [expected_wh]


def test_clear_day_in_may_gives_what_such_a_roof_can() -> None:
    found = clear_day_wh(a_roof(), day_of(2026, 5, 20))

    # 100 kW under a clear sky in late May: 8.1 kWh/m2 on the horizontal at most, less 8 % dirt and wiring, 3 %
    # inverter and some 8 % heat: 5.5 to 7 full-load hours.
    assert 550_000 < found.sum() < 700_000


@given(day=st.integers(min_value=18_000, max_value=25_000))
def test_clearness_is_a_fraction_and_has_no_jumps(day: int) -> None:
    two_days = np.concatenate([clearness_on_day("c", ["s"], day)[0], clearness_on_day("c", ["s"], day + 1)[0]])

    assert two_days.min() > 0
    assert two_days.max() <= 1
    # Within a quarter of an hour no more than half a cloud passes.
    assert np.abs(np.diff(two_days)).max() < 0.5


def test_sites_of_one_complex_share_the_weather_and_not_the_small_clouds() -> None:
    days = range(20_590, 20_650)
    here = np.array([clearness_on_day("c", ["here"], day).mean() for day in days])
    there = np.array([clearness_on_day("c", ["there"], day).mean() for day in days])
    elsewhere = np.array([clearness_on_day("other", ["here"], day).mean() for day in days])

    assert np.corrcoef(here, there)[0, 1] > 0.95
    assert abs(np.corrcoef(here, elsewhere)[0, 1]) < 0.5
    assert not np.array_equal(here, there)


@given(first=st.integers(min_value=1_977_000, max_value=1_979_000), count=st.integers(min_value=0, max_value=400))
def test_field_gives_the_same_energies_however_they_are_asked(first: int, count: int) -> None:
    whole = a_field().energies(1_976_900, 2_600)["sunny"]

    part = a_field().energies(first, count)["sunny"]

    at = first - 1_976_900
    np.testing.assert_array_equal(part.load_wh, whole.load_wh[at : at + count])
    np.testing.assert_array_equal(part.pv_wh["roof"], whole.pv_wh["roof"][at : at + count])
