"""The short-term and the ultra-short-term forecast of the Korea Meteorological Administration (기상청)."""

import math
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from pydantic import SecretStr

from services.forecast.domain.solar.kma import ULTRA_SHORT_TERM, Product, grid_cell, newest_base
from services.forecast.domain.solar.physics import Place
from services.forecast.domain.solar.weather import (
    PRECIPITATION_CHANCE,
    PRECIPITATION_TYPE,
    SKY,
    TEMP_AIR,
    WIND_SPEED,
    weather_frame,
)
from services.forecast.weather.calls import get_json
from services.forecast.weather.source import SourceFailed, SourceName
from shared.intervals import KST

KMA_URL = "https://apis.data.go.kr/1360000/VilageFcstInfoService_2.0"
ROWS_A_PAGE = 1000
PAGES_MAX = 20
NORMAL = "00"
# The forecast of an hour is of its full stroke: it speaks for half an hour on both sides.
HALF_STEP = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kma:
    """One of KMA's forecasts for the cell of a place.

    Attributes:
        key: The service key of data.go.kr, as it is or percent-encoded, as the portal shows it both ways.
    """

    product: Product
    place: Place
    key: SecretStr = field(repr=False)
    url: str = KMA_URL
    timeout_s: float = 5.0

    @property
    def name(self) -> SourceName:
        """Return what it is called."""
        return SourceName.KMA_ULTRA_SHORT if self.product is ULTRA_SHORT_TERM else SourceName.KMA_SHORT

    @property
    def stale_after(self) -> timedelta:
        """Return how old the newest row may be."""
        return self.product.stale_after

    def fetch(self, issued_at: datetime) -> pd.DataFrame:
        """Return the newest forecast that can be had at an instant."""
        categories = {
            self.product.temperature: (TEMP_AIR, 1.0),
            "WSD": (WIND_SPEED, 1.0),
            "SKY": (SKY, 1.0),
            "PTY": (PRECIPITATION_TYPE, 1.0),
            "POP": (PRECIPITATION_CHANCE, 0.01),
        }
        rows = []
        for item in self._items(newest_base(self.product, issued_at)):
            try:
                base = _instant(item["baseDate"], item["baseTime"])
                valid = _instant(item["fcstDate"], item["fcstTime"])
                variable, factor = categories.get(item["category"], ("", 0.0))
                number = float(item["fcstValue"]) * factor if variable else math.nan
                row = (valid - HALF_STEP, valid + HALF_STEP, base + self.product.delay, variable, number)
            except (KeyError, TypeError, ValueError, OverflowError):
                raise SourceFailed(f"an item is not as published: {str(item)[:200]}") from None
            if variable:
                rows.append(row)
        return weather_frame(rows)

    def _items(self, base: datetime) -> Iterator[Any]:
        """Yield what all pages hold."""
        taken = 0
        for page in range(1, PAGES_MAX + 1):
            body = self._page(base, page)
            try:
                total, items = int(body["totalCount"]), body["items"]["item"]
            except (KeyError, TypeError, ValueError, OverflowError):
                raise SourceFailed("the answer has no totalCount or no items") from None
            if not isinstance(items, list) or not items:
                raise SourceFailed(f"page {page} is empty, {taken} of {total} items were there")
            yield from items
            taken += len(items)
            if taken >= total:
                return
        raise SourceFailed(f"there are more than {PAGES_MAX} pages")

    def _page(self, base: datetime, page: int) -> Any:
        nx, ny = grid_cell(self.place.latitude, self.place.longitude)
        local = base.astimezone(KST)
        query = {
            # The portal shows the key percent-encoded as well, and `urlencode` would do it twice.
            "serviceKey": urllib.parse.unquote(self.key.get_secret_value()),
            "dataType": "JSON",
            "numOfRows": str(ROWS_A_PAGE),
            "pageNo": str(page),
            "base_date": f"{local:%Y%m%d}",
            "base_time": f"{local:%H%M}",
            "nx": str(nx),
            "ny": str(ny),
        }
        answer = get_json(f"{self.url}/{self.product.operation}", query, self.timeout_s)
        try:
            header = answer["response"]["header"]
            code, message = str(header["resultCode"]), str(header["resultMsg"])
        except (KeyError, TypeError):
            raise SourceFailed("the answer has no response header") from None
        if code != NORMAL:
            raise SourceFailed(f"resultCode {code}: {message[:200]}")
        return answer["response"].get("body")


def _instant(date: str, time: str) -> datetime:
    return datetime.strptime(f"{date}{int(time):04}", "%Y%m%d%H%M").replace(tzinfo=KST).astimezone(UTC)
