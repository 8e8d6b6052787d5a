"""Laws and worked examples of the solar and load forecasts."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.forecast.domain import outlook
from services.forecast.domain.climatology import Distribution, Learned
from services.forecast.domain.horizon import SEASON_DAYS, Around, around
from services.forecast.domain.load.features import calendar_of
from services.forecast.domain.outlook import REST_DAY, SATURDAY, WEEKDAY
from shared.arrays import Floats

WEDNESDAY = date(2026, 5, 20)
NOON_SLOT = 48
NOON = (WEDNESDAY, NOON_SLOT)
# Buddha's birthday of 2026, a Sunday, and its substitute on Monday.
HOLIDAYS = frozenset({date(2026, 5, 24), date(2026, 5, 25)})
CAPACITY_KW = np.array([500.0, 100.0])
CONTRACT_KW = np.array([1000.0, 400.0])


def near_days(today: date) -> list[date]:
    """Return yesterday, today and tomorrow."""
    return [today + timedelta(days=n) for n in (-1, 0, 1)]


def days_before(today: date) -> list[date]:
    return [today - timedelta(days=n) for n in range(SEASON_DAYS, 0, -1)]


def learn_load(today: date, metered_kw: Floats) -> Learned:
    return outlook.learn_load(outlook.kinds_of(days_before(today), HOLIDAYS), metered_kw, CONTRACT_KW)


def load_of(when: tuple[date, int], learned: Learned, metered_kw: Floats) -> Distribution:
    """Return the forecast of a day's issue."""
    return outlook.load(issue_at(*when), learned, metered_kw, outlook.kinds_of(near_days(when[0]), HOLIDAYS))


def issue_at(today: date, slot: int) -> Around:
    """Return an issue among yesterday, today and tomorrow."""
    now = 96 + slot
    return around(calendar_of(near_days(today), HOLIDAYS, 96), now, now, 96)


def a_clear_day(capacity_kw: Floats) -> Floats:
    """Return half a sine from 06:00 to 18:00, at most 80 % of the inverter, (96 x roofs)."""
    height = np.maximum(np.sin((np.arange(96) - 24) / 48 * np.pi), 0.0)
    return 0.8 * height[:, None] * capacity_kw


def clear_days(count: int) -> Floats:
    return np.tile(a_clear_day(CAPACITY_KW), (count, 1, 1))


def near(today: Floats, issue_slot: int) -> Floats:
    """Return yesterday and today alike, and nothing known from the issue on."""
    known = np.stack([today, today, today]).astype(np.float64)
    known[1, issue_slot:] = np.nan
    known[2] = np.nan
    return known


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 5, 20), WEEKDAY),
        (date(2026, 5, 23), SATURDAY),
        (date(2026, 5, 24), REST_DAY),
        (date(2026, 5, 25), REST_DAY),  # a Monday, but a holiday
        (date(2026, 5, 31), REST_DAY),
    ],
)
def test_day_has_the_kind_that_a_factory_sees(day: date, kind: int) -> None:
    assert outlook.day_kind(day, HOLIDAYS) == kind


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_roof_that_always_gave_a_share_of_the_clear_sky_will_again(share: float) -> None:
    clear = clear_days(SEASON_DAYS)
    learned = outlook.learn_solar(share * clear, clear, CAPACITY_KW)

    expected = outlook.solar(issue_at(*NOON), learned, near(share * clear[0], NOON_SLOT), clear_days(3), CAPACITY_KW)

    ahead = np.concatenate([clear[0, NOON_SLOT:], clear[0, :NOON_SLOT]])
    assert expected.p50 == pytest.approx(share * ahead, abs=0.01)


def test_cloudy_last_hours_lower_the_next_one_most_and_the_next_day_least() -> None:
    rng = np.random.default_rng(7)
    # Clearness keeps 90 % of its departure from one quarter hour to the next.
    clearness = np.zeros(SEASON_DAYS * 96)
    for step in range(1, len(clearness)):
        clearness[step] = 0.9 * clearness[step - 1] + rng.normal(0, 0.06)
    clear = clear_days(SEASON_DAYS)
    metered = clear * np.clip(0.7 + clearness, 0.05, 1.1).reshape(SEASON_DAYS, 96, 1)
    learned = outlook.learn_solar(metered, clear, CAPACITY_KW)

    gloomy, usual = (
        outlook.solar(issue_at(*NOON), learned, near(share * clear[0], NOON_SLOT), clear_days(3), CAPACITY_KW)
        for share in (0.4, 0.7)
    )

    lost = 1 - gloomy.p50[:, 0] / np.maximum(usual.p50[:, 0], 1e-9)
    # Of 30 points below 70, most are left after 15 minutes, few after four hours, almost none a day later at noon.
    assert lost[0] > 0.25
    assert 0.0 <= lost[16] < lost[4] < lost[0]
    assert abs(lost[95]) < 0.1
    # What the last hours explain narrows the near forecast.
    near_width, far_width = (gloomy.p90 - gloomy.p10)[[0, 95], 0] / clear[0, [NOON_SLOT, NOON_SLOT - 1], 0]
    assert near_width < far_width


@given(
    seed=st.integers(0, 2**32 - 1),
    known_share=st.floats(0, 1),
    issue_slot=st.integers(0, 95),
    peak=st.floats(0.01, 3),
)
@settings(max_examples=40, deadline=None)
def test_solar_quantiles_never_cross_and_stay_within_night_and_inverter(
    seed: int, known_share: float, issue_slot: int, peak: float
) -> None:
    rng = np.random.default_rng(seed)
    clear = clear_days(SEASON_DAYS)
    metered = clear * rng.uniform(0, peak, clear.shape)
    metered[rng.uniform(size=metered.shape) > known_share] = np.nan
    issue = issue_at(WEDNESDAY, issue_slot)

    learned = outlook.learn_solar(metered, clear, CAPACITY_KW)
    expected = outlook.solar(issue, learned, near(metered[-1], issue_slot), clear_days(3), CAPACITY_KW)

    assert np.all(expected.p10 >= 0)
    assert np.all(expected.p10 <= expected.p50)
    assert np.all(expected.p50 <= expected.p90)
    assert np.all(expected.p90 <= CAPACITY_KW)
    assert np.all((expected.mean >= 0) & (expected.mean <= CAPACITY_KW))
    day, slot = issue.ahead
    dark = clear_days(3)[day, slot] == 0
    assert np.all(expected.p90[dark] == 0)


@given(seed=st.integers(0, 2**32 - 1), known_share=st.floats(0, 1), issue_slot=st.integers(0, 95))
@settings(max_examples=40, deadline=None)
def test_load_quantiles_are_ordered_and_never_negative_whatever_is_missing(
    seed: int, known_share: float, issue_slot: int
) -> None:
    rng = np.random.default_rng(seed)
    metered = rng.gamma(1.0, 100.0, (SEASON_DAYS, 96, 2))
    metered[rng.uniform(size=metered.shape) > known_share] = np.nan

    learned = learn_load(WEDNESDAY, metered)
    expected = load_of((WEDNESDAY, issue_slot), learned, near(metered[-1], issue_slot))

    assert np.all(np.isfinite([expected.p10, expected.p50, expected.p90, expected.mean]))
    assert np.all(expected.p10 >= 0)
    assert np.all(expected.p10 <= expected.p50)
    assert np.all(expected.p50 <= expected.p90)


def test_nothing_after_the_issue_changes_a_forecast() -> None:
    rng = np.random.default_rng(3)
    metered = rng.gamma(2.0, 50.0, (SEASON_DAYS, 96, 2))
    learned = learn_load(WEDNESDAY, metered)
    blind = near(metered[-1], NOON_SLOT)
    seeing = np.nan_to_num(blind, nan=9_999.0)

    assert np.array_equal(load_of(NOON, learned, blind).p50, load_of(NOON, learned, seeing).p50)


def test_saturday_and_sunday_are_expected_as_saturdays_and_sundays_were() -> None:
    friday = date(2026, 5, 29)
    level_kw = {WEEKDAY: 300.0, SATURDAY: 120.0, REST_DAY: 30.0}
    days = days_before(friday)
    metered = np.array([[[level_kw[outlook.day_kind(day, HOLIDAYS)]] * 2] * 96 for day in days])

    learned = learn_load(friday, metered)
    from_friday = load_of((friday, 95), learned, near(np.full((96, 2), 300.0), 95))
    from_saturday = load_of((friday + timedelta(days=1), 95), learned, near(np.full((96, 2), 120.0), 95))

    # The last quarter hour of Friday, then Saturday; its first and last two lie next to other kinds of day.
    assert from_friday.p50[0, 0] == 300.0
    assert from_friday.p50[3:93, 0] == pytest.approx(np.full(90, 120.0))
    assert from_saturday.p50[3:93, 0] == pytest.approx(np.full(90, 30.0))


def test_load_above_its_usual_level_is_expected_to_stay_there_for_a_while() -> None:
    rng = np.random.default_rng(11)
    # A level that drifts over hours around 200 kW.
    drift = np.zeros(SEASON_DAYS * 96)
    for step in range(1, len(drift)):
        drift[step] = 0.97 * drift[step - 1] + rng.normal(0, 8)
    metered = np.stack([200 + drift, 200 + drift], axis=-1).clip(0).reshape(SEASON_DAYS, 96, 2)
    learned = learn_load(WEDNESDAY, metered)

    high = load_of(NOON, learned, near(np.full((96, 2), 260.0), NOON_SLOT))

    assert high.p50[0, 0] > 240
    assert high.p50[0, 0] > high.p50[16, 0] > high.p50[90, 0]
    assert high.p50[90, 0] == pytest.approx(200, abs=20)


def test_band_holds_about_four_fifths_of_what_comes_on_unseen_days() -> None:
    rng = np.random.default_rng(5)
    weeks = rng.normal(200, 40, (12 * 7, 96, 2)).clip(0)
    inside = []

    for first in range(0, 12 * 7 - SEASON_DAYS, 7):
        today = WEDNESDAY + timedelta(days=first)
        learned = learn_load(today, weeks[first : first + SEASON_DAYS])
        known = np.stack([weeks[first + SEASON_DAYS - 1], *np.full((2, 96, 2), np.nan)])
        band = load_of((today, 0), learned, known)
        came = weeks[first + SEASON_DAYS]
        inside.append((band.p10 <= came) & (came <= band.p90))

    # 8 days x 96 x 2 = 1536 draws around 80 %: one standard deviation is 1 point. The width is learned against a
    # season of half the days, which is noisier than the one it is used with, so a little more is held.
    assert 0.77 <= np.mean(inside) <= 0.88


def test_before_anything_was_metered_the_prior_speaks() -> None:
    nothing = np.full((SEASON_DAYS, 96, 2), np.nan)

    load = load_of(NOON, learn_load(WEDNESDAY, nothing), nothing[:3])
    learned = outlook.learn_solar(nothing, clear_days(SEASON_DAYS), CAPACITY_KW)
    solar = outlook.solar(issue_at(*NOON), learned, nothing[:3], clear_days(3), CAPACITY_KW)

    # 5, 30 and 80 % of 1000 kW; 15, 70 and 100 % of the clear sky's 400 kW at noon.
    assert (load.p10[0, 0], load.p50[0, 0], load.p90[0, 0]) == (50.0, 300.0, 800.0)
    assert (solar.p10[0, 0], solar.p50[0, 0], solar.p90[0, 0]) == pytest.approx((60.0, 280.0, 400.0))


@pytest.mark.parametrize(
    ("issue_slot", "near_day", "slot"),
    [
        (0, 0, 95),  # midnight: the last interval was yesterday's
        (1, 1, 0),
        (95, 1, 94),
    ],
)
def test_last_hours_end_at_the_issue(issue_slot: int, near_day: int, slot: int) -> None:
    day, quarter = issue_at(WEDNESDAY, issue_slot).last_hours

    assert (day[-1], quarter[-1]) == (near_day, slot)
    # Two hours.
    assert len(day) == 8


def test_horizon_runs_over_midnight_into_tomorrow() -> None:
    day, slot = issue_at(*NOON).ahead

    assert (day[0], slot[0]) == (1, 48)
    assert (day[47], slot[47]) == (1, 95)
    assert (day[48], slot[48]) == (2, 0)
    assert (day[95], slot[95]) == (2, 47)
