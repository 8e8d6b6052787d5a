"""Weather services on this machine that answer as the real ones do, for the tests of who asks them."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
from pydantic import SecretStr

from services.forecast.domain.solar.kma import SHORT_TERM, Product
from services.forecast.domain.solar.physics import Place
from services.forecast.weather.kma import Kma

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


def kma(url: str, product: Product = SHORT_TERM, key: str = KEY) -> Kma:
    return Kma(product=product, place=PLACE, key=SecretStr(key), url=url, timeout_s=2.0)


def at(frame: pd.DataFrame, variable: str, instant: datetime) -> list[float]:
    rows = frame[(frame.variable == variable) & (frame.valid_start <= instant) & (frame.valid_end > instant)]
    return [float(one) for one in rows["value"]]


def kma_error(code: str, message: str) -> bytes:
    return json.dumps({"response": {"header": {"resultCode": code, "resultMsg": message}}}).encode()
