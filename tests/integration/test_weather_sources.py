"""Each weather source against a web server that answers in the service's format, and what happens when it does not."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from pydantic import SecretStr

from services.forecast.domain.kma import SHORT_TERM, ULTRA_SHORT_TERM, Product
from services.forecast.domain.solar import Place
from services.forecast.weather.chain import ask
from services.forecast.weather.clear_sky import ClearSky
from services.forecast.weather.kma import Kma
from services.forecast.weather.open_meteo import OpenMeteo
from services.forecast.weather.replay import read_replay
from services.forecast.weather.source import Source, SourceFailed, SourceName
from shared.errors import BadInput, BadInputs

SAMPLES = Path(__file__).parent / "weather_samples"
PLACE = Place(35.205, 128.655, 20.0)
# 09:00 in Korea; the newest forecasts are those of 08:30 (ultra-short) and 08:00 (short-term).
NOW = datetime(2026, 5, 20, tzinfo=UTC)
# 06:00 in Korea: the newest short-term forecast is the sample's.
EARLY = NOW - timedelta(hours=3)
KEY = "a+secret/key=="
Query = dict[str, str]
Reply = Callable[[str, Query], tuple[int, bytes]]


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


class Service:
    """A web service on this machine; it keeps what it was asked."""

    def __init__(self, reply: Reply) -> None:
        self.asked: list[tuple[str, Query]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: one for name, [one] in parse_qs(parts.query).items()}
                service.asked.append((parts.path, query))
                status, body = reply(parts.path, query)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def serving(reply: Reply) -> Iterator[Service]:
    service = Service(reply)
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        service.server.shutdown()
        service.server.server_close()
        thread.join()


def always(document: Any, status: int = 200) -> Reply:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return lambda _path, _query: (status, body)


def in_pages(document: Any, page_rows: int) -> Reply:
    """Serve a KMA answer by pages, as the service does that gives no more rows at once."""
    items = document["response"]["body"]["items"]["item"]

    def reply(_path: str, query: Query) -> tuple[int, bytes]:
        page = int(query["pageNo"])
        part = items[(page - 1) * page_rows : page * page_rows]
        body = {**document["response"]["body"], "items": {"item": part}, "pageNo": page, "totalCount": len(items)}
        return 200, json.dumps({"response": {"header": document["response"]["header"], "body": body}}).encode()

    return reply


def kma(url: str, product: Product = SHORT_TERM, key: str = KEY) -> Kma:
    return Kma(product=product, place=PLACE, key=SecretStr(key), url=url, timeout_s=2.0)


def at(frame: pd.DataFrame, variable: str, instant: datetime) -> list[float]:
    rows = frame[(frame.variable == variable) & (frame.valid_start <= instant) & (frame.valid_end > instant)]
    return [float(one) for one in rows["value"]]


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


def kma_error(code: str, message: str) -> bytes:
    return json.dumps({"response": {"header": {"resultCode": code, "resultMsg": message}}}).encode()


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


def test_open_meteo_is_read_hourly_and_by_quarter_hours() -> None:
    with serving(always(sample("open_meteo_2026-05-20.json"))) as service:
        frame = OpenMeteo(place=PLACE, key=SecretStr(KEY), url=service.url).fetch(NOW)

    query = service.asked[0][1]
    assert (query["latitude"], query["longitude"], query["apikey"]) == ("35.20500", "128.65500", KEY)
    assert (query["start_hour"], query["end_hour"]) == ("2026-05-20T00:00", "2026-05-21T02:00")
    document = sample("open_meteo_2026-05-20.json")
    hour, quarter = timedelta(hours=1), timedelta(minutes=15)
    # Light is the mean of the step before its time: what stands at 01:00 (number 1) is of 00:00 to 01:00.
    light = frame[(frame.variable == "ghi") & (frame.valid_start == NOW)]
    by_span = {
        end - start: one for start, end, one in zip(light.valid_start, light.valid_end, light.value, strict=True)
    }
    assert by_span == {
        hour: document["hourly"]["shortwave_radiation"][1],
        quarter: document["minutely_15"]["shortwave_radiation"][1],
    }
    # Air is of its instant: half a step on both sides; the fifth hour is missing in the sample.
    air = frame[(frame.variable == "temp_air") & (frame.valid_end - frame.valid_start == hour)]
    assert len(air) == 26
    assert NOW + 5 * hour - hour / 2 not in set(air.valid_start)
    assert set(frame.available_at) == {pd.Timestamp(NOW)}


@pytest.mark.parametrize(
    ("status", "document", "reason"),
    [
        (400, {"error": True, "reason": "Latitude must be in range"}, "HTTP status 400: .*Latitude must be in range"),
        (200, {"error": True, "reason": "Too many requests"}, "Too many requests"),
        (200, {"latitude": 35.2}, "none of hourly, minutely_15"),
        (200, {"hourly": {"time": [0]}, "hourly_units": {}}, "hourly is not as published"),
        (
            200,
            {
                "hourly": {"time": [0], "shortwave_radiation": [1.0]},
                "hourly_units": {"shortwave_radiation": "MJ/m²"},
            },
            "hourly.shortwave_radiation must be in W/m², was in MJ/m²",
        ),
    ],
)
def test_errors_of_open_meteo_are_said(status: int, document: Any, reason: str) -> None:
    with serving(always(document, status)) as service, pytest.raises(SourceFailed, match=reason):
        OpenMeteo(place=PLACE, url=service.url).fetch(NOW)


def test_service_that_keeps_silent_is_not_waited_for() -> None:
    silent = threading.Event()

    def reply(_path: str, _query: Query) -> tuple[int, bytes]:
        silent.wait(10)
        return 200, b""

    with serving(reply) as service:
        try:
            with pytest.raises(SourceFailed, match=r"no answer within 0\.2 s"):
                OpenMeteo(place=PLACE, url=service.url, timeout_s=0.2).fetch(NOW)
        finally:
            silent.set()


@contextmanager
def raw(parts: Sequence[bytes], apart_s: float = 0.0) -> Iterator[str]:
    """Answer one call with these bytes, some time apart, and hang up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(65_536)
                for part in parts:
                    connection.sendall(part)
                    if done.wait(apart_s):
                        return

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            done.set()
            thread.join()


def test_answer_that_drips_is_not_waited_for() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"

    with (
        raw([head, *[b" "] * 1000], apart_s=0.05) as url,
        pytest.raises(SourceFailed, match=r"no answer within 0\.4 s"),
    ):
        OpenMeteo(place=PLACE, url=url, timeout_s=0.4).fetch(NOW)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "broke off|could not be reached"),
        (b"garbage\r\n\r\n", "broke off"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"hourly":', "not JSON"),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 1000\r\n\r\nsorry", "HTTP status 500: sorry"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 200_000, "not JSON"),
    ],
)
def test_answer_that_breaks_off_is_said(sent: bytes, reason: str) -> None:
    with raw([sent]) as url, pytest.raises(SourceFailed, match=reason):
        OpenMeteo(place=PLACE, url=url).fetch(NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [("fcstDate", "00010101"), ("fcstDate", 20260520.5), ("fcstTime", "2500"), ("fcstValue", 10**400)],
)
def test_item_with_an_impossible_figure_is_malformed(field: str, value: object) -> None:
    document = sample("kma_short_2026-05-20_0500.json")
    document["response"]["body"]["items"]["item"][0][field] = value

    with serving(always(document)) as service, pytest.raises(SourceFailed, match="an item is not as published"):
        kma(service.url).fetch(EARLY)


@pytest.mark.parametrize("second", [10**17, -(10**17), "soon", None])
def test_time_that_is_no_time_is_malformed(second: object) -> None:
    document = sample("open_meteo_2026-05-20.json")
    document["hourly"]["time"][3] = second

    with serving(always(document)) as service, pytest.raises(SourceFailed, match="hourly is not as published"):
        OpenMeteo(place=PLACE, url=service.url).fetch(NOW)


def test_service_that_is_not_there_is_said() -> None:
    with serving(always({})) as service:
        gone = service.url

    with pytest.raises(SourceFailed, match=r"could not be reached: .*refused"):
        OpenMeteo(place=PLACE, url=gone).fetch(NOW)


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
        sources: list[Source] = [
            kma(ultra.url, ULTRA_SHORT_TERM),
            kma(short.url),
            OpenMeteo(place=PLACE, url=never_asked.url),
        ]
        answer = ask(sources, ClearSky(PLACE), NOW)

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
        sources: list[Source] = [
            kma(limited.url, ULTRA_SHORT_TERM),
            kma(old.url),
            OpenMeteo(place=PLACE, url=open_meteo.url),
        ]
        answer = ask(sources, ClearSky(PLACE), later)

    assert answer.used == (SourceName.OPEN_METEO,)
    said = dict(answer.passed_over)
    assert said[SourceName.KMA_ULTRA_SHORT] == "resultCode 22: LIMITED"
    assert said[SourceName.KMA_SHORT].startswith("is stale: its newest rows became available at 2026-05-19T20:10")


def test_clear_sky_serves_alone_where_nobody_else_does() -> None:
    with serving(always({}, 503)) as down:
        answer = ask([OpenMeteo(place=PLACE, url=down.url)], ClearSky(PLACE), NOW)

    assert answer.used == (SourceName.CLEAR_SKY,)
    assert answer.passed_over == ((SourceName.OPEN_METEO, "HTTP status 503: {}"),)
    # Noon in Korea is bright, midnight is not.
    assert at(answer.frame, "ghi", NOW + timedelta(hours=3))[0] > 800
    assert at(answer.frame, "ghi", NOW + timedelta(hours=15)) == [0.0]


def test_weather_of_other_days_is_passed_over() -> None:
    with serving(always(sample("open_meteo_2026-05-20.json"))) as service:
        answer = ask([OpenMeteo(place=PLACE, url=service.url)], ClearSky(PLACE), NOW + timedelta(days=9))

    assert answer.passed_over == ((SourceName.OPEN_METEO, "says nothing of the hours that are not known yet"),)


def test_nothing_is_used_that_became_available_later() -> None:
    class Prophet(ClearSky):
        def fetch(self, issued_at: datetime) -> pd.DataFrame:
            frame = super().fetch(issued_at)
            return frame.assign(available_at=pd.Timestamp(issued_at) + pd.Timedelta(microseconds=1))

    answer = ask([Prophet(PLACE, name=SourceName.CSV)], ClearSky(PLACE), NOW)

    assert answer.used == (SourceName.CLEAR_SKY,)
    assert answer.passed_over == ((SourceName.CSV, "has nothing that is available yet"),)
    assert (answer.frame["available_at"] <= NOW).all()
