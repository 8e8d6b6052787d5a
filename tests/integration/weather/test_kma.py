"""The forecasts of KMA against a web server that answers in its format, and what happens when it does not."""

import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from services.forecast.domain.solar.kma import ULTRA_SHORT_TERM
from services.forecast.weather.source import SourceFailed
from tests.integration.weather.weather_services import (
    EARLY,
    KEY,
    NOW,
    Query,
    Reply,
    always,
    at,
    kma,
    kma_error,
    sample,
    serving,
)


def in_pages(document: Any, page_rows: int) -> Reply:
    """Serve a KMA answer by pages, as the service does that gives no more rows at once."""
    items = document["response"]["body"]["items"]["item"]

    def reply(_path: str, query: Query) -> tuple[int, bytes]:
        page = int(query["pageNo"])
        part = items[(page - 1) * page_rows : page * page_rows]
        body = {**document["response"]["body"], "items": {"item": part}, "pageNo": page, "totalCount": len(items)}
        return 200, json.dumps({"response": {"header": document["response"]["header"], "body": body}}).encode()

    return reply


def test_kma_short_term_forecast_is_read_page_by_page() -> None:
    with serving(in_pages(sample("kma_short_2026-05-20_0500.json"), 100)) as service:
        frame = kma(service.url).fetch(EARLY)

    path, query = service.asked[0]
    assert path == "/getVilageFcst"
    assert {name: query[name] for name in ("base_date", "base_time", "nx", "ny", "dataType", "serviceKey")} == {
        "base_date": "20260520",
        "base_time": "0500",
        "nx": "90",
        "ny": "76",
        "dataType": "JSON",
        "serviceKey": KEY,
    }
    # 30 hours x 12 categories and the day's extremes (TMN twice, TMX once) are 363 items: four pages.
    assert [asked["pageNo"] for _, asked in service.asked] == ["1", "2", "3", "4"]
    # Of each hour TMP, WSD, SKY, PTY and POP.
    assert len(frame) == 30 * 5
    # 16:00 in Korea: rain, 60 %, overcast.
    rain = datetime(2026, 5, 20, 7, tzinfo=UTC)
    assert at(frame, "sky", rain) == [4.0]
    assert at(frame, "pty", rain) == [1.0]
    assert at(frame, "pop", rain) == [0.6]
    # Made at 05:00, to be had at 05:10.
    assert set(frame.available_at) == {pd.Timestamp("2026-05-20T05:10:00+09:00")}


def test_kma_ultra_short_term_forecast_has_its_own_temperature() -> None:
    with serving(always(sample("kma_ultra_short_2026-05-20_0830.json"))) as service:
        frame = kma(service.url, ULTRA_SHORT_TERM).fetch(NOW)

    assert service.asked[0][0] == "/getUltraSrtFcst"
    assert (service.asked[0][1]["base_date"], service.asked[0][1]["base_time"]) == ("20260520", "0830")
    # Six hours of T1H, WSD, SKY and PTY; there is no POP.
    assert len(frame) == 6 * 4
    assert at(frame, "temp_air", NOW) == [15.0]
    assert set(frame.available_at) == {pd.Timestamp("2026-05-20T08:45:00+09:00")}


def test_key_may_be_given_as_the_portal_encodes_it() -> None:
    with serving(always(sample("kma_ultra_short_2026-05-20_0830.json"))) as service:
        kma(service.url, ULTRA_SHORT_TERM, key="a%2Bsecret%2Fkey%3D%3D").fetch(NOW)

    assert service.asked[0][1]["serviceKey"] == KEY


def test_missing_values_of_kma_are_left_out() -> None:
    document = sample("kma_short_2026-05-20_0500.json")
    for item in document["response"]["body"]["items"]["item"]:
        if item["category"] == "TMP" and item["fcstTime"] == "0900":
            item["fcstValue"] = "-999"
    with serving(always(document)) as service:
        frame = kma(service.url).fetch(EARLY)

    assert at(frame, "temp_air", NOW) == []
    assert at(frame, "sky", NOW) == [1.0]


def kma_answer(items: list[Query], total: int) -> bytes:
    header = {"resultCode": "00", "resultMsg": "OK"}
    return json.dumps(
        {"response": {"header": header, "body": {"totalCount": total, "items": {"item": items}}}}
    ).encode()


KEY_REFUSED = (
    b"<OpenAPI_ServiceResponse><cmmMsgHeader><errMsg>SERVICE ERROR</errMsg><returnAuthMsg>"
    b"SERVICE_KEY_IS_NOT_REGISTERED_ERROR a%2Bsecret%2Fkey%3D%3D</returnAuthMsg></cmmMsgHeader>"
    b"</OpenAPI_ServiceResponse>"
)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, kma_error("03", "NO_DATA"), "resultCode 03: NO_DATA"),
        (200, kma_error("22", "LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR"), "resultCode 22"),
        (200, KEY_REFUSED, r"not JSON: .*SERVICE_KEY_IS_NOT_REGISTERED_ERROR \*\*\*"),
        (500, b"Unexpected errors a+secret/key==", r"HTTP status 500: Unexpected errors \*\*\*"),
        (200, b"[]", "no response header"),
        (200, b"", "not JSON"),
        (200, b'{"response": {"header": {"resultCode": "00", "resultMsg": "OK"}}}', "no totalCount or no items"),
        (
            200,
            kma_answer([{"category": "SKY", "fcstValue": "1"}], 1),
            "an item is not as published",
        ),
        (
            200,
            kma_answer([], 9),
            "page 1 is empty, 0 of 9 items were there",
        ),
    ],
)
def test_errors_of_kma_are_said_without_the_key(status: int, body: bytes, reason: str) -> None:
    with serving(always(body, status)) as service, pytest.raises(SourceFailed, match=reason) as failed:
        kma(service.url).fetch(EARLY)

    assert "secret" not in str(failed.value)
    assert "secret" not in repr(kma(service.url))


@pytest.mark.parametrize(
    ("field", "value"),
    [("fcstDate", "00010101"), ("fcstDate", 20260520.5), ("fcstTime", "2500"), ("fcstValue", 10**400)],
)
def test_item_with_an_impossible_figure_is_malformed(field: str, value: object) -> None:
    document = sample("kma_short_2026-05-20_0500.json")
    document["response"]["body"]["items"]["item"][0][field] = value

    with serving(always(document)) as service, pytest.raises(SourceFailed, match="an item is not as published"):
        kma(service.url).fetch(EARLY)
