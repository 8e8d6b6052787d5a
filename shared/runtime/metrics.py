"""Figures of a process for Prometheus: counters and gauges, and the internal port that shows them as text.

Source of the text's form: Prometheus exposition format 0.0.4.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shared.errors import BadInput

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CONNECTIONS_MAX = 16
MESSAGES = "sandan_messages_handled_total"
MESSAGE_AGE = "sandan_message_age_seconds"
SET_ASIDE = "sandan_messages_set_aside_total"
PASSED_OVER = "sandan_messages_passed_over_total"
HANDLER_SECONDS = "sandan_handler_seconds_total"
TICKS, TICK_SECONDS = "sandan_ticks_total", "sandan_tick_seconds_total"
TICKS_UNDONE = "sandan_ticks_undone_total"
PUBLISHED = "sandan_messages_published_total"
BROKER_SILENCE, BROKER_OWING = "sandan_broker_silence_seconds", "sandan_broker_owing_seconds"
FORECAST_NMAE = "sandan_forecast_nmae_ratio"
FORECAST_COVERAGE = "sandan_forecast_coverage_ratio"
FORECAST_SKILL = "sandan_forecast_skill_rmse_ratio"
FORECAST_DRIFTING = "sandan_forecast_drifting"

# Every metric that a process may have: its kind, and what it says.
METRICS = {
    MESSAGES: ("counter", "Messages taken in, by type."),
    MESSAGE_AGE: ("gauge", "How old the newest message was when it was taken in, by the service's clock: its lag."),
    SET_ASIDE: ("counter", "Messages that went to the dead letters."),
    PASSED_OVER: ("counter", "Messages of complexes that are not served, by type."),
    HANDLER_SECONDS: ("counter", "Seconds in handlers, by type of message."),
    TICKS: ("counter", "Ticks."),
    TICKS_UNDONE: ("counter", "Ticks undone because an event of theirs was too large for the bus."),
    TICK_SECONDS: ("counter", "Seconds in ticks."),
    PUBLISHED: ("counter", "Messages that the broker has taken."),
    BROKER_SILENCE: ("gauge", "Seconds since the broker last answered."),
    BROKER_OWING: ("gauge", "For how long messages wait of which the broker takes none, or rounds fail at it."),
    FORECAST_NMAE: ("gauge", "Mean absolute error of the last days' forecasts, by lead in hours."),
    FORECAST_COVERAGE: ("gauge", "Share of what came between P10 and P90."),
    FORECAST_SKILL: ("gauge", "1 - RMSE / RMSE of the reference."),
    FORECAST_DRIFTING: ("gauge", "1 where near forecasts err much more today than before."),
}

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """A process's figures; threads may share it."""

    def __init__(self, **labels: str) -> None:
        self._common = labels
        self._lock = threading.Lock()
        self._figures: dict[str, dict[Labels, float]] = {}

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self._put(name, "counter", by, labels)

    def show(self, name: str, figure: float, **labels: str) -> None:
        """Set a gauge."""
        self._put(name, "gauge", figure, labels)

    def exposition(self) -> str:
        """Return all figures as Prometheus reads them."""
        with self._lock:
            lines = list(self._lines())
        return "\n".join(lines) + "\n"

    def _put(self, name: str, kind: str, figure: float, labels: dict[str, str]) -> None:
        if METRICS[name][0] != kind:
            raise ValueError(f"{name} must be a {METRICS[name][0]}, was used as a {kind}")
        key = tuple(sorted({**self._common, **labels}.items()))
        with self._lock:
            held = self._figures.setdefault(name, {})
            held[key] = figure + held.get(key, 0) if kind == "counter" else figure

    def _lines(self) -> Iterator[str]:
        for name, (kind, help_text) in METRICS.items():
            if name not in self._figures:
                continue
            yield f"# HELP {name} {help_text}"
            yield f"# TYPE {name} {kind}"
            for labels, figure in sorted(self._figures[name].items()):
                shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
                yield f"{name}{{{shown}}} {figure!r}" if shown else f"{name} {figure!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class _Server(ThreadingHTTPServer):
    """A server that answers so many at a time, and sends the others away: a thread and a descriptor each."""

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._places = threading.BoundedSemaphore(CONNECTIONS_MAX)

    def verify_request(self, request: object, client_address: object) -> bool:
        """Say whether there is a place, and take it."""
        del request, client_address
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one, and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that left."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # only printed


@contextmanager
def served(metrics: Metrics, host: str, port: int | None) -> Iterator[int | None]:
    """Serve `GET /metrics` in a thread of its own while the context lasts; yield the port, None where there is none.

    Raises:
        BadInput: The port is taken, or the host is none of this machine's.
    """
    if port is None:
        yield None
        return

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            found = self.path.partition("?")[0] == "/metrics"
            body = metrics.exposition().encode() if found else b"only /metrics is here\n"
            self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", CONTENT_TYPE if found else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a scrape every few seconds is no news."""

    try:
        server = _Server((host, port), Handler)
    except OSError as error:
        rule = f"must be an address that can be listened on ({error.strerror})"
        raise BadInput(where="environment", field="SANDAN_METRICS_PORT", rule=rule, value=f"{host}:{port}") from None
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
