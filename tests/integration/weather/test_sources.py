"""Open-Meteo against a web server that answers in its format, and what any service may do wrong."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from pydantic import SecretStr

from services.forecast.weather.open_meteo import OpenMeteo
from services.forecast.weather.source import SourceFailed
from tests.integration.weather.weather_services import (
    KEY,
    NOW,
    PLACE,
    Query,
    always,
    sample,
    serving,
)


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
