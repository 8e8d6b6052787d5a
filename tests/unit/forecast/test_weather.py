"""From a weather forecast to a roof's power: KMA's grid and times, its sky, and what a forecast makes of it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from services.forecast.domain.climatology import Distribution
from services.forecast.domain.solar import kma
from services.forecast.domain.solar.physics import Place, Roofs, clear_sky, clear_sky_kw
from services.forecast.domain.solar.weather import TRUST, covered, followed, known_at, weather_frame, weather_kw

CHANGWON = Place(35.205, 128.655, 20.0)
ROOFS = Roofs((100.0, 50.0), (110.0, 60.0), (15.0, 30.0), (180.0, 120.0))
# 09:00 in Korea.
MORNING = datetime(2026, 5, 20, tzinfo=UTC)
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
STARTS = pd.DatetimeIndex([MORNING + n * QUARTER for n in range(96)])


def hourly(variable: str, values: list[float], available_at: datetime = MORNING) -> pd.DataFrame:
    return weather_frame(
        [
            (MORNING + n * HOUR, MORNING + (n + 1) * HOUR, available_at, variable, value)
            for n, value in enumerate(values)
        ]
    )


@pytest.mark.parametrize(
    ("latitude", "longitude", "cell"),
    # The first two are those that the conversion was checked with; Busan's and Jeju's cells are in KMA's own table.
    [
        (37.5665, 126.9780, (60, 127)),
        (37.8813, 127.7300, (73, 134)),
        (35.1770, 129.0770, (98, 76)),
        (33.4996, 126.5312, (53, 38)),
    ],
)
def test_cell_of_a_place_is_the_one_in_the_services_table(
    latitude: float, longitude: float, cell: tuple[int, int]
) -> None:
    assert kma.grid_cell(latitude, longitude) == cell


@pytest.mark.parametrize(
    ("product", "issued_at", "base"),
    [
        # 05:00 can be had at 05:10, not a microsecond before: then it is still that of 02:00.
        (kma.SHORT_TERM, "2026-05-20T05:10:00+09:00", "2026-05-20T05:00:00+09:00"),
        (kma.SHORT_TERM, "2026-05-20T05:09:59.999999+09:00", "2026-05-20T02:00:00+09:00"),
        (kma.SHORT_TERM, "2026-05-20T02:09:00+09:00", "2026-05-19T23:00:00+09:00"),
        (kma.ULTRA_SHORT_TERM, "2026-05-20T08:45:00+09:00", "2026-05-20T08:30:00+09:00"),
        (kma.ULTRA_SHORT_TERM, "2026-05-20T08:44:00+09:00", "2026-05-20T07:30:00+09:00"),
        (kma.ULTRA_SHORT_TERM, "2026-05-20T00:20:00+09:00", "2026-05-19T23:30:00+09:00"),
    ],
)
def test_newest_forecast_is_the_one_that_can_be_had(product: kma.Product, issued_at: str, base: str) -> None:
    assert kma.newest_base(product, datetime.fromisoformat(issued_at)) == datetime.fromisoformat(base)


def test_clear_share_follows_the_cloud_cover_and_the_chance_of_rain() -> None:
    nan = np.nan
    share = kma.clear_share(
        np.array([1.0, 3.0, 4.0, 4.0, 3.0, nan]),
        np.array([0.0, nan, 0.0, 1.0, 0.0, 1.0]),
        np.array([0.0, nan, 0.0, 0.3, 0.5, 0.0]),
    )

    # 1 - 0.75 x 0.25^3.4 = 1 - 0.75 x 0.00897 = 0.9933; 0.7^3.4 = 0.2974: 0.7770; 0.95^3.4 = 0.8400: 0.3700;
    # where it rains 0.16, whatever the chance; half a chance under SKY 3: (0.7770 + 0.16) / 2 = 0.4685.
    assert share[:5] == pytest.approx([0.9933, 0.7770, 0.3700, 0.16, 0.4685], abs=5e-5)
    assert np.isnan(share[5])


def test_what_no_thing_on_earth_can_measure_is_left_out() -> None:
    frame = weather_frame(
        [
            (MORNING, MORNING + HOUR, MORNING, variable, value)
            for variable, value in [
                ("temp_air", 900.0),
                ("temp_air", -99.0),
                ("ghi", 6553.5),
                ("ghi", -1.0),
                ("sky", 0.0),
                ("pop", 9.0),
                ("temp_air", 21.5),
                ("wave", 1.0),
                ("wind_speed", float("nan")),
            ]
        ]
    )

    assert frame[["variable", "value"]].to_numpy().tolist() == [["temp_air", 21.5]]


def test_what_becomes_available_later_is_not_known() -> None:
    old = hourly("ghi", [300.0] * 3, MORNING - 3 * HOUR)
    new = hourly("ghi", [500.0] * 2, MORNING)
    frame = pd.concat([new, old], ignore_index=True)

    just_before = known_at(frame, MORNING - timedelta(microseconds=1))
    now = known_at(frame, MORNING)

    assert just_before["value"].tolist() == [300.0] * 3
    # Of an hour's rows the newest; the third hour has the old one only.
    assert sorted(now["value"].tolist()) == [300.0, 500.0, 500.0]


def test_intervals_are_covered_where_the_light_is_told() -> None:
    sky = hourly("sky", [1.0, 1.0])
    air = hourly("temp_air", [20.0] * 24)

    known = covered(pd.concat([sky, air], ignore_index=True), STARTS)

    assert known.tolist() == [True] * 8 + [False] * 88


def test_weather_that_says_nothing_of_the_light_is_none() -> None:
    assert weather_kw(CHANGWON, ROOFS, hourly("temp_air", [20.0] * 24), STARTS) is None


def test_half_the_light_is_about_half_the_power_and_unknown_stays_unknown() -> None:
    hours = 6
    middles = pd.DatetimeIndex([MORNING + n * QUARTER / 3 + QUARTER / 6 for n in range(hours * 12)])
    clear_ghi = clear_sky(CHANGWON, middles).ghi[:, 0].reshape(hours, 12).mean(axis=1)

    full, half = (
        weather_kw(CHANGWON, ROOFS, hourly("ghi", (share * clear_ghi).tolist()), STARTS) for share in (1.0, 0.5)
    )

    assert full is not None
    assert half is not None
    known = slice(0, hours * 4)
    clear_kw = clear_sky_kw(CHANGWON, ROOFS, STARTS, pd.Timedelta(QUARTER))
    # Erbs' parts of a clear sky's light are not Ineichen's own, but the roofs hardly see the difference.
    assert full[known] == pytest.approx(clear_kw[known], rel=0.08)
    # Diffuse light passes less of a tilted roof by, and a cooler cell gives more: a little above half.
    ratio = half[known].sum(axis=0) / full[known].sum(axis=0)
    assert ((ratio > 0.48) & (ratio < 0.58)).all()
    assert np.isnan(full[hours * 4 :]).all()


def test_hourly_light_keeps_the_suns_course_inside_the_hour() -> None:
    # One mean of 08:00 to 09:00 UTC, 17:00 to 18:00 in Korea: the sun goes down.
    start = MORNING + 8 * HOUR
    frame = weather_frame([(start, start + HOUR, MORNING, "ghi", 250.0)])

    power_kw = weather_kw(CHANGWON, ROOFS, frame, STARTS)

    assert power_kw is not None
    assert (np.diff(power_kw[32:36, 0]) < 0).all()


def test_nothing_comes_at_night_whatever_the_weather_says() -> None:
    power_kw = weather_kw(CHANGWON, ROOFS, hourly("ghi", [400.0] * 24), STARTS)

    assert power_kw is not None
    # 12:00 to 18:00 UTC is 21:00 to 03:00 in Korea.
    assert (power_kw[48:72] == 0).all()
    assert (power_kw >= 0).all()
    assert (power_kw <= np.array(ROOFS.capacity_kw_ac)).all()


def test_warmer_air_gives_less() -> None:
    ghi = hourly("ghi", [500.0] * 6)
    cold, hot = (
        weather_kw(CHANGWON, ROOFS, pd.concat([ghi, hourly("temp_air", [one] * 6)], ignore_index=True), STARTS)
        for one in (0.0, 35.0)
    )

    assert cold is not None
    assert hot is not None
    # PVWatts: -0.47 % a kelvin; 35 K are 16 %.
    assert hot[4, 0] / cold[4, 0] == pytest.approx(1 - 0.0047 * 35 / (1 + 0.0047 * 10), rel=0.03)


def test_later_row_of_a_frame_holds() -> None:
    first, second = hourly("sky", [4.0] * 2), hourly("sky", [1.0])

    both = weather_kw(CHANGWON, ROOFS, pd.concat([first, second], ignore_index=True), STARTS)
    clear = weather_kw(CHANGWON, ROOFS, second, STARTS)
    dark = weather_kw(CHANGWON, ROOFS, first, STARTS)

    assert both is not None
    assert clear is not None
    assert dark is not None
    assert both[:4] == pytest.approx(clear[:4])
    assert both[4:8] == pytest.approx(dark[4:8])


def test_forecast_follows_the_weather_beyond_four_hours_and_keeps_its_range() -> None:
    flat = np.full((96, 1), 50.0)
    issued = Distribution(flat - 20, flat, flat + 20, flat - 1)
    expected_kw = np.full((96, 1), 60.0)
    expected_kw[90:] = np.nan

    moved = followed(issued, expected_kw, np.array([75.0]))

    # The twelfth quarter hour ends 3 hours ahead: untouched. From 5 hours on the trusted share of the 10 kW.
    assert (moved.p50[:12] == 50.0).all()
    assert moved.p50[15, 0] == pytest.approx(50.0 + TRUST * 0.5 * 10)  # ends at 4 hours, half way
    assert moved.p50[19:90] == pytest.approx(50.0 + TRUST * 10)
    assert moved.p10[19:90] == pytest.approx(30.0 + TRUST * 10)
    assert (moved.p90[19:90] == 75.0).all()  # 77 kW, held at the inverter's limit
    assert (moved.p50[90:] == 50.0).all()


def test_night_stays_night() -> None:
    dark = np.zeros((96, 1))

    moved = followed(Distribution(dark, dark, dark, dark), np.full((96, 1), 5.0), np.array([75.0]))

    assert all((part == 0).all() for part in moved.parts)
