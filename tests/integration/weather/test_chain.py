"""Weather sources asked in turn, and the file that stands in for one."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from services.forecast.domain.solar.kma import ULTRA_SHORT_TERM
from services.forecast.weather.chain import ask
from services.forecast.weather.clear_sky import ClearSkySource
from services.forecast.weather.open_meteo import OpenMeteo
from services.forecast.weather.replay import read_replay
from services.forecast.weather.source import SourceName, WeatherSource
from shared.errors import BadInput, BadInputs
from tests.integration.weather.weather_services import (
    NOW,
    PLACE,
    Query,
    Reply,
    always,
    at,
    kma,
    kma_error,
    sample,
    serving,
)


def a_replay(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("valid_start,valid_end,available_at,variable,value\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_replay_knows_what_was_available_and_the_newest_of_it(tmp_path: Path) -> None:
    hour = "2026-05-20T12:00:00+09:00,2026-05-20T13:00:00+09:00"
    path = a_replay(
        tmp_path / "weather.csv",
        [
            f"{hour},2026-05-19T23:00:00Z,ghi,500",
            f"{hour},2026-05-20T00:00:00Z,ghi,600",
            f"{hour},2026-05-20T00:00:01Z,ghi,700",
        ],
    )

    replay = read_replay(path)

    assert replay.fetch(NOW - timedelta(hours=1))["value"].tolist() == [500.0]
    assert replay.fetch(NOW)["value"].tolist() == [600.0]
    assert replay.fetch(NOW - timedelta(hours=2)).empty


def test_replay_with_broken_rows_is_refused_with_each_of_them(tmp_path: Path) -> None:
    path = a_replay(
        tmp_path / "weather.csv",
        [
            "2026-05-20T12:00:00,2026-05-20T13:00:00Z,2026-05-20T00:00:00Z,ghi,500",
            "2026-05-20T12:00:00Z,2026-05-20T12:00:00Z,2026-05-20T00:00:00Z,ghi,500",
            "2026-05-20T12:00:00Z,2026-05-20T13:00:00Z,2026-05-20T00:00:00Z,humidity,inf",
        ],
    )

    with pytest.raises(BadInputs) as refused:
        read_replay(path)

    said = str(refused.value)
    assert "weather.csv row 1: valid_start must be ISO 8601 with an offset, was '2026-05-20T12:00:00'" in said
    assert "weather.csv row 2: valid_end must be after valid_start" in said
    assert "weather.csv row 3: value must be a finite number, was 'inf'" in said
    assert "weather.csv row 3: variable must be one of ghi, temp_air, wind_speed, sky, pty, pop, was 'humidity'" in said


def test_replay_without_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weather.csv"
    path.write_text("valid_start,valid_end,variable,value\n")

    with pytest.raises(BadInput, match="columns must contain available_at"):
        read_replay(path)


def at_issue_time(document: Any) -> Reply:
    """Serve the sample as if it had just been made, whichever base is asked for."""

    def reply(_path: str, query: Query) -> tuple[int, bytes]:
        items = [
            {**item, "baseDate": query["base_date"], "baseTime": query["base_time"]}
            for item in document["response"]["body"]["items"]["item"]
        ]
        body = {**document["response"]["body"], "items": {"item": items}}
        return 200, json.dumps({"response": {**document["response"], "body": body}}).encode()

    return reply


def test_ultra_short_term_leads_and_short_term_goes_on_where_it_ends() -> None:
    with (
        serving(always(sample("kma_ultra_short_2026-05-20_0830.json"))) as ultra,
        serving(at_issue_time(sample("kma_short_2026-05-20_0500.json"))) as short,
        serving(always({}, 500)) as never_asked,
    ):
        sources: list[WeatherSource] = [
            kma(ultra.url, ULTRA_SHORT_TERM),
            kma(short.url),
            OpenMeteo(place=PLACE, url=never_asked.url),
        ]
        answer = ask(sources, ClearSkySource(PLACE), NOW)

    assert answer.used == (SourceName.KMA_ULTRA_SHORT, SourceName.KMA_SHORT)
    assert answer.passed_over == ()
    assert never_asked.asked == []
    # At 11:00 in Korea both speak; the ultra-short one stands last and holds. At 20:00 only the other does.
    assert at(answer.frame, "temp_air", NOW + timedelta(hours=2))[-1] == 17.0
    assert len(at(answer.frame, "temp_air", NOW + timedelta(hours=11))) == 1


def test_next_source_serves_and_it_is_said_why_the_others_do_not() -> None:
    stale = sample("kma_short_2026-05-20_0500.json")
    with (
        serving(always(kma_error("22", "LIMITED"))) as limited,
        serving(always(stale)) as old,
        serving(always(sample("open_meteo_2026-05-20.json"))) as open_meteo,
    ):
        later = NOW + timedelta(hours=7)
        sources: list[WeatherSource] = [
            kma(limited.url, ULTRA_SHORT_TERM),
            kma(old.url),
            OpenMeteo(place=PLACE, url=open_meteo.url),
        ]
        answer = ask(sources, ClearSkySource(PLACE), later)

    assert answer.used == (SourceName.OPEN_METEO,)
    said = dict(answer.passed_over)
    assert said[SourceName.KMA_ULTRA_SHORT] == "resultCode 22: LIMITED"
    assert said[SourceName.KMA_SHORT].startswith("is stale: its newest rows became available at 2026-05-19T20:10")


def test_clear_sky_serves_alone_where_nobody_else_does() -> None:
    with serving(always({}, 503)) as down:
        answer = ask([OpenMeteo(place=PLACE, url=down.url)], ClearSkySource(PLACE), NOW)

    assert answer.used == (SourceName.CLEAR_SKY,)
    assert answer.passed_over == ((SourceName.OPEN_METEO, "HTTP status 503: {}"),)
    # Noon in Korea is bright, midnight is not.
    assert at(answer.frame, "ghi", NOW + timedelta(hours=3))[0] > 800
    assert at(answer.frame, "ghi", NOW + timedelta(hours=15)) == [0.0]


def test_weather_of_other_days_is_passed_over() -> None:
    with serving(always(sample("open_meteo_2026-05-20.json"))) as service:
        answer = ask([OpenMeteo(place=PLACE, url=service.url)], ClearSkySource(PLACE), NOW + timedelta(days=9))

    assert answer.passed_over == ((SourceName.OPEN_METEO, "says nothing of the hours that are not known yet"),)


def test_nothing_is_used_that_became_available_later() -> None:
    class Prophet(ClearSkySource):
        def fetch(self, issued_at: datetime) -> pd.DataFrame:
            frame = super().fetch(issued_at)
            return frame.assign(available_at=pd.Timestamp(issued_at) + pd.Timedelta(microseconds=1))

    answer = ask([Prophet(PLACE, name=SourceName.CSV)], ClearSkySource(PLACE), NOW)

    assert answer.used == (SourceName.CLEAR_SKY,)
    assert answer.passed_over == ((SourceName.CSV, "has nothing that is available yet"),)
    assert (answer.frame["available_at"] <= NOW).all()


@pytest.mark.parametrize("total", ["1e999", "Infinity", "[]", '"many"', "null"])
def test_source_with_an_odd_number_is_passed_over_and_the_next_one_serves(total: str) -> None:
    document = json.dumps(sample("kma_ultra_short_2026-05-20_0830.json"))
    count = json.dumps(sample("kma_ultra_short_2026-05-20_0830.json")["response"]["body"]["totalCount"])
    odd = document.replace(f'"totalCount": {count}', f'"totalCount": {total}').encode()
    assert odd != document.encode()

    with serving(always(odd)) as service:
        answer = ask([kma(service.url, ULTRA_SHORT_TERM)], ClearSkySource(PLACE), NOW)

    assert answer.used == (SourceName.CLEAR_SKY,)
    assert [source for source, _ in answer.passed_over] == [SourceName.KMA_ULTRA_SHORT]
