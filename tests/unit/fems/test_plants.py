"""Made-up plants: each industry's hours, and that a course is one function of time."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fems.domain.interval_numbers import number_of
from services.fems.domain.simulated.plants.archetypes import PlantFile
from services.fems.domain.simulated.plants.calendar import rest_numbers
from services.fems.domain.simulated.plants.load import PlantLoad
from services.fems.simulator.load_sources import read_plants, sources_of
from shared.arrays import Floats
from shared.complex.model import load_complex
from shared.errors import BadInputs
from shared.intervals import INTERVALS_PER_DAY, INTERVALS_PER_WEEK, day_start
from shared.paths import DEMO_COMPLEX
from shared.validation import checked

PLANTS = sorted(read_plants().plants)
# Tuesday, Children's Day; the Wednesday after it is a working day.
HOLIDAY, WEDNESDAY = date(2026, 5, 5), date(2026, 5, 13)
# Monday 9 March 2026: the two weeks whose mean a complex file gives.
REFERENCE = date(2026, 3, 9)
NIGHT = slice(0, 24)  # 00:00 to 06:00


def a_plant(name: str, *, seed: int | None = None, mean_kw: float = 100, air_c: float = 15) -> PlantLoad:
    def air(first: int, count: int) -> Floats:
        del first
        return np.full(count, air_c)

    archetype, holidays = read_plants().plants[name], rest_numbers(sources_of(load_complex(DEMO_COMPLEX)).rest_days)
    return PlantLoad(archetype, name="works", seed=seed, mean_kw=mean_kw, holidays=holidays, air_c=air)


def day_kw(plant: PlantLoad, day: date) -> Floats:
    return np.asarray(plant.energy_wh(number_of(day_start(day)), INTERVALS_PER_DAY) * 4 / 1000)


@given(name=st.sampled_from(PLANTS), skipped=st.integers(0, 900), count=st.integers(0, 900))
def test_course_is_the_same_wherever_it_is_asked_from(name: str, skipped: int, count: int) -> None:
    first = number_of(datetime(2026, 7, 24, 15, tzinfo=UTC))
    plant = a_plant(name, seed=3)

    np.testing.assert_array_equal(
        plant.energy_wh(first + skipped, count), plant.energy_wh(first, 1800)[skipped : skipped + count]
    )


@pytest.mark.parametrize("name", PLANTS)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_mean_of_two_mild_weeks_without_holidays_is_what_was_asked(name: str, seed: int | None) -> None:
    plant = a_plant(name, seed=seed, mean_kw=250)
    # A plant's own days may begin some hours later than the calendar's.
    begin = number_of(day_start(REFERENCE)) + (plant._first + 36)

    found = plant.energy_wh(begin, 2 * INTERVALS_PER_WEEK)

    # 250 kW for 336 hours; each interval is rounded to the Wh.
    assert abs(int(found.sum()) - 250_000 * 336) <= INTERVALS_PER_WEEK


@pytest.mark.parametrize("name", PLANTS)
def test_no_interval_of_a_year_exceeds_what_the_meter_is_told_to_expect(name: str) -> None:
    plant = a_plant(name, air_c=36)

    found = plant.energy_wh(number_of(day_start(date(2026, 1, 1))), 365 * INTERVALS_PER_DAY)

    assert found.min() > 0
    assert found.max() <= plant.energy_wh_max


@pytest.mark.parametrize("name", sorted({*PLANTS} - {"casting", "bus-depot", "cold-storage", "textiles", "bearing"}))
def test_works_by_day_draw_more_at_ten_than_by_night_and_stand_on_a_holiday(name: str) -> None:
    plant = a_plant(name)
    work, holiday = day_kw(plant, WEDNESDAY), day_kw(plant, HOLIDAY)

    assert work[40:44].mean() > 3 * work[4:16].mean()
    assert holiday[40:44].mean() < 0.4 * work[40:44].mean()


def test_foundry_melts_by_night() -> None:
    found = day_kw(a_plant("casting"), WEDNESDAY)

    # From 00:00 to 06:00 against 09:00 to 12:00.
    assert found[NIGHT].mean() > 5 * found[36:48].mean()


def test_buses_charge_in_the_evening_and_by_night_on_holidays_too() -> None:
    plant = a_plant("bus-depot")
    for day in (WEDNESDAY, HOLIDAY):
        found = day_kw(plant, day)

        # From 18:00 to 04:00 against 04:00 to 18:00.
        assert found[72:].sum() + found[:16].sum() > 3 * found[16:72].sum()


def test_textiles_run_round_the_clock_and_on_sundays() -> None:
    plant = a_plant("textiles")
    week = np.concatenate([day_kw(plant, WEDNESDAY + timedelta(days=n)) for n in range(7)])

    assert week.min() > 0.5 * week.mean()


def test_cold_store_draws_more_when_it_is_hot() -> None:
    cool, hot = (day_kw(a_plant("cold-storage", air_c=air_c), WEDNESDAY).mean() for air_c in (5, 30))

    assert hot > 1.3 * cool


def test_works_shut_down_for_the_week_around_the_end_of_july_and_come_back() -> None:
    plant = a_plant("machining")
    # 29 July 2026 is a Wednesday: shut from Monday 27 for seven days.
    before, during, after = (day_kw(plant, date(2026, 7, 24)), day_kw(plant, date(2026, 7, 30)), date(2026, 8, 4))

    assert during.max() < 0.2 * before.max()
    assert day_kw(plant, after).max() > 0.7 * before.max()


def test_days_beyond_the_known_holidays_are_those_of_their_weekday() -> None:
    plant = a_plant("machining")

    # 1 January 2031 is a Wednesday.
    assert day_kw(plant, date(2031, 1, 1)).max() > 200


def test_variations_differ_and_repeat() -> None:
    one, same, other = (day_kw(a_plant("machining", seed=seed), WEDNESDAY) for seed in (1, 1, 2))

    np.testing.assert_array_equal(one, same)
    assert np.corrcoef(one, other)[0, 1] < 0.99


def a_file(**plant: Any) -> Mapping[str, Any]:
    names = {"ko": "공장", "en": "plant"}
    facts = {"industry": names, "company": names, "suffix": "plant", "day_begins": "06:00", "base_kw": 5}
    return {"schema": "sandan-plants/1", "note": names, "plants": {"plant": facts | plant}}


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        ({"day_begins": "06:10"}, "$.plants.plant.day_begins must be a quarter hour of the day, was '06:10'"),
        ({"day_begins": 360}, '$.plants.plant.day_begins must be a clock time such as "08:30", up to "47:59", was 360'),
        ({"shifts": [{"from": "05:00", "to": "09:00"}]}, "$.plants.plant shift must lie within 24 hours of day_begins"),
        ({"shifts": [{"from": "09:00", "to": "08:00"}]}, "$.plants.plant shift must lie within 24 hours of day_begins"),
        ({"shifts": [{"from": "09:00", "to": "17:00", "staff": 2}]}, "$.plants.plant.shifts[0].staff"),
        ({"climate": [{"what": "heat", "kw_per_k": 1, "kw_max": 9}]}, "must have above_c or below_c, not both"),
        ({"base": 5}, "$.plants.plant.base"),
    ],
)
def test_broken_plant_is_named_with_its_rule(plant: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInputs) as raised:
        checked(PlantFile, a_file(**plant), where="plants.yaml")

    assert told in str(raised.value)
