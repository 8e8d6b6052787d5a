"""The Korea Meteorological Administration's forecasts: its grid, when they appear, and what its sky lets through."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np

from shared.arrays import Floats
from shared.intervals import DAY, KST

# The grid is a Lambert conformal conic projection; its parameters are those that KMA publishes with the service.
EARTH_RADIUS_KM, CELL_KM = 6371.00877, 5.0
PARALLELS_DEG = (30.0, 60.0)
ORIGIN_LATITUDE_DEG, ORIGIN_LONGITUDE_DEG = 38.0, 126.0
ORIGIN_CELL = (43, 136)


@dataclass(frozen=True, slots=True)
class Product:
    """One of the forecasts.

    Attributes:
        operation: Its name in the service's address.
        temperature: Its category of air temperature.
        base_times: When its forecasts are made, in Korean time.
        delay: How long after that one can be had.
        stale_after: From which age it is no forecast of now.
    """

    operation: str
    temperature: str
    base_times: tuple[time, ...]
    delay: timedelta
    stale_after: timedelta


SHORT_TERM = Product(
    "getVilageFcst",
    "TMP",
    tuple(time(hour) for hour in (2, 5, 8, 11, 14, 17, 20, 23)),
    timedelta(minutes=10),
    timedelta(hours=7),
)
ULTRA_SHORT_TERM = Product(
    "getUltraSrtFcst",
    "T1H",
    tuple(time(hour, 30) for hour in range(24)),
    timedelta(minutes=15),
    timedelta(hours=3),
)

# KMA's SKY says how many tenths of the sky are covered: 1 is 0 to 5, 3 is 6 to 8, 4 is 9 or 10. The middles:
CLOUD_COVER = {1: 0.25, 3: 0.7, 4: 0.95}
# Under rain clouds (nimbostratus) so much of a clear sky's light arrives: Kasten and Czeplak, as below, table 4.
RAIN_SHARE = 0.16


def grid_cell(latitude: float, longitude: float) -> tuple[int, int]:
    """Return the cell (nx, ny) that a place lies in."""
    first, second = (math.radians(one) for one in PARALLELS_DEG)
    cone = math.log(math.cos(first) / math.cos(second)) / math.log(_opening(second) / _opening(first))
    scale = EARTH_RADIUS_KM / CELL_KM * _opening(first) ** cone * math.cos(first) / cone
    distance = scale / _opening(math.radians(latitude)) ** cone
    origin_distance = scale / _opening(math.radians(ORIGIN_LATITUDE_DEG)) ** cone
    angle = math.radians(longitude - ORIGIN_LONGITUDE_DEG) * cone
    x, y = ORIGIN_CELL
    return (
        math.floor(x + distance * math.sin(angle) + 0.5),
        math.floor(y + origin_distance - distance * math.cos(angle) + 0.5),
    )


def _opening(latitude_rad: float) -> float:
    return math.tan(math.pi / 4 + latitude_rad / 2)


def newest_base(product: Product, issued_at: datetime) -> datetime:
    """Return when the newest forecast was made that can be had at an instant."""
    midnight = datetime.combine((issued_at - product.delay).astimezone(KST).date(), time(), tzinfo=KST)
    bases = [
        day + timedelta(hours=base.hour, minutes=base.minute)
        for day in (midnight - DAY, midnight)
        for base in product.base_times
    ]
    return max(base for base in bases if base + product.delay <= issued_at).astimezone(UTC)


def clear_share(sky: Floats, precipitation_type: Floats, precipitation_chance: Floats) -> Floats:
    """Return the share of a clear sky's irradiance that is expected; NaN where the sky is not known.

    Args:
        sky: KMA's SKY: 1, 3 or 4.
        precipitation_type: KMA's PTY: 0 is none; NaN is taken as none.
        precipitation_chance: KMA's POP as a fraction; NaN is taken as 0. Where PTY says that it falls, it falls.

    Source:
        1 - 0.75 N^3.4 at a cloud cover N: Kasten and Czeplak, Solar Energy 24 (1980) 177-189. To weigh the dry and the
        wet sky by the chance of precipitation is an assumption of ours, and so are the middles of KMA's ranges.
    """
    cover = np.full(np.shape(sky), np.nan)
    for code, tenths in CLOUD_COVER.items():
        cover[sky == code] = tenths
    dry = 1.0 - 0.75 * cover**3.4
    wet = np.where(precipitation_type > 0, 1.0, np.clip(np.nan_to_num(precipitation_chance), 0.0, 1.0))
    share: Floats = (1.0 - wet) * dry + wet * np.minimum(dry, RAIN_SHARE)
    return share
