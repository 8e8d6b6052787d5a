"""What of a history is refuted, and from when on a forecast may know."""

import numpy as np
import pandas as pd

from services.forecast.domain.metered import quality
from services.forecast.domain.metered.quality import Finding
from services.forecast.domain.metered.site import Site, SiteKind
from services.forecast.domain.metered.timeline import NEVER, Timeline
from services.forecast.domain.solar.geometry import clear_kw, default_array, place_of, roof_of, sun_over
from shared.arrays import Floats, Integers

STEP_MINUTES = 15
DAY = 96
ROOF = Site(site="roof", kind=SiteKind.PV, latitude=34.9, longitude=127.7, capacity_kw_ac=100.0)
PLANT = Site(site="plant", kind=SiteKind.LOAD, latitude=34.9, longitude=127.7)
# 2026-05-01T00:00Z in minutes since the epoch: 20574 days.
FIRST_MINUTE = 20_574 * 1440


def starts(days: int) -> Integers:
    return FIRST_MINUTE + STEP_MINUTES * np.arange(days * DAY)


def sunny_kw(days: int) -> Floats:
    """Return a roof's output, a little below clear sky and never twice the same."""
    instants = pd.DatetimeIndex((starts(days) * 60).astype("datetime64[s]")).tz_localize("UTC")
    sun = sun_over(place_of(ROOF), instants, pd.Timedelta(minutes=STEP_MINUTES))
    return clear_kw(roof_of(ROOF, default_array(ROOF)), sun)[:, 0] * (0.8 + 0.1 * np.sin(np.arange(days * DAY)))


def roof_examined(minute: Integers, kw: Floats) -> tuple[Timeline, dict[str, Finding]]:
    gridded = quality.on_grid(minute, kw, STEP_MINUTES)
    size = len(gridded.timeline.kw)
    first = gridded.timeline.first * STEP_MINUTES
    instants = pd.DatetimeIndex(((first + STEP_MINUTES * np.arange(size)) * 60).astype("datetime64[s]"))
    sun = sun_over(place_of(ROOF), instants.tz_localize("UTC"), pd.Timedelta(minutes=STEP_MINUTES))
    timeline, findings = quality.examined(gridded, ROOF, sun)
    return timeline, {one.rule: one for one in findings}


def plant_examined(minute: Integers, kw: Floats) -> tuple[Timeline, dict[str, Finding]]:
    timeline, findings = quality.examined(quality.on_grid(minute, kw, STEP_MINUTES), PLANT, None)
    return timeline, {one.rule: one for one in findings}


def busy_kw(days: int) -> Floats:
    return 200.0 + 50.0 * np.sin(np.arange(days * DAY))


def test_clean_histories_are_believed_wholly() -> None:
    _, of_roof = roof_examined(starts(10), sunny_kw(10))
    _, of_plant = plant_examined(starts(10), busy_kw(10))

    assert of_roof == {}
    assert of_plant == {}


def test_sentinels_are_refuted_at_once() -> None:
    kw = busy_kw(2)
    kw[10], kw[20] = -99.0, 6553.5

    timeline, found = plant_examined(starts(2), kw)

    assert found["sentinel"] == Finding("sentinel", 2, ((10, 11), (20, 21)))
    assert timeline.rejected_at[10] == 11


def test_repeated_rows_count_once_and_contradicting_ones_not_at_all() -> None:
    minute, kw = starts(2), busy_kw(2)
    repeated = np.concatenate([minute, minute[5:7]])

    timeline, found = plant_examined(repeated, np.concatenate([kw, [kw[5], 2 * kw[6]]]))

    assert found["duplicate"].intervals == 2
    assert found["duplicate_with_another_value"].spans == ((6, 7),)
    assert timeline.rejected_at[5] == NEVER
    assert timeline.rejected_at[6] == 7


def test_rows_off_the_grid_are_reported_and_not_used() -> None:
    timeline, found = plant_examined(starts(2) + 7, busy_kw(2))

    # Two days of 96 rows, all of them seven minutes late.
    assert found["off_the_grid"].intervals == 2 * 96
    assert np.isnan(timeline.kw).all()


def test_gap_is_reported_and_stays_unknown() -> None:
    minute, kw = np.delete(starts(2), slice(30, 34)), np.delete(busy_kw(2), slice(30, 34))

    timeline, found = plant_examined(minute, kw)

    assert found["missing"].spans == ((30, 34),)
    assert np.isnan(timeline.kw[30:34]).all()


def test_stuck_sensor_is_known_only_when_it_has_been_stuck_long_enough() -> None:
    kw = busy_kw(3)
    kw[100:140] = 217.7  # 40 quarter hours; 6 hours are 24

    timeline, found = plant_examined(starts(3), kw)

    assert found["stuck"].spans == ((100, 140),)
    # The first 24 are refuted together when interval 124 begins, the next one at its own end.
    assert set(timeline.rejected_at[100:124]) == {124}
    assert timeline.rejected_at[124] == 125
    assert np.isfinite(timeline.believed(123, 123)[100])
    assert np.isnan(timeline.believed(124, 124)[100])


def test_factory_that_rests_is_believed_at_its_base_load_and_at_nothing() -> None:
    kw = busy_kw(3)
    # Night of 8 hours at 40 kW sharp, a day at nothing, and a plant that never did anything else.
    kw[96:128], kw[192:] = 40.0, 0.0
    constant = np.full(3 * DAY, 80.0)

    for one in (kw, constant):
        timeline, found = plant_examined(starts(3), one)

        assert not found
        assert np.isfinite(timeline.believed(3 * DAY, 3 * DAY)).all()


def test_all_zero_week_of_a_roof_is_refuted_by_day() -> None:
    kw = sunny_kw(12)
    kw[3 * DAY : 10 * DAY] = 0.0

    _, found = roof_examined(starts(12), kw)

    # Of 96 quarter hours in May the sun stands higher than 8 degrees in about 50.
    assert 7 * 40 <= found["all_zero"].intervals <= 7 * 56


def test_negative_power_at_night_is_reported() -> None:
    kw = sunny_kw(3)
    # 13:00 to 19:00 UTC is 22:00 to 04:00 in Korea: 24 quarter hours a night.
    kw.reshape(3, DAY)[:, 52:76] = -0.3

    _, found = roof_examined(starts(3), kw)

    assert found["negative_at_night"] == Finding("negative_at_night", 72, ((52, 76), (148, 172), (244, 268)))


def test_clock_an_hour_late_is_found_for_its_days_and_forgiven_after() -> None:
    minute, kw = starts(20), sunny_kw(20)
    late = (minute >= minute[8 * DAY]) & (minute < minute[12 * DAY])

    timeline, found = roof_examined(minute + 60 * late, kw)

    refuted = timeline.rejected_at < NEVER
    by_day = refuted[: 20 * DAY].reshape(20, DAY).mean(axis=1)
    assert found["clock_shift"].intervals > 3 * DAY
    assert by_day[9:11].min() > 0.9
    assert by_day[:7].max() == 0
    assert by_day[14:].max() == 0
